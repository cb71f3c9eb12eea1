"""Going through a list that comes in pages: small objects that know where the next page is said, and a guard against loops.

A paginator is given the request that brought a page and the page, and returns the request for the next one, or None. It keeps
nothing: where a walk breaks off, the window it belongs to begins anew; a token is never used twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from retail_sync.core.exact_json import is_list
from retail_sync.core.http import Answer, HttpClient
from retail_sync.core.http_errors import Answered, HttpError

PAGES_MAX = 200_000
_REFUSED_TOKEN = frozenset({400, 403, 404, 410, 422})


class PagesBroken(HttpError):
    """A walk over pages that cannot go on, or would not end. What it brought is not the whole list: begin it anew."""


@dataclass(frozen=True, slots=True)
class Call:
    """A read of one page. `document` is sent as JSON; `operation` names its rate; `cost` is in the unit of that rate.

    `expects`: the id that its first row must have, where pages overlap.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""
    cost: float = 1
    expects: str = ""


Paginator = Callable[[Call, Answer], Call | None]


@dataclass(frozen=True, slots=True)
class TokenInQuery:
    """The page says a token at `path`, and the next request carries it as `parameter`.

    `is_alone`: it must be the only parameter (Amazon's getReports: anything beside nextToken is 400).
    """

    path: str
    parameter: str
    is_alone: bool = False

    def __call__(self, call: Call, answer: Answer) -> Call | None:
        """Return the request for the next page."""
        token = at(answer.document, self.path)
        if not token:
            return None
        others = {} if self.is_alone else call.query
        return replace(call, query={**others, self.parameter: str(token)})


@dataclass(frozen=True, slots=True)
class TokenInBody:
    """The page says a token at `path`, and the next request is the same with it at `place` of its JSON document.

    `more` is the path of a flag that must be true for another page (GraphQL's hasNextPage); without it the token decides.
    """

    path: str
    place: str
    more: str = ""

    def __call__(self, call: Call, answer: Answer) -> Call | None:
        """Return the request for the next page."""
        token = at(answer.document, self.path)
        if self.more and at(answer.document, self.more) is not True:
            return None
        if not token:
            if self.more:
                raise PagesBroken(f"{call.path}: there is a next page, but no token for it", "run again")
            return None
        return replace(call, document=_with(call.document or {}, self.place.split("."), token))


@dataclass(frozen=True, slots=True)
class Offset:
    """Pages by number of rows, in the order of an id, each beginning with the last row of the one before.

    A row that leaves the list meanwhile would shift another one past the reader unseen: where a page does not begin with the
    row it must begin with, the walk is broken. `rows`: path of the rows; `parameter`: where the request says how many to skip;
    `total`: path of how many there are in all; `key`: path of the id within a row.
    """

    rows: str
    parameter: str
    total: str
    key: str = "id"

    def __call__(self, call: Call, answer: Answer) -> Call | None:
        """Return the request for the next page. Raises PagesBroken where rows moved while paging."""
        rows = at(answer.document, self.rows) or []
        if call.expects and (not rows or str(at(rows[0], self.key)) != call.expects):
            raise PagesBroken(f"{call.path}: rows moved while their pages were read", "run again")
        asked: Any = call.query if call.document is None else call.document
        reached = int(at(asked, self.parameter) or 0) + len(rows)
        if reached >= int(at(answer.document, self.total) or 0):
            return None
        if not rows:
            raise PagesBroken(f"{call.path}: a page is empty and there are more rows", "run again")
        # Pages of one row cannot overlap.
        overlap, mark = (1, str(at(rows[-1], self.key))) if rows[1:] else (0, "")
        if call.document is None:
            return replace(call, query={**call.query, self.parameter: str(reached - overlap)}, expects=mark)
        place = self.parameter.split(".")
        return replace(call, document=_with(call.document, place, reached - overlap), expects=mark)


def one_page(_call: Call, _answer: Answer) -> Call | None:
    """Paginator of a list that comes whole."""
    return None


def walk(
    client: HttpClient, call: Call, following: Paginator = one_page, pages_max: int = PAGES_MAX
) -> Iterator[Answer]:
    """Yield the pages from `call` on. Raises HttpError; PagesBroken where a request would be made a second time.

    A server that hands a token out twice never ends the list (Prism's mock servers do so, and Amazon's finances did).
    """
    asked: set[bytes] = set()
    current: Call | None = call
    while current is not None:
        mark = hashlib.sha256(repr((current.method, current.path, current.query, current.document)).encode()).digest()
        if mark in asked:
            raise PagesBroken(
                f"{client.system}, {current.path}: the same page was named as the next one twice", "run again"
            )
        if len(asked) == pages_max:
            raise PagesBroken(
                f"{client.system}, {current.path}: the list has more than {pages_max} pages", "ask for less"
            )
        asked.add(mark)
        try:
            answer = send(client, current)
        except Answered as refused:
            # The first page of this very list was given: what is refused is its token, which expired or lost its place.
            if len(asked) > 1 and refused.status in _REFUSED_TOKEN:
                raise PagesBroken(f"{refused.message} (page {len(asked)} of a walk)", "run again") from refused
            raise
        yield answer
        current = following(current, answer)


def send(client: HttpClient, call: Call) -> Answer:
    """Make the read that `call` describes. Raises HttpError."""
    body = None if call.document is None else orjson.dumps(call.document)
    return client.request(
        call.method, call.path,
        may_repeat=True,
        query=call.query,
        body=body,
        headers={**({} if body is None else {"Content-Type": "application/json"}), **call.headers},
        operation=call.operation,
        cost=call.cost,
    )  # fmt: skip


def at(document: Any, path: str) -> Any:
    """Return what stands at a dotted path of a JSON document; None where it ends before."""
    for part in path.split(".") if path else ():
        if is_list(document) and part.isdecimal():
            document = document[int(part)] if int(part) < len(document) else None
        elif isinstance(document, Mapping):
            document = document.get(part)
        else:
            return None
    return document


def _with(document: Mapping[str, Any], where: list[str], value: Any) -> dict[str, Any]:
    first, *rest = where
    return {**document, first: _with(document.get(first) or {}, rest, value) if rest else value}
