"""The benchmark: one million settlement lines, file to verified ledger, beside a bare read of the same file.

`make bench` prints seconds, their ratio and the peak memory of the whole process. Machines are noisy: the ratio within one
run says more than any second. Nothing is asserted on time; `make test` does not run this.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.simulator import write_v2_file


def bare_read(file: Path, folder: Path) -> float:
    """Seconds that DuckDB takes to read the file into a table, every column as text."""
    connection = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": "2", "memory_limit": "1GB"})
    width = len(file.open(encoding="utf-8").readline().split("\t"))
    columns = {f"c{number}": "VARCHAR" for number in range(width)}
    began = time.perf_counter()
    connection.execute(
        "create table bare as select * from read_csv($path, delim = chr(9), header = true, all_varchar = true, "
        "auto_detect = false, quote = '', escape = '', columns = $columns)",
        {"path": str(file), "columns": columns},
    )
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def whole_line(file: Path, folder: Path) -> dict[str, float]:
    """Seconds per stage from the file to the verified ledger, contracts proved on the way."""
    from retail_sync.reports import state

    pipeline = Pipeline(Home(folder / "home"), "bench")
    seconds: dict[str, float] = {}
    stages = {
        "raw": lambda: pipeline.ingest([str(file)], "amazon"),
        "canonical": pipeline.load,
        "canonical contracts": lambda: state.read_canonical(pipeline),
        "reconcile": pipeline.reconcile,
        "journal": pipeline.journal,
        "release": lambda: pipeline.release("bench"),
        "ledger": lambda: pipeline.post(watch_drift=True),
        "verify": lambda: state.read_ledger(pipeline, verify=True),
        "publish": lambda: pipeline.publish(is_nightly=True),
    }
    for name, stage in stages.items():
        began = time.perf_counter()
        stage()
        seconds[name] = time.perf_counter() - began
    found = state.read_ledger(pipeline, verify=False)
    if dict(found.by_state) != {"verified": sum(count for _, count in found.by_state)} or found.problems:
        raise SystemExit(f"the line did not end verified: {found.by_state} {found.problems}")
    return seconds


def child(file: Path, folder: Path) -> None:
    """Run the line in this process and print its seconds and peak memory as JSON.

    A hundred lines go first, in a home of their own: importing libraries takes as long for one line as for a million.
    """
    began = time.perf_counter()
    small = folder / "small.txt"
    write_v2_file(small, seed=1, lines=100)
    whole_line(small, folder / "small")
    start_up = time.perf_counter() - began
    seconds = whole_line(file, folder)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"start_up": start_up, "seconds": seconds, "peak_mb": peak_mb}) + "\n")


def main() -> None:
    """Make the file, measure the line between two bare reads, print the ratio to their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    with tempfile.TemporaryDirectory(prefix="retail-sync-bench-") as name:
        folder = Path(name)
        file = folder / "settlement.txt"
        write_v2_file(file, seed=options.seed, lines=options.lines)
        print(f"{options.lines:,} lines, {file.stat().st_size / 1e6:,.0f} MB")
        before = bare_read(file, folder)
        (folder / "bare.duckdb").unlink()
        command = [sys.executable, "-m", "retail_sync_tests.bench", "--child", str(file), str(folder)]
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        after = bare_read(file, folder)
    bare = (before + after) / 2
    print(f"  100 lines first, to load the libraries: {answer['start_up']:.2f} s, not counted")
    for stage, seconds in answer["seconds"].items():
        print(f"  {stage:<20} {seconds:6.2f} s")
    total = sum(answer["seconds"].values())
    print(f"whole line {total:.2f} s, bare read_csv {before:.2f} s before and {after:.2f} s after")
    print(f"ratio {total / bare:.2f}, peak memory {answer['peak_mb']:,.0f} MB")


if __name__ == "__main__":
    main()
