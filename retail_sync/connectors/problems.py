"""What a person has to know about deliveries: refused as a whole, read in part, or set aside for an earlier good copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from retail_sync.connectors.intake import Received, shown_name
from retail_sync.operations.deliveries import Delivery
from retail_sync.operations.exceptions import Problem


@dataclass(frozen=True, slots=True)
class _Seen:
    """A delivery with what became of it."""

    delivery: Delivery
    document_id: str
    status: str
    reason: str
    remedy: str
    is_complete: bool
    is_current: bool
    rejected_count: int

    @property
    def place(self) -> tuple[str, str]:
        """Where the right file is expected: the same source and name."""
        return self.delivery.source, self.delivery.name


def find_delivery_problems(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[Problem]:
    """Return a problem per delivery that a person has to look at; a later good delivery makes an earlier one good."""
    seen = _seen(connection, deliveries)
    read = [item for item in seen if item.status == "loaded"]
    return [*_refused(seen, read), *_unread_rows(connection, read), *_set_aside(read)]


def find_unreadable_files(received: Sequence[Received]) -> list[Problem]:
    """Return a problem per file of the inbox that could not be opened; the next run tries it again."""
    return [
        Problem(
            code="file_unreadable",
            subject=f"{item.path.parent.name}/{shown_name(item.path)}",
            kind="configuration",
            owner="operations",
            message=f"{item.warning}. It stays in the inbox.",
            remedy=item.remedy,
        )
        for item in received
        if not item.delivery_id
    ]


def _seen(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[_Seen]:
    by_id = {delivery.delivery_id: delivery for delivery in deliveries}
    rows = connection.execute(
        "select delivery_id, document_id, status, reason, remedy, is_complete, is_current, rejected_count "
        "from raw.deliveries order by received_order"
    ).fetchall()
    return [_Seen(by_id[row[0]], *row[1:]) for row in rows if row[0] in by_id]


def _refused(seen: Sequence[_Seen], read: Sequence[_Seen]) -> list[Problem]:
    """Refused deliveries, unless the file of that name came right later, or the content belonged to another source."""
    newest = {item.place: item.delivery.received_order for item in read}
    contents = {item.delivery.sha256 for item in read}
    return [
        _problem(
            "delivery_refused",
            item,
            f"{item.delivery.name} (source {item.delivery.source}) was not loaded: {item.reason}.",
            item.remedy,
        )
        for item in seen
        if item.status == "refused"
        and newest.get(item.place, 0) < item.delivery.received_order
        and item.delivery.sha256 not in contents
    ]


def _unread_rows(connection: duckdb.DuckDBPyConnection, read: Sequence[_Seen]) -> list[Problem]:
    """Rejected rows that no settlement's break tells of: those of a bank statement, or of a document without a good row."""
    newest = {item.place: item.delivery.received_order for item in read if item.is_complete}
    problems = []
    for item in read:
        if not item.is_current or not item.rejected_count or newest.get(item.place, 0) > item.delivery.received_order:
            continue
        told = connection.execute(
            "select (select count(*) from canonical.settlements where settlement_id = $document) "
            "+ (select count(*) from canonical.settlement_lines where settlement_id = $document)",
            {"document": item.document_id},
        ).fetchone()
        if told and told[0]:
            continue
        problems.append(
            _problem(
                "delivery_rows_rejected",
                item,
                f"{item.rejected_count} row(s) of {item.delivery.name} (source {item.delivery.source}) could not be read: "
                f"{_places(connection, item)}.",
                "export the file again and deliver it under the same name, or have the damaged row corrected where it was made",
            )
        )
    return problems


def _places(connection: duckdb.DuckDBPyConnection, item: _Seen) -> str:
    rows = connection.execute(
        "select line_no, column_name, left(trim(value), 40), reason from canonical.rejected_rows where delivery_id = ? "
        "order by line_no, column_name limit 5",
        [item.delivery.delivery_id],
    ).fetchall()
    return "; ".join(f'line {line}, {column} "{value}" {reason}' for line, column, value, reason in rows)


def _set_aside(read: Sequence[_Seen]) -> list[Problem]:
    """Newer copies of a document that are damaged, so that the good one received before stays in force."""
    in_force = {item.document_id: item.delivery.received_order for item in read if item.is_current}
    return [
        _problem(
            "delivery_set_aside",
            item,
            f"{item.delivery.name} (source {item.delivery.source}) holds settlement {item.document_id} again, but "
            + (
                f"{item.rejected_count} of its rows could not be read"
                if item.rejected_count
                else "does not sum to its total"
            )
            + "; the complete copy received before stays in force.",
            "if the settlement was corrected, download it again and deliver it; else nothing",
        )
        for item in read
        if not item.is_complete
        and item.delivery.received_order > in_force.get(item.document_id, item.delivery.received_order)
    ]


def _problem(code: str, item: _Seen, message: str, remedy: str) -> Problem:
    return Problem(
        code=code,
        subject=item.delivery.name,
        kind="data",
        owner="operations",
        severity="warning" if code == "delivery_set_aside" else "error",
        message=message,
        remedy=remedy,
        replay=f"retail-sync ingest --source {item.delivery.source} <the right file>",
    )
