"""The HTTP side of a fake system: one request at a time, whatever a fault plan does to it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan

_PAGE = b"<!doctype html><html><body>We will be back soon</body></html>"


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON in it, numbers exact."""
        return json.loads(self.body, parse_float=Decimal)


@dataclass(frozen=True)
class Reply:
    """What the system says. A document becomes JSON with the floats that real servers write; bytes are sent as they are."""

    status: int
    document: Any
    headers: dict[str, str] = field(default_factory=dict)


class System(Protocol):
    """A fake system behind the server."""

    clock: FakeClock
    half: bool  # carry only half of the next batch out

    def answer(self, request: Request) -> Reply:
        """Carry a request out."""

    def is_write(self, request: Request) -> bool:
        """Whether a request may book something."""

    def expire_tokens(self) -> None:
        """Refuse the access token that is in use."""

    def move_books(self) -> None:
        """Close the books further, or open them again."""

    def flip_duplicates(self) -> None:
        """Switch the check of document numbers."""


class FakeServer:
    """Serves a system on a port of the loopback until it is closed."""

    def __init__(self, system: System, plan: FaultPlan | None = None) -> None:
        self.system = system
        self.plan = plan or FaultPlan(0, 0)
        self.requests: list[Request] = []
        self.connections = 0
        self._late: list[tuple[float, Request]] = []
        self._lock = threading.Lock()
        fake = self

        class Handler(_Handler):
            server_side = fake

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

    def arrive(self, *, at_last: bool = False) -> None:
        """Carry out what was on its way and is due now, or all of it."""
        now = self.system.clock.time()
        due = [request for at, request in self._late if at_last or at <= now]
        self._late = [] if at_last else [(at, request) for at, request in self._late if at > now]
        for request in due:
            self.system.answer(request)

    def serve(self, request: Request) -> tuple[str, Reply | None]:
        """Return what goes wrong with the answer, and the answer if there is one."""
        with self._lock:
            self.requests.append(request)
            fate = self.plan.next(self.system.is_write(request))
            if fate == "late":
                self._late.append((self.system.clock.time() + self.plan.delay(), request))
                return "dropped before", None
            self.arrive()
            match fate:
                case "dropped before" | "page before":
                    return fate, None
                case "throttled":
                    return "", Reply(429, {"message": "too many"}, {"Retry-After": "3"})
                case "failed before":
                    return "", Reply(503, {"message": "unavailable"})
                case "token stale":
                    self.system.expire_tokens()
                case "books move":
                    self.system.move_books()
                case "duplicates flip":
                    self.system.flip_duplicates()
            self.system.half = fate == "half then dropped"
            reply = self.system.answer(request)
            self.system.half = False
            if fate == "failed after":
                return "", Reply(504, {"message": "gateway timeout"})
            return fate, reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_side: FakeServer

    def setup(self) -> None:
        super().setup()
        self.server_side.connections += 1

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        fate, reply = self.server_side.serve(request)
        if fate in ("dropped before", "dropped after", "half then dropped"):
            self._hang_up()
            return
        if fate in ("page before", "page after") or reply is None:
            self._write(200, _PAGE, {"Content-Type": "text/html"})
            return
        if isinstance(reply.document, bytes):
            content, headers = reply.document, dict(reply.headers)
        else:
            content = b"" if reply.document is None else json.dumps(reply.document, default=float).encode()
            headers = {"Content-Type": "application/json", **reply.headers}
        if fate == "cut after":
            self._write(reply.status, content, headers, keep=len(content) // 2)
            self._hang_up()
            return
        self._write(reply.status, content, headers)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815

    def _write(self, status: int, content: bytes, headers: dict[str, str], keep: int | None = None) -> None:
        lines = [f"HTTP/1.1 {status} Fake", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.wfile.write(head + (content if keep is None else content[:keep]))

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
