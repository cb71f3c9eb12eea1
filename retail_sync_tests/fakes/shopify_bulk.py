"""Bulk operations of the fake shop: the restrictions and words of the real ones, a life by the clock, and the file they make.

Words of refusals are those that a live shop gave (recorded by public projects): see `restrictions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retail_sync_tests.fakes import graphql
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.graphql import Chosen, Refused
from retail_sync_tests.fakes.server import Reply
from retail_sync_tests.fakes.shopify_schema import SCHEMA
from retail_sync_tests.fakes.source import CANARY

Find = Callable[[str, str], Sequence[Any]]


@dataclass
class BulkOperations:
    """The operations of one app in one shop. `find` returns the rows of a list that a search finds.

    `outcomes`: what becomes of the next operations, an error code or a status; those after them complete. `taken_until`: until
    then others have all the room. `missing_lines`: so many are not in the file; `bytes_short`: nor are so many bytes.
    `refused_urls`: so many downloads are refused. `is_scattered`: children come after all parents.
    """

    clock: FakeClock
    find: Find
    resolve: graphql.Resolve
    url: str = ""
    seconds: float = 90.0
    room: int = 5
    outcomes: list[str] = field(default_factory=list)
    taken_until: float = 0.0
    missing_lines: int = 0
    bytes_short: int = 0
    refused_urls: int = 0
    is_scattered: bool = False
    asked: list[str] = field(default_factory=list)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, text: str, group_objects: bool) -> dict[str, Any]:
        """Start an operation, or say why not."""
        asked, said = graphql.parse(text), restrictions(text)
        if said:
            return _told([{"code": "INVALID", "field": ["query"], "message": message} for message in said])
        running = [name for name in self.operations if self.node(name)["status"] in ("CREATED", "RUNNING")]
        if self.clock.time() < self.taken_until or len(running) >= self.room:
            other = running[0] if running else "gid://shopify/BulkOperation/1"
            message = f"A bulk query operation for this app and shop is already in progress: {other}."
            return _told([{"code": "OPERATION_IN_PROGRESS", "field": None, "message": message}])
        self.asked.append(text)
        number = f"gid://shopify/BulkOperation/{7000 + len(self.operations)}"
        [root] = asked.fields
        lines = list(self._lines(root))
        if self.is_scattered or not group_objects:
            lines.sort(key=lambda line: "__parentId" in line)
        self.operations[number] = {
            "id": number, "ends_at": self.clock.time() + self.seconds, "outcome": self.outcomes.pop(0) if self.outcomes else "",
            "lines": lines,
        }  # fmt: skip
        return {"bulkOperation": self.node(number), "userErrors": []}

    def node(self, number: str) -> Any:
        """What is told of an operation now. Counts are text, as the scalar UnsignedInt64 is."""
        held = self.operations.get(number)
        if held is None:
            return None
        has_ended, outcome = self.clock.time() >= held["ends_at"], held["outcome"]
        status = "RUNNING"
        if held.get("is_cancelled"):
            status = "CANCELED"
        elif has_ended:
            is_status = outcome in ("CANCELED", "EXPIRED")
            status = outcome if is_status else "FAILED" if outcome else "COMPLETED"
        told = {
            "id": number, "status": status, "errorCode": outcome if status == "FAILED" else None, "objectCount": "0",
            "rootObjectCount": "0", "url": None, "partialDataUrl": None,
        }  # fmt: skip
        if status in ("COMPLETED", "FAILED"):
            lines = held["lines"]
            told["objectCount"] = str(len(lines))
            told["rootObjectCount"] = str(sum("__parentId" not in line for line in lines))
            address = f"{self.url}/bulk/{number.rpartition('/')[2]}/{CANARY}-signature" if lines else None
            told["url" if status == "COMPLETED" else "partialDataUrl"] = address
        return told

    def cancel(self, number: str) -> dict[str, Any]:
        """Stop an operation."""
        self.operations[number]["is_cancelled"] = True
        return {"bulkOperation": self.node(number), "userErrors": []}

    def file(self, path: str, headers: Mapping[str, str]) -> Reply:
        """The file at an address that carries its own permission; storage takes no token of the shop."""
        assert "x-shopify-access-token" not in headers
        _, _, number, signature = path.split("/")
        if self.refused_urls or signature != f"{CANARY}-signature":
            self.refused_urls = max(0, self.refused_urls - 1)
            return Reply(400, b"<Error><Code>ExpiredToken</Code></Error>", {"Content-Type": "application/xml"})
        lines = self.operations[f"gid://shopify/BulkOperation/{number}"]["lines"]
        kept = lines[: len(lines) - self.missing_lines]
        content = "".join(json.dumps(line).replace("/", "\\/") + "\n" for line in kept).encode()
        return Reply(200, content[: len(content) - self.bytes_short], {"Content-Type": "application/jsonl"})

    def _lines(self, root: Chosen) -> Iterator[dict[str, Any]]:
        for row in self.find(root.name, root.arguments.get("query", "")):
            yield from self._node("Order", row, _node_of(root), None)

    def _node(self, kind: str, row: Any, fields: Sequence[Chosen], parent: str | None) -> Iterator[dict[str, Any]]:
        nested = [item for item in fields if _is_connection(kind, item)]
        plain = [item for item in fields if item not in nested]
        yield {
            **graphql.answer(SCHEMA, kind, row, plain, {}, self.resolve),
            **({"__parentId": parent} if parent else {}),
        }
        for item in nested:
            of = str(graphql.field_of(SCHEMA, kind, item.name)[0]).removesuffix("Connection")
            for child in row[item.name]:
                yield from self._node(of, child, _node_of(item), row["id"])


def restrictions(text: str) -> list[str]:
    """Say what keeps a query from being carried out in bulk, in the words of the real one."""
    try:
        asked = graphql.parse(text)
        graphql.check(SCHEMA, "QueryRoot", asked.fields, is_paged=False)
    except Refused as refused:
        return [f"Invalid bulk query: {refused}"]
    found = list(_connections("QueryRoot", asked.fields, 0, is_in_list=False))
    said = []
    if asked.variables or "$" in text:
        said.append("Invalid bulk query: variables are not supported")
    if any(not item.fields or item.fields[0].name != "edges" for item, _, _ in found):
        said.append("All connection fields in a bulk query must select their contents using 'edges' > 'node'")
    if max((depth for _, depth, _ in found), default=0) > 2:
        said.append("Bulk queries cannot contain connections with a nesting depth greater than 2.")
    if len(found) > 5:
        said.append("Bulk queries cannot contain more than 5 connections.")
    if any(is_in_list for _, _, is_in_list in found):
        said.append("Queries that contain a connection field within a list field are not currently supported.")
    if not found:
        said.append("Bulk queries must contain at least one connection.")
    return said


def _connections(
    kind: str, fields: Sequence[Chosen], depth: int, *, is_in_list: bool
) -> Iterator[tuple[Chosen, int, bool]]:
    """Yield each connection, how many others it lies within, and whether it lies within a list that is none."""
    for item in fields:
        result = graphql.field_of(SCHEMA, kind, item.name)[0]
        if result is None:
            continue
        inner = result.strip("[]")
        if _is_connection(kind, item):
            yield item, depth, is_in_list
            yield from _connections(inner, item.fields, depth + 1, is_in_list=is_in_list)
        else:
            is_list = is_in_list or (result.startswith("[") and item.name not in ("edges", "nodes"))
            yield from _connections(inner, item.fields, depth, is_in_list=is_list)


def _is_connection(kind: str, item: Chosen) -> bool:
    return (graphql.field_of(SCHEMA, kind, item.name)[0] or "").endswith("Connection")


def _node_of(connection: Chosen) -> tuple[Chosen, ...]:
    """The fields within edges { node { ... } }."""
    return connection.fields[0].fields[0].fields


def _told(errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": errors}
