"""Walks over pages: they end, they lose nothing, and they say so where they cannot go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from retail_sync.core.http import HttpClient, Limits
from retail_sync.core.http_errors import Answered
from retail_sync.core.paging import (
    Call,
    Offset,
    PagesBroken,
    Paginator,
    TokenInBody,
    TokenInQuery,
    at,
    one_page,
    walk,
)
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import FakeServer, Reply, Request
from retail_sync_tests.fakes.source import FakeSource


class Told(FakeSource):
    """A system that gives the next reply of a list for each request."""

    connector = "told"

    def fill(self, rows: int) -> None:
        """There are no lists."""

    insert = connection = secrets = fill  # type: ignore[assignment]

    def answer(self, request: Request) -> Reply:
        """Give the next reply; the last one again and again."""
        return self.replies.pop(0) if self.replies[1:] else self.replies[0]


@pytest.fixture
def told() -> Iterator[Any]:
    """Start servers that say what they are told."""
    servers = []

    def start(*replies: Reply | Any) -> FakeServer:
        system = Told(FakeClock())
        system.replies = [reply if isinstance(reply, Reply) else Reply(200, reply) for reply in replies]
        servers.append(FakeServer(system))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def rows(server: FakeServer, call: Call, following: Paginator, pages_max: int = 10) -> list[Any]:
    """The rows of all pages."""
    client = HttpClient("Test", server.url, None, Limits(per_minute=60_000, burst=100), FakeClock().as_clock())
    found: list[Any] = []
    for answer in walk(client, call, following, pages_max):
        found += answer.document["rows"]
    client.close()
    return found


def sent(server: FakeServer) -> Sequence[Any]:
    """What was asked for, in order."""
    return [json.loads(request.body) if request.body else request.query for request in server.requests]


def test_a_token_goes_into_the_query(told: Any) -> None:
    """Beside what was asked for, or alone where the system takes nothing beside it."""
    pages = ({"rows": [1], "p": {"next": "t1"}}, {"rows": [], "p": {"next": "t2"}}, {"rows": [2], "p": {}})
    for is_alone, first in ((False, {"size": "9", "token": "t1"}), (True, {"token": "t1"})):
        server = told(*pages)
        call = Call("GET", "/list", query={"size": "9"})
        assert rows(server, call, TokenInQuery("p.next", "token", is_alone)) == [1, 2]
        assert sent(server)[0:2] == [{"size": "9"}, first]


def test_a_token_goes_into_the_body(told: Any) -> None:
    """With the original query, as Square and GraphQL want it."""
    pages = ({"rows": [1], "end": "c1", "more": True}, {"rows": [2], "end": "c2", "more": False})
    server = told(*pages)
    call = Call("POST", "/q", document={"query": {"a": 1}, "variables": {"after": None}})
    assert rows(server, call, TokenInBody("end", "variables.after", more="more")) == [1, 2]
    assert sent(server)[1] == {"query": {"a": 1}, "variables": {"after": "c1"}}


def test_more_without_a_token_is_no_end(told: Any) -> None:
    """A list that says it goes on and not where would be a short list."""
    server = told({"rows": [1], "end": None, "more": True})
    with pytest.raises(PagesBroken, match="no token"):
        rows(server, Call("POST", "/q", document={}), TokenInBody("end", "after", more="more"))


@pytest.mark.parametrize("following", [TokenInQuery("next", "token"), TokenInBody("next", "token")])
def test_a_token_that_comes_back_ends_the_walk(told: Any, following: Paginator) -> None:
    """Prism's mock of Square gives the same cursor for ever."""
    server = told({"rows": [1], "next": "same"})
    with pytest.raises(PagesBroken, match="twice"):
        rows(server, Call("POST", "/q", document={}), following)
    assert len(server.requests) == 2


def test_a_list_without_end_is_given_up(told: Any) -> None:
    """Tokens that are all different, and never none."""
    server = told(*({"rows": [n], "next": f"t{n}"} for n in range(20)))
    with pytest.raises(PagesBroken, match="more than 10 pages"):
        rows(server, Call("GET", "/list"), TokenInQuery("next", "token"))


def test_a_refused_token_is_told_from_a_refused_request(told: Any) -> None:
    """The first page refused: the request is wrong. A later one: its token expired, and the window may be asked for again."""
    refused = Reply(400, {"message": "expired"})
    with pytest.raises(PagesBroken, match="page 2"):
        rows(told({"rows": [1], "next": "t"}, refused), Call("GET", "/list"), TokenInQuery("next", "token"))
    with pytest.raises(Answered):
        rows(told(refused), Call("GET", "/list"), TokenInQuery("next", "token"))


def numbered(*ids: int, total: int) -> dict[str, Any]:
    """A page of rows with ids."""
    return {"rows": [{"id": n} for n in ids], "total": total}


OFFSET = Offset("rows", "skip", "total")


def test_numbered_pages_overlap(told: Any) -> None:
    """Each begins with the last row of the one before."""
    server = told(numbered(1, 2, 3, total=5), numbered(3, 4, 5, total=5))
    assert [row["id"] for row in rows(server, Call("GET", "/l", query={"skip": "0"}), OFFSET)] == [1, 2, 3, 3, 4, 5]
    assert sent(server) == [{"skip": "0"}, {"skip": "2"}]


@pytest.mark.parametrize(
    "second",
    [
        numbered(4, 5, 6, total=5),  # a row left before the reader and one came at the end: the total is the same
        numbered(4, 5, total=4),
        numbered(total=5),
    ],
    ids=["left and came", "left", "empty"],
)
def test_rows_that_move_meanwhile_break_the_walk(told: Any, second: Any) -> None:
    """Row 3 would be shifted past the reader unseen."""
    with pytest.raises(PagesBroken, match="moved"):
        rows(told(numbered(1, 2, 3, total=5), second), Call("GET", "/l", query={"skip": "0"}), OFFSET)


def test_a_list_that_comes_whole(told: Any) -> None:
    """One request."""
    assert rows(told({"rows": [1, 2]}), Call("GET", "/list"), one_page) == [1, 2]


def test_places_in_a_document() -> None:
    """A path that ends before is no value, never an error."""
    document = {"a": {"b": [{"c": 1}]}}
    assert at(document, "a.b.0.c") == 1
    assert [at(document, path) for path in ("a.x", "a.b.7", "a.b.c", "a.b.0.c.d")] == [None] * 4
