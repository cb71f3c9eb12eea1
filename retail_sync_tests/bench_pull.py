"""The benchmark of asking a system: one million orders over the loopback into the raw archive, beside a bare download.

`make bench-pull` prints seconds, their ratio and the peak memory of the process that pulls. The bare loop gets the very same
pages with `requests` and looks at none of them. The server is a process of its own that has every page ready. Nothing is
asserted on time; `make test` does not run this.
"""

from __future__ import annotations

import argparse
import json
import mmap
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from retail_sync.pipeline import Pipeline
from retail_sync.settings import SETTINGS_NAME, Home
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import PASSWORD, USER, FakeVendure

PAGE = 100


def write_orders(folder: Path, count: int) -> None:
    """Write `count` orders as JSON, one after the other, and where each begins."""
    [order] = FakeVendure(FakeClock(), 1).orders
    text = json.dumps(order)
    ends = [0]
    with (folder / "orders").open("wb") as file:
        for number in range(1, count + 1):
            one = text.replace("CODE0001", f"CODE{number:07}").replace('"id": "1", "code"', f'"id": "{number}", "code"')
            ends.append(ends[-1] + file.write(one.encode() + b","))
    (folder / "ends").write_text(json.dumps(ends), encoding="utf-8")


def serve(folder: Path, ready: multiprocessing.connection.Connection) -> None:
    """Answer logins and pages of orders until the process is ended."""
    ends = json.loads((folder / "ends").read_text(encoding="utf-8"))
    with (folder / "orders").open("rb") as file:
        orders = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    total = len(ends) - 1
    login = {"data": {"login": {"__typename": "CurrentUser", "id": "1", "identifier": USER}}}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """A login, or a page."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if skip := re.search(rb'"skip":(\d+)', body):
                begin = int(skip[1])
                rows = orders[ends[begin] : ends[min(begin + PAGE, total)] - 1]
                content = b'{"data":{"orders":{"totalItems":%d,"items":[%b]}}}' % (total, rows)
            else:
                content = json.dumps(login).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nvendure-auth-token: t\r\n\r\n"
            self.wfile.write(head.encode() + content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


def bare_download(url: str, count: int) -> float:
    """Seconds that a plain loop takes for the same pages."""
    session = requests.Session()
    began, skip = time.perf_counter(), 0
    while skip < count - 1:
        body = b'{"query":"orders","variables":{"options":{"skip":%d,"take":100}}}' % skip
        answer = session.post(f"{url}/admin-api", data=body, timeout=60)
        answer.raise_for_status()
        if not answer.content:
            raise SystemExit("an empty page")
        skip += PAGE - 1
    return time.perf_counter() - began


def child(url: str, folder: Path) -> None:
    """Pull everything in this process and print seconds and peak memory."""
    os.environ["RETAIL_SYNC_SHOP_PASSWORD"] = PASSWORD
    home = Home(folder)
    pipeline = Pipeline(home, "bench")
    began = time.perf_counter()
    [pulled] = pipeline.pull()
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if pulled.problem:
        raise SystemExit(pulled.problem.message)
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak_mb}) + "\n")


def main() -> None:
    """Start the server, pull between two bare downloads, print the ratio to their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="retail-sync-bench-") as name:
        folder = Path(name)
        write_orders(folder, options.orders)
        size = (folder / "orders").stat().st_size
        print(f"{options.orders:,} orders, {size / 1e6:,.0f} MB, {-(-(options.orders - 1) // (PAGE - 1)):,} pages")
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(folder, theirs), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{ours.recv()}"
        home = folder / "home"
        home.mkdir()
        connection = f'[source.connection]\nurl = "{url}"\nuser = "{USER}"\n'
        # One window for all of them: the server gives every order for any.
        settings = f'[[source]]\nname = "shop"\nconnector = "vendure"\nobjects = ["orders"]\nstart_date = "{today()}"\n'
        settings += "requests_per_minute = 1000000\n"
        (home / SETTINGS_NAME).write_text(settings + connection, encoding="utf-8")
        before = bare_download(url, options.orders)
        command = [sys.executable, "-m", "retail_sync_tests.bench_pull", "--child", url, str(home)]
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        after = bare_download(url, options.orders)
        server.terminate()
    print(f"pulled in {answer['seconds']:.2f} s, bare download {before:.2f} s before and {after:.2f} s after")
    print(f"ratio {answer['seconds'] / ((before + after) / 2):.2f}, peak memory {answer['peak_mb']:,.0f} MB")


def today() -> str:
    """The UTC day, from which the pull begins."""
    return time.strftime("%Y-%m-%d", time.gmtime())


if __name__ == "__main__":
    main()
