"""A bad line: a proxy on this machine before a server that loses, cuts, delays and refuses requests by a plan.

It knows HTTP just enough to see where a request and an answer end. The server behind it is a real one and does whatever
reaches it; what the client hears of that is another matter. A fate is drawn for each request, in the order they come.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from contextlib import suppress

FATES = (
    "lost before",  # the connection ends before the server heard anything
    "lost after",  # the server did it, the answer is lost
    "cut",  # half of the answer
    "busy before",  # 503, and nothing was done
    "busy after",  # 503, and it was done
    "late",  # the connection ends, and the request arrives a moment later
    "doubled",  # the request arrives twice, the second answer is the one that comes back
)
_BUSY = b"HTTP/1.1 503 SERVICE UNAVAILABLE\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy"
_LATE_SECONDS = (0.02, 0.25)


class FaultProxy:
    """A listening socket; each connection is served by a thread. `happened` counts the fates by name."""

    def __init__(self, host: str, port: int, seed: int, share: float, most: int) -> None:
        """Serve requests to `host:port`, of which `share` go wrong, `most` of them at the most."""
        self._target = (host, port)
        self._rng = random.Random(seed)
        self._share = share
        self._left = most
        self._lock = threading.Lock()
        self._late: list[threading.Thread] = []
        self.happened: Counter[str] = Counter()
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more, and wait until what is late has arrived."""
        self._listener.close()
        for thread in self._late:
            thread.join()

    def heal(self) -> None:
        """From now on nothing goes wrong, once what is late has arrived."""
        with self._lock:
            self._left = 0
        for thread in self._late:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while request := _message(client):
                answer = self._answer(request, self._fate())
                if answer is None:
                    return
                client.sendall(answer)
                if answer is not _BUSY and len(answer) < _length(answer):
                    return

    def _fate(self) -> str:
        with self._lock:
            self.requests += 1
            if self._left <= 0 or self._rng.random() >= self._share:
                return ""
            self._left -= 1
            fate = self._rng.choice(FATES)
            self.happened[fate] += 1
            return fate

    def _answer(self, request: bytes, fate: str) -> bytes | None:
        """Return what the client hears; None where the connection ends."""
        if fate == "busy before":
            return _BUSY
        if fate == "lost before":
            return None
        if fate == "late":
            thread = threading.Thread(target=self._deliver_late, args=(request,), daemon=True)
            self._late.append(thread)
            thread.start()
            return None
        answer = self._forward(request)
        if fate == "doubled":
            answer = self._forward(request)
        match fate:
            case "lost after":
                return None
            case "busy after":
                return _BUSY
            case "cut":
                return answer[: len(answer) // 2]
            case _:
                return answer

    def _deliver_late(self, request: bytes) -> None:
        time.sleep(self._rng.uniform(*_LATE_SECONDS))
        with suppress(OSError):
            self._forward(request)

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(self._target, timeout=60) as server:
            server.sendall(request)
            return _message(server)


def _message(connection: socket.socket) -> bytes:
    """Read one request or answer: its head, and as much as its Content-Length says, else to the end; b'' at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return data
        data += part
    is_answer = data.startswith(b"HTTP/")
    while len(data) < _length(data) or (is_answer and b"content-length:" not in data.lower().split(b"\r\n\r\n")[0]):
        part = connection.recv(65_536)
        if not part:
            return data
        data += part
    return data


def _length(message: bytes) -> int:
    """Return how long a message is in all, by its head."""
    head, _, _ = message.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + 4 + int(line.partition(b":")[2])
    return len(head) + 4
