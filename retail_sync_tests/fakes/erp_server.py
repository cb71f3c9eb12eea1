"""What the stand-ins for ERP servers share: an HTTP server on this machine, and a transaction for each request.

A request that fails leaves the state as it was. What goes wrong on the line is `fault_proxy.py`'s business, not theirs.
"""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Refusal(Exception):  # noqa: N818
    """The server says no: `name` is its own word for the kind."""

    def __init__(self, name: str, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.name = name
        self.status = status


class FakeServer:
    """A server with a `state` that can be copied. Subclasses answer."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = fake.serve(self.command, self.path, body, dict(self.headers))
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # How often it looks whether it is closed: half a second, if nothing is said, which every test would wait for.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def serve(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Answer one request in one transaction."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            before = copy.deepcopy(self.state)
            try:
                return 200, self.answer(method, unquote(parts.path), query, json.loads(body or b"{}"), headers)
            except Refusal as refusal:
                self.state = before
                return self.refused(refusal)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Return the content of a good answer. Raises Refusal."""
        raise NotImplementedError

    def refused(self, refusal: Refusal) -> tuple[int, Any]:
        """Return status and content of a refusal."""
        raise NotImplementedError
