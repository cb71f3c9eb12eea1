"""Shopify's bulk operations: a list of many days is made into one file on its side, and read here as the pages of that list.

Documented (shopify.dev, "Perform bulk operations with the GraphQL Admin API" and the enums of 2026-07): bulkOperationRunQuery takes
a query without variables, with at most five connections, two levels deep, none within a list, read by `edges { node }`; up to
five run per app and shop (one before 2026-01), beyond that OPERATION_IN_PROGRESS or LIMIT_REACHED. The file has a node a line;
children say `__parentId`, keep the order of their connection, and follow their own parent directly with `groupObjects: true`
(false by default since 2026-01). `url` is null where nothing was found, carries its own permission, and holds for a week.
FAILED may have a partialDataUrl: half a list is none, so it is not even asked for. CANCELED happens to operations that stall.

Unverified, no real shop having been at hand: that objectCount is the number of lines of the file, and rootObjectCount of those
without a parent ("counts both", the products and their variants, in the documentation). Where it were otherwise, every
operation would be refused and said so; seven days or fewer are read page by page.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from retail_sync.connectors.shopify_api import STATUSES, Client
from retail_sync.connectors.wire import Page
from retail_sync.core.errors import SettingsError
from retail_sync.core.http_errors import REPEATABLE_STATUSES, Answered, BudgetSpent, HttpError
from retail_sync.core.paging import PagesBroken

_RUN = """
mutation ($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) { bulkOperation { id status } userErrors { code field message } }
}
"""
_LOOK = """
query ($id: ID!) {
  node(id: $id) { ... on BulkOperation { id status errorCode objectCount rootObjectCount url } }
}
"""
_CANCEL = "mutation ($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"
_TAKEN = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_RUNNING = frozenset({"CREATED", "RUNNING", "CANCELING"})
_WAIT_FIRST_SECONDS, _TOLD_FROM_SECONDS, _WAIT_MAX_SECONDS = 2.0, 10.0, 60.0
# Shopify gives an operation ten days; a run that waits holds the others up.
_TOTAL_SECONDS = 7200.0
_FILE_BYTES_MAX = 8 << 30
_LINE_BYTES_MAX = 16 << 20
_RECORD_BYTES_MAX = 32 << 20
_PAGE_RECORDS, _PAGE_BYTES = 250, 8 << 20
_PAGED_INSTEAD = "run again, or ask for seven days at most: these are read page by page"


@dataclass(frozen=True, slots=True)
class FileShape:
    """What the lines of a file are. `root`: where the page of a list holds its records; `children`: kind of id: connection."""

    root: tuple[str, ...]
    kind: str
    children: Mapping[str, str]


ORDERS_FILE = FileShape(
    ("data", "orders", "nodes"), "Order", {"ShippingLine": "shippingLines", "LineItem": "lineItems"}
)


def in_bulk(client: Client, query: str, shape: FileShape) -> Iterator[Page]:
    """Have a query carried out in bulk and yield what it found as pages of its list. Raises HttpError.

    The last page is no sign of success: counts that differ are told after it, and what came before is thrown away then.
    """
    done = _finished(client, query)
    if done["url"] is None:
        _check_counts(done, 0, 0)
        return
    path = client.scratch / f"bulk-{done['id'].rpartition('/')[2]}.jsonl"
    try:
        _download(client, str(done["url"]), path)
        yield from _pages(path, shape, done)
    finally:
        path.unlink(missing_ok=True)


def _finished(client: Client, query: str) -> dict[str, Any]:
    """Start the operation, wait for its end and return it. Raises HttpError where it brings nothing whole."""
    clock = client.http.clock
    deadline, wait, number = clock.monotonic() + _TOTAL_SECONDS, _WAIT_FIRST_SECONDS, ""
    while True:
        number = number or _started(client, query)
        if number:
            found = _looked_at(client, number)
            if found["status"] not in _RUNNING:
                return _judged(found)
        if wait > _TOLD_FROM_SECONDS:
            so_far = f"makes a file, {found['objectCount']} objects so far" if number else "is busy with other files"
            client.progress(f"Shopify {so_far} (bulk operation)")
        if clock.monotonic() + wait > deadline:
            raise _given_up(client, number)
        clock.sleep(wait)
        wait = min(1.5 * wait, _WAIT_MAX_SECONDS)


def _started(client: Client, query: str) -> str:
    """Start the operation and return its id; empty where others take all the room there is.

    Where the answer is lost it is asked for again: a second operation reads the same and harms nobody.
    """
    said = client.ask(_RUN, {"query": query})["bulkOperationRunQuery"]
    if errors := said["userErrors"]:
        # Older answers have no code.
        if any(item["code"] in _TAKEN or "already in progress" in item["message"] for item in errors):
            return ""
        raise Answered(f"Shopify refuses the bulk operation: {errors[0]['message'][:300]}", 400)
    return str(said["bulkOperation"]["id"])


def _looked_at(client: Client, number: str) -> dict[str, Any]:
    found = client.ask(_LOOK, {"id": number})["node"]
    if not found:
        raise PagesBroken(f"Shopify does not know its bulk operation {number}", _PAGED_INSTEAD)
    return dict(found)


def _judged(found: dict[str, Any]) -> dict[str, Any]:
    status, code = found["status"], str(found["errorCode"] or "")
    if status == "COMPLETED":
        return found
    if status != "FAILED":  # CANCELED, EXPIRED
        raise PagesBroken(f"Shopify: bulk operation {found['id']} is {status}", _PAGED_INSTEAD)
    if code == "ACCESS_DENIED":
        raise SettingsError(
            f"Shopify: bulk operation {found['id']} failed: ACCESS_DENIED, and a bulk operation does not say for which field",
            "ask for seven days at most: page by page Shopify names the field; retail-sync doctor names scopes that lack",
        )
    raise Answered(f"Shopify: bulk operation {found['id']} failed: {code or 'no reason'}", STATUSES.get(code, 500))


def _given_up(client: Client, number: str) -> HttpError:
    """Return what is told when nothing came in time; an operation of ours is cancelled, so that it takes nobody's room."""
    waited = f"{_TOTAL_SECONDS / 3600:.0f} hours"
    if not number:
        return BudgetSpent(
            f"Shopify: other bulk operations of this app have been in progress in this shop for {waited}",
            _PAGED_INSTEAD,
        )
    with contextlib.suppress(HttpError):  # what matters is told below, and it ends by itself
        client.ask(_CANCEL, {"id": number})
    return BudgetSpent(f"Shopify: bulk operation {number} has not ended in {waited}", _PAGED_INSTEAD)


