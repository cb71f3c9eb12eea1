"""The HTTP core against a server that misbehaves byte by byte."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.core.exact_json import read_json, write_json
from retail_sync.core.http import Answer, HttpClient, Limits, Manner
from retail_sync.core.http_errors import Answered, BudgetSpent, DeliveryUnknown, HttpError, NotDelivered
from retail_sync.core.pacing import Bucket, Clock, seconds_to_wait
from retail_sync_tests.fakes.clock import FakeClock

SECRET = "canary-5f1c"  # noqa: S105
QUICK = Limits(per_minute=60_000, burst=1_000)


def reply(status: int = 200, body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    """Bytes of a response; `length` is what it claims where that is not the truth."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Script:
    """A server that sends the next bytes of its script for every request, then hangs up where they ask for it."""

    answers: list[bytes]
    seconds_a_byte: float = 0

    def __post_init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, IndexError):
            while request := connection.recv(1 << 16):
                if (
                    request.startswith(b"POST")
                    and request.endswith(b"\r\n\r\n")
                    and b"Content-Length: 0" not in request
                ):
                    request += connection.recv(1 << 16)
                self.requests.append(request)
                answer = self.answers.pop(0)
                if self.seconds_a_byte:
                    for byte in answer:
                        connection.sendall(bytes([byte]))
                        time.sleep(self.seconds_a_byte)
                else:
                    connection.sendall(answer)
                if b"hang-up" in answer or not answer:
                    return


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Start scripted servers."""
    started = []

    def start(*answers: bytes, **settings: float) -> Script:
        started.append(Script(list(answers), **settings))
        return started[-1]

    yield start
    for server in started:
        server.close()


def client(server: Script, clock: FakeClock | None = None, limits: Limits = QUICK) -> HttpClient:
    """A client of it whose waiting takes no time."""
    return HttpClient("Test", server.url, None, limits, (clock or FakeClock()).as_clock())


CUT = gzip.compress(b'{"rows": [' + b"1234567," * 5_000 + b"1]}")


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b'{"a": 1}', "X: hang-up", length=400),
        reply(200, CUT[:60], "Content-Encoding: gzip"),
        reply(200, CUT[:-1], "Content-Encoding: gzip"),
        reply(200, b"\x1f\x8bnonsense", "Content-Encoding: gzip"),
        b'HTTP/1.1 200 X\r\nX: hang-up\r\n\r\n{"a": [1, 2',
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nX: hang-up\r\n\r\n8\r\n{\"a\": 1",
        reply(200, b"<html>We will be back soon</html>", "Content-Type: text/html"),
        reply(200, b'{"a": NaN}'),
        b"",
        b"HTTP/1.1 200 X\r\nhang-up",
    ],
    ids=["short", "gzip cut", "gzip without end", "no gzip", "no length", "chunk cut", "page", "NaN", "gone", "header cut"],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_no_answer(script: Callable[..., Script], answer: bytes) -> None:
    """Taken as an answer, half a list would be a short list."""
    with pytest.raises(DeliveryUnknown):
        client(script(answer)).request("POST", "/x", body=b"{}", may_repeat=False)


def test_a_whole_packed_answer_is_read_exactly(script: Callable[..., Script]) -> None:
    """A float would turn 0.1 + 0.2 into something else."""
    packed = gzip.compress(b'{"amount": 0.30, "large": 12345678901234.56}')
    answer = client(script(reply(200, packed, "Content-Encoding: gzip"))).request("GET", "/x", may_repeat=True)
    assert answer.document == {"amount": Decimal("0.30"), "large": Decimal("12345678901234.56")}


def test_a_read_is_repeated_and_a_write_is_not(script: Callable[..., Script]) -> None:
    """A write that is repeated without a key is booked twice."""
    server = script(reply(503), b"", reply(200, b"[1]"))
    assert client(server).request("GET", "/x", may_repeat=True).document == [1]
    server = script(reply(503), reply(200))
    with pytest.raises(Answered, match="503"):
        client(server).request("POST", "/x", body=b"{}", may_repeat=False)
    assert len(server.requests) == 1


def test_repeats_are_bounded_and_spread(script: Callable[..., Script]) -> None:
    """A client that hammers a server in trouble keeps it there."""
    clock = FakeClock()
    server = script(*[reply(500)] * 9)
    with pytest.raises(Answered):
        client(server, clock).request("GET", "/x", may_repeat=True)
    assert len(server.requests) == 4
    assert clock.slept == [0.75, 1.5, 3.0]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 301])
def test_what_no_repeat_can_cure_is_told_at_once(script: Callable[..., Script], status: int) -> None:
    """A redirect counts too: credentials do not follow it to another host."""
    server = script(reply(status, b'{"why": "because"}', "Location: http://127.0.0.1:1/"), reply())
    with pytest.raises(Answered) as caught:
        client(server).request("GET", "/x", may_repeat=True)
    assert (caught.value.status, caught.value.document) == (status, {"why": "because"})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("7", [7.5]),
        ("Fri, 20 Nov 2026 08:00:30 GMT", [30.5]),
        ("Fri, 20 Nov 2020 08:00:30 GMT", [0.5]),
        ("-5", [0.75]),
        ("soon", [0.75]),
        ("66975", None),
    ],
)
def test_retry_after_is_obeyed_within_reason(
    script: Callable[..., Script], header: str, waited: list[float] | None
) -> None:
    """A limit of the day is not waited for: the run ends and says so."""
    clock = FakeClock(datetime(2026, 11, 20, 8, tzinfo=UTC))
    server = script(reply(429, b"{}", f"Retry-After: {header}"), reply(200, b"[]"))
    if waited is None:
        with pytest.raises(Answered) as caught:
            client(server, clock).request("GET", "/x", may_repeat=True)
        assert caught.value.retry_after == 66975
    else:
        client(server, clock).request("GET", "/x", may_repeat=True)
        assert clock.slept == waited


def test_a_document_is_waited_for_as_its_server_asks(script: Callable[..., Script], tmp_path: Path) -> None:
    """Storage that slows us down says for how long, as interfaces do."""
    clock = FakeClock()
    server = script(reply(503, b"", "Retry-After: 7"), reply(200, b"whole"))
    client(server, clock).download(f"{server.url}/d", tmp_path / "d", bytes_max=1 << 20)
    assert (clock.slept, (tmp_path / "d").read_bytes()) == ([7.5], b"whole")


def test_nobody_there_is_told_apart_from_an_unknown_fate() -> None:
    """What reached nobody may be sent again without a look."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody = HttpClient("Test", f"http://127.0.0.1:{port}", limits=QUICK, clock=FakeClock().as_clock())
    with pytest.raises(NotDelivered):
        nobody.request("POST", "/x", body=b"{}", may_repeat=False)


