"""Signing in: rotating refresh tokens that must never be lost, and several processes that share them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.core.http import HttpClient, Limits, Manner
from retail_sync.core.http_errors import NotDelivered
from retail_sync.core.oauth import Credentials, OAuth, SignIn
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.quickbooks import REALM, FakeQuickBooks
from retail_sync_tests.fakes.server import FakeServer, Reply, Request
from retail_sync_tests.fakes.tokens import TOKEN_PATH

GIVEN = Credentials("app", "app-secret", "refresh-0")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A company with its sign-in."""
    fake = FakeServer(FakeQuickBooks(FakeClock()))
    yield fake
    fake.close()


def client(server: FakeServer, folder: Path, given: Credentials = GIVEN) -> HttpClient:
    """A client as a process that has just started makes it."""
    clock = server.system.clock.as_clock()
    sign_in = HttpClient("Sign-in", server.url, limits=Limits(attempts=2), clock=clock)
    oauth = OAuth(sign_in, TOKEN_PATH, given, folder / "oauth" / "x.json")
    return HttpClient("Test", server.url, oauth, clock=clock)


def ask(http: HttpClient) -> None:
    """A request that needs a token."""
    http.request("GET", f"/v3/company/{REALM}/preferences", query={"minorversion": "75"}, may_repeat=True)


def test_processes_share_a_token_and_the_newest_refresh_token(server: FakeServer, tmp_path: Path) -> None:
    """Each process refreshing for itself would use up tokens that another still needs."""
    first, second = client(server, tmp_path), client(server, tmp_path)
    ask(first)
    ask(second)
    assert server.system.tokens.refreshes == 1
    server.system.expire_tokens()
    ask(second)
    ask(first)  # refused, finds what the other got
    assert server.system.tokens.refreshes == 2
    server.system.clock.sleep(3_600)
    ask(first)
    assert server.system.tokens.refreshes == 3
    stored = tmp_path / "oauth" / "x.json"
    assert '"refresh-3"' in stored.read_text()
    assert stored.stat().st_mode & 0o777 == 0o600


def test_two_threads_refresh_once(server: FakeServer, tmp_path: Path) -> None:
    """The lock is the kernel's, so it holds between processes as well."""
    threads = [threading.Thread(target=ask, args=(client(server, tmp_path),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.system.tokens.refreshes == 1


def test_a_lost_answer_of_the_sign_in_loses_no_connection(server: FakeServer, tmp_path: Path) -> None:
    """The token is rotated on their side, we never saw it: the one before is taken again."""
    server.plan = FaultPlan(1, 1, probability=2, fates=["dropped after"])
    ask(client(server, tmp_path))
    assert server.system.tokens.refreshes == 2


def test_a_sign_in_that_never_answers_is_no_lost_connection(server: FakeServer, tmp_path: Path) -> None:
    """It is told as such, and the next run goes on."""
    server.plan = FaultPlan(1, 8, probability=2, fates=["dropped after"])
    with pytest.raises(NotDelivered):
        ask(client(server, tmp_path))
    ask(client(server, tmp_path))


def test_a_new_token_of_the_environment_takes_over(server: FakeServer, tmp_path: Path) -> None:
    """A person connected again: what is stored belongs to the connection before."""
    ask(client(server, tmp_path))
    server.system.tokens.revoke()
    with pytest.raises(SettingsError, match="does not accept our connection") as caught:
        ask(client(server, tmp_path))
    assert "connect again" in caught.value.remedy
    server.system.tokens._good_refresh.add("refresh-new")
    ask(client(server, tmp_path, Credentials("app", "app-secret", "refresh-new")))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Credentials("app", "app-secret", "canary"), "the refresh token was copied wrongly"),
        (Credentials("app", "canary", "refresh-0"), "client id and secret do not go together"),
    ],
)
def test_a_first_sign_in_that_is_refused_says_why(
    server: FakeServer, tmp_path: Path, given: Credentials, why: str
) -> None:
    """Which of the three secrets to look at; none of them is shown."""
    with pytest.raises(SettingsError, match=why) as caught:
        ask(client(server, tmp_path, given))
    assert "canary" not in f"{caught.value}{caught.value.remedy}"


def test_credentials_come_from_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    """A message names the variables that are not set, not those that are."""
    given = {"RETAIL_SYNC_XERO_CLIENT_ID": "id", "RETAIL_SYNC_XERO_CLIENT_SECRET": "canary"}
    with pytest.raises(SettingsError, match="^RETAIL_SYNC_XERO_REFRESH_TOKEN not set") as caught:
        Credentials.read("xero", given)
    read = Credentials.read("xero", {**given, "RETAIL_SYNC_XERO_REFRESH_TOKEN": "canary"})
    oauth = OAuth(HttpClient("Sign-in", "https://sign.in"), "", read, tmp_path / "x.json")
    assert "canary" not in f"{caught.value}{read!r}{oauth!r}{oauth._tokens!r}"


@dataclass
class FormServer:
    """A sign-in that takes our id and secret in the form, and an interface that tells a stale token with 403."""

    clock: FakeClock
    half: bool = False
    issued: int = 0

    def answer(self, request: Request) -> Reply:
        """Give a token, or say whether a request carries the newest."""
        if request.path == "/token":
            form = dict(parse_qsl(request.body.decode()))
            assert "authorization" not in request.headers
            assert (form["client_id"], form["client_secret"], form["refresh_token"]) == (
                "app",
                "app-secret",
                "refresh-0",
            )
            self.issued += 1
            return Reply(200, {"access_token": f"access-{self.issued}", "expires_in": 3_600})
        if request.headers.get("x-token") != f"access-{self.issued}":
            return Reply(403, {"details": "the token has expired"})
        return Reply(200, {})

    def is_write(self, _: Request) -> bool:
        """Nothing is booked."""
        return False


def test_a_system_with_manners_of_its_own(tmp_path: Path) -> None:
    """Id and secret in the form, the token in a header of their own, no file, and 403 for a stale token."""
    server = FakeServer(FormServer(FakeClock()))
    clock = server.system.clock.as_clock()
    sign_in = SignIn("x-token", "", is_in_form=True, help="the runbook")
    oauth = OAuth(HttpClient("Sign-in", server.url, clock=clock), "/token", GIVEN, None, sign_in)
    manner = Manner(is_stale=lambda refused: refused.status == 403)
    http = HttpClient("Test", server.url, oauth, clock=clock, manner=manner)
    for renewals in (1, 2):
        clock.sleep(3_600)
        http.request("GET", "/", may_repeat=True)
        http.request("GET", "/", may_repeat=True)
        assert server.system.issued == renewals
    server.system.issued += 1  # the token is withdrawn before its time
    http.request("GET", "/", may_repeat=True)
    assert server.system.issued == 4
    assert list(tmp_path.iterdir()) == []
    server.close()


@pytest.mark.parametrize("document", [{"error": "busy"}, [], b"null", {"access_token": "a", "expires_in": "soon"}])
def test_an_answer_without_a_token_sends_nothing(document: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in between answered: no error of the program, which would end the run of every other source."""
    server = FakeServer(FormServer(FakeClock()))
    monkeypatch.setattr(server.system, "answer", lambda _: Reply(200, document))
    sign_in = HttpClient("Sign-in", server.url, clock=server.system.clock.as_clock())
    http = HttpClient("Test", server.url, OAuth(sign_in, "/token", GIVEN, None))
    with pytest.raises(NotDelivered, match="Sign-in answered without a token"):
        http.request("GET", "/", may_repeat=False)
    server.close()