def _download(client: Client, url: str, path: Path) -> None:
    try:
        client.http.download(url, path, bytes_max=_FILE_BYTES_MAX)
    except Answered as refused:
        if refused.status in REPEATABLE_STATUSES:
            raise
        # The address is a secret and holds for a time: another operation gives another one.
        raise PagesBroken(f"{refused.message}: the file of the bulk operation is not given", _PAGED_INSTEAD) from None


@dataclass(slots=True)
class _Record:
    """A line without parent and the lines of its children, as they came."""

    number: str
    line: bytes
    children: dict[str, list[bytes]] = field(default_factory=dict)
    size: int = 0

    def add(self, name: str, line: bytes) -> None:
        """Take a child of a connection in."""
        self.size += len(line)
        if self.size > _RECORD_BYTES_MAX:
            raise PagesBroken(
                f"Shopify: {self.number} has more than {_RECORD_BYTES_MAX >> 20} MB in a bulk file", _PAGED_INSTEAD
            )
        self.children.setdefault(name, []).append(line)

    def text(self, shape: FileShape) -> bytes:
        """Return the record as a page has it. Texts are put together, so no digit of a number is read and written again."""
        parts = [self.line[: self.line.rindex(b"}")]]
        for name in shape.children.values():
            parts.append(b',"%s":{"nodes":[%s]}' % (name.encode(), b",".join(self.children.get(name, ()))))
        return b"".join([*parts, b"}"])


def _pages(path: Path, shape: FileShape, done: Mapping[str, Any]) -> Iterator[Page]:
    """Yield the records of a file in pages, and see that all of them came. Holds one page at a time."""
    lines, roots, held, size = 0, 0, [], 0
    record: _Record | None = None
    for line in _lines(path):
        lines += 1
        told = _told(line, lines)
        parent = told.get("__parentId")
        if parent is None:
            roots += 1
            if record:
                held.append(record.text(shape))
                size += len(held[-1])
            if len(held) >= _PAGE_RECORDS or size > _PAGE_BYTES:
                yield _page(held, shape)
                held, size = [], 0
            record = _Record(_of_kind(told, (shape.kind,), lines)[0], line)
        elif record is None or parent != record.number:
            raise PagesBroken(
                f"Shopify: line {lines} of the bulk file does not follow the record it belongs to", _PAGED_INSTEAD
            )
        else:
            _, kind = _of_kind(told, shape.children, lines)
            record.add(shape.children[kind], line)
    _check_counts(done, lines, roots)
    if record:
        yield _page([*held, record.text(shape)], shape)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_LINE_BYTES_MAX):
            if not line.endswith(b"\n") and len(line) == _LINE_BYTES_MAX:
                raise PagesBroken(
                    f"Shopify: a line of the bulk file has more than {_LINE_BYTES_MAX >> 20} MB", _PAGED_INSTEAD
                )
            if text := line.strip():
                yield text


def _told(line: bytes, line_no: int) -> dict[str, Any]:
    """Read a line for its ids; the rest of what is read here goes nowhere."""
    try:
        told = orjson.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise PagesBroken(
            f"Shopify: line {line_no} of the bulk file is no JSON object: it was cut short", _PAGED_INSTEAD
        )
    return told


def _of_kind(told: Mapping[str, Any], kinds: Mapping[str, str] | tuple[str, ...], line_no: int) -> tuple[str, str]:
    """Return the id of a line and the kind in it, gid://shopify/<kind>/<number>, which must be one that was asked for."""
    number = str(told.get("id") or "")
    kind = number.removeprefix("gid://shopify/").partition("/")[0]
    if kind not in kinds:
        raise PagesBroken(
            f"Shopify: line {line_no} of the bulk file is nothing that was asked for: {kind!r}", _PAGED_INSTEAD
        )
    return number, kind


def _page(records: list[bytes], shape: FileShape) -> Page:
    text = b"[%s]" % b",".join(records)
    for name in reversed(shape.root):
        text = b'{"%s":%s}' % (name.encode(), text)
    return Page(text)


def _check_counts(done: Mapping[str, Any], lines: int, roots: int) -> None:
    """Raise PagesBroken unless as many came as the operation says that it found."""
    said = (int(done["objectCount"]), int(done["rootObjectCount"]))
    if said != (lines, roots):
        raise PagesBroken(
            f"Shopify: bulk operation {done['id']} says it found {said[0]} objects, {said[1]} of them without a parent;"
            f" in its file there are {lines} and {roots}",
            _PAGED_INSTEAD,
        )