def test_a_server_that_drips_is_cut_off(script: Callable[..., Script]) -> None:
    """A byte every now and then never trips a read timeout."""
    server = script(reply(200, b"[" + b" " * 500 + b"]"), seconds_a_byte=0.01)
    limits = replace(QUICK, read=1, total=0.8, attempts=1)
    started = time.monotonic()
    with pytest.raises(DeliveryUnknown, match="too slow"):
        HttpClient("Test", server.url, limits=limits).request("GET", "/x", may_repeat=True)
    assert time.monotonic() - started < 3


def test_a_silent_server_is_cut_off(script: Callable[..., Script]) -> None:
    """The read timeout, for real."""
    server = script(b"HTTP/1.1 200 X\r\n")
    with pytest.raises(DeliveryUnknown, match="in time"):
        HttpClient("Test", server.url, limits=replace(QUICK, read=0.2)).request("POST", "/x", may_repeat=False)


def test_an_endless_answer_is_cut_off(script: Callable[..., Script]) -> None:
    """Also one that is small on the line and large when unpacked."""
    limits = replace(QUICK, body_bytes_max=10_000, attempts=1)
    packed = gzip.compress(b" " * 1_000_000)
    for answer in (reply(200, b" " * 20_000), reply(200, packed, "Content-Encoding: gzip")):
        with pytest.raises(DeliveryUnknown):
            client(script(answer), limits=limits).request("GET", "/x", may_repeat=True)


class Password:
    """Credentials that the server may refuse once."""

    def __init__(self) -> None:
        self.renewed = 0

    def headers(self) -> Mapping[str, str]:
        """The header."""
        return {"Authorization": f"Bearer {SECRET}{self.renewed}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Others."""
        assert refused == self.headers()
        self.renewed += 1

    def secrets(self) -> Sequence[str]:
        """What is secret."""
        return [SECRET]


def test_refused_credentials_are_renewed_once(script: Callable[..., Script]) -> None:
    """A refused request was not carried out, so a write may go again; a second refusal is the answer."""
    auth = Password()
    server = script(reply(401), reply(200), reply(401), reply(401))
    http = HttpClient("Test", server.url, auth, QUICK, FakeClock().as_clock())
    http.request("POST", "/x", body=b"{}", may_repeat=False)
    assert [f"Bearer {SECRET}{n}".encode() in request for n, request in enumerate(server.requests)] == [True, True]
    with pytest.raises(Answered, match="401"):
        http.request("POST", "/x", body=b"{}", may_repeat=False)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "answer", [reply(400, f'{{"error": "bad token {SECRET}0"}}'.encode()), reply(200, SECRET.encode()), b""]
)
def test_no_error_shows_a_secret(script: Callable[..., Script], answer: bytes) -> None:
    """Neither one that the server sent back, nor one in an address, nor one in an exception below."""
    http = HttpClient("Test", script(answer).url, Password(), QUICK, FakeClock().as_clock())
    with pytest.raises(HttpError) as caught:
        http.request("GET", "/x", query={"access_token": SECRET}, may_repeat=False)
    error = caught.value
    assert SECRET not in f"{error!s}{error!r}{error.__cause__!r}{http!r}"
    assert error.__suppress_context__ or error.__context__ is None


def test_a_token_that_is_cut_off_is_not_shown(script: Callable[..., Script]) -> None:
    """A client without credentials may be one that signs in: what it is answered is a secret that nobody knows yet."""
    http = client(script(reply(200, f'{{"access_token":"{SECRET}'.encode())))
    with pytest.raises(DeliveryUnknown, match="not JSON: 28 bytes") as caught:
        http.request("POST", "/token", may_repeat=False)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", [f"{SECRET}\n", f"{SECRET}\u2192"])
def test_a_secret_that_no_header_can_have(secret: str) -> None:
    """Out of a file, it has a line end: the library's error would show it, and end the run of every other source."""
    auth = Password()
    auth.headers = lambda: {"Authorization": f"Bearer {secret}"}  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match="^Test, GET /x: no request can be made") as caught:
        HttpClient("Test", "http://127.0.0.1:9", auth).request("GET", "/x", may_repeat=True)
    assert SECRET not in f"{caught.value!s}{caught.value!r}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("address", ["shop.example.com", "https//shop.example.com", "ftp://shop", "http://[::1"])
def test_an_address_that_is_none(address: str, tmp_path: Path) -> None:
    """A slip in the settings is told as one; nothing of an address with its own permission is shown."""
    with pytest.raises(SettingsError, match="no request can be made"):
        HttpClient("Test", address).request("GET", "/x", may_repeat=True)
    with pytest.raises(SettingsError) as caught:
        HttpClient("Test", "https://test").download(f"{address}?signature={SECRET}", tmp_path / "x", bytes_max=1)
    assert SECRET not in f"{caught.value!s}{caught.value!r}"


def test_connections_are_used_again(script: Callable[..., Script]) -> None:
    """A new connection for each request costs a handshake each."""
    server = script(*[reply(200, b"[]")] * 5)
    http = client(server)
    for _ in range(5):
        http.request("GET", "/x", may_repeat=True)
    assert server.connections == 1


def test_a_bucket_paces_requests() -> None:
    """A burst is free, then one a second; a dear request is paid for by those after it."""
    clock = FakeClock()
    bucket = Bucket(60, 3, clock.as_clock())
    for _ in range(5):
        bucket.take()
    assert clock.slept == pytest.approx([1, 1])
    bucket.take(10)
    bucket.take()
    assert clock.slept[2:] == pytest.approx([1, 10])
    clock.sleep(60)
    bucket.at_most(0)
    bucket.take()
    assert clock.slept[-1] == pytest.approx(1)


def test_what_the_server_says_is_left_counts(script: Callable[..., Script]) -> None:
    """Others use the same quota."""
    clock = FakeClock()
    server = script(reply(200, b"[]", "X-Left: 0"), reply(200, b"[]"))
    http = client(server, clock, replace(QUICK, per_minute=60, remaining_header="X-Left"))
    http.request("GET", "/x", may_repeat=True)
    http.request("GET", "/x", may_repeat=True)
    assert clock.slept == pytest.approx([1])


def test_json_is_exact_both_ways() -> None:
    """Amounts are written digit by digit, and a float is refused."""
    value = {"a": Decimal("10000.00"), "b": [True, None, 7, "é\n"], "c": Decimal("1E+3")}
    assert write_json(value) == '{"a":10000.00,"b":[true,null,7,"é\\n"],"c":1000}'
    assert read_json(write_json(value)) == value
    with pytest.raises(TypeError, match="float"):
        write_json({"a": 0.1})
    with pytest.raises(TypeError, match="NaN"):
        write_json(Decimal("NaN"))


def test_a_retry_after_that_makes_no_sense_is_none() -> None:
    """Superscript digits are digits to Python."""
    clock = FakeClock().as_clock()
    assert [seconds_to_wait(text, clock) for text in (None, "", "²", "1.5", "-1")] == [None] * 5


# ---- What connectors ask for --------------------------------------------------------------------


def test_a_document_is_written_as_it_comes(script: Callable[..., Script], tmp_path: Path) -> None:
    """Unpacked where it was packed for the way, and asked for again where it broke off."""
    rows = b"settlement\trow\n" * 5_000
    packed = gzip.compress(rows)
    for answers in (
        [reply(200, rows)],
        [reply(200, packed, "Content-Encoding: gzip")],
        [reply(200, rows[:40_000], "X: hang-up", length=len(rows)), reply(200, rows)],
        [reply(200, packed[:-4], "Content-Encoding: gzip"), reply(200, packed, "Content-Encoding: gzip")],
        [reply(503), reply(200, rows)],
    ):
        server = script(*answers)
        client(server).download(f"{server.url}/d?signature={SECRET}", tmp_path / "d", bytes_max=1 << 20)
        assert (tmp_path / "d").read_bytes() == rows
        assert len(server.requests) == len(answers)


def test_an_address_with_its_own_permission_goes_alone(script: Callable[..., Script], tmp_path: Path) -> None:
    """Our credentials do not go to another host, and the address, which opens the document, is in no message."""
    server = script(reply(403, b"<Error>Request has expired</Error>"))
    http = HttpClient("Test", server.url, Password(), QUICK, FakeClock().as_clock())
    with pytest.raises(Answered, match="GET of a document: 403") as caught:
        http.download(f"{server.url}/d?signature={SECRET}", tmp_path / "d", bytes_max=1 << 20)
    assert SECRET not in str(caught.value)
    assert b"Authorization" not in server.requests[0]


def test_a_document_that_is_too_large_is_refused(script: Callable[..., Script], tmp_path: Path) -> None:
    """Also one that is small on the line."""
    bomb = gzip.compress(b" " * (3 << 20))
    server = script(*[reply(200, bomb, "Content-Encoding: gzip")] * 4)
    with pytest.raises(HttpError, match="larger than 1 MB"):
        client(server).download(f"{server.url}/d", tmp_path / "d", bytes_max=1 << 20)
    assert (tmp_path / "d").stat().st_size <= 1 << 20


def test_a_failure_inside_a_good_answer_is_one(script: Callable[..., Script]) -> None:
    """GraphQL says so with status 200; what a pause can cure is asked for again."""

    def judge(answer: Answer) -> HttpError | None:
        said = answer.document.get("errors")
        return Answered(f"said: {said}", 429 if said == "Throttled" else 400, answer.document, 2) if said else None

    clock = FakeClock()
    server = script(reply(200, b'{"errors": "Throttled"}'), reply(200, b'{"data": 1}'), reply(200, b'{"errors": "No"}'))
    http = HttpClient("Test", server.url, None, QUICK, clock.as_clock(), Manner(judge=judge))
    assert http.request("POST", "/q", may_repeat=True).document == {"data": 1}
    assert clock.slept == [2.5]
    with pytest.raises(Answered, match="said: No"):
        http.request("POST", "/q", may_repeat=True)


def test_each_operation_has_its_rate(script: Callable[..., Script]) -> None:
    """As the vendor limits them, corrected by what its answers say."""

    def heed(answer: Answer, bucket: Bucket) -> None:
        bucket.refills(60 * float(answer.headers.get("x-amzn-RateLimit-Limit", 0)))

    clock = FakeClock()
    server = script(*[reply(200, b"[]")] * 3, reply(200, b"[]", "x-amzn-RateLimit-Limit: 0.5"), reply(200, b"[]"))
    limits = replace(QUICK, rates={"slow": (6, 1)})
    http = HttpClient("Test", server.url, None, limits, clock.as_clock(), Manner(heed=heed))
    http.request("GET", "/a", may_repeat=True, operation="slow")
    http.request("GET", "/b", may_repeat=True, operation="another")
    assert clock.slept == []
    http.request("GET", "/a", may_repeat=True, operation="slow")
    http.request("GET", "/a", may_repeat=True, operation="slow")
    http.request("GET", "/a", may_repeat=True, operation="slow")
    assert clock.slept == pytest.approx([10, 10, 2])


def test_a_budget_bounds_all_tries(script: Callable[..., Script]) -> None:
    """Repeats count too: they are what a run in trouble makes."""
    server = script(*[reply(503)] * 9)
    http = client(server, limits=replace(QUICK, calls_max=3))
    with pytest.raises(BudgetSpent, match="3 requests were made"):
        http.request("GET", "/x", may_repeat=True)
    assert len(server.requests) == 3


def test_a_trickle_is_given_up(script: Callable[..., Script], tmp_path: Path) -> None:
    """A document has no deadline, only a rate to keep: the clock here runs a second a look."""
    clock = FakeClock()

    def passing() -> float:
        clock.now += 1
        return clock.now

    server = script(reply(200, b"x" * 400), seconds_a_byte=0.001)
    ticking = Clock(passing, clock.time, clock.sleep, lambda: 0.5)
    http = HttpClient("Test", server.url, None, replace(QUICK, attempts=1), ticking)
    with pytest.raises(DeliveryUnknown, match="too slow"):
        http.download(f"{server.url}/d", tmp_path / "d", bytes_max=1 << 20)
