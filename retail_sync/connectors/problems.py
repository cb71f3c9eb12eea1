"""What a person has to know about deliveries: refused, read in part, set aside for a good copy, or dating receipts anew.

Such a problem closes when a later file makes it good. A settlement file is made good by a later one of its source and name.
Bank statements share one name from month to month, so a statement is made good only by a file that says so: one with the
statement's mark in its name, or one that has every row that could be read of it. Content that loads after all, with a
corrected setting or under its right source, makes itself good.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import duckdb

from retail_sync.connectors.intake import Misplaced, Received, shown_name
from retail_sync.connectors.moved_receipts import find_moved_receipts
from retail_sync.connectors.paged import PULLED_SUFFIX
from retail_sync.operations.deliveries import Delivery
from retail_sync.operations.exceptions import Problem
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import SETTINGS_NAME

_SHOWN = 5
_REPLACED_BY_KEY = frozenset(table.name for table in TABLES if table.replaced_by == "group")


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
    accepted_count: int
    rejected_count: int

    @property
    def is_pulled(self) -> bool:
        """Whether a run asked a system for it: nobody can deliver another file."""
        return self.delivery.name.endswith(PULLED_SUFFIX)

    @property
    def is_statement(self) -> bool:
        """Whether its rows are replaced by key: then the file is no document of its own and its name tells nothing."""
        return self.is_pulled or self.delivery.object in _REPLACED_BY_KEY

    @property
    def mark(self) -> str:
        """What the right file has in its name, where the name alone does not tell which file it replaces."""
        return self.delivery.sha256[:8]

    def is_made_good(self, by: Sequence[_Seen]) -> bool:
        """Whether one of these files came later and replaces it."""
        mine = self.delivery
        return any(
            later.delivery.source == mine.source
            and later.delivery.received_order > mine.received_order
            and (
                self.mark in later.delivery.name.lower()
                if self.is_statement and not self.is_pulled
                else later.delivery.name == mine.name  # of a pulled list: the same window
            )
            for later in by
        )

    @property
    def right_name(self) -> str:
        """What the file that makes it good is called: its name, and its mark where next month's has the same name."""
        name = PurePath(self.delivery.name)
        return f"{name.stem}-{self.mark}{name.suffix}" if self.is_statement else name.name

    @property
    def how_to_close(self) -> str:
        """Say which file makes it good, and the command for one that came under another name."""
        if self.is_pulled:
            return (
                f"what stands there: retail-sync sources records {self.delivery.delivery_id} --line N; corrected in the system, "
                "it comes with the next run that asks for these days again (run month-end --from DAY --to DAY) and closes this"
            )
        also = (
            "a statement with all its other rows closes this, or one"
            if self.accepted_count
            else "the right file closes this"
        )
        if not self.is_statement:
            also = "a later file"
        return (
            f"{also} called {self.right_name}: retail-sync ingest --source {self.delivery.source} {shlex.quote(self.right_name)}; "
            f"if it came under another name: retail-sync exceptions resolve {self.exception_id} --by WHO --reason WHY"
        )

    @property
    def exception_id(self) -> str:
        """The id of its problem as a delivery that was refused, or of which rows were."""
        code = "delivery_refused" if self.status != "loaded" else "delivery_rows_rejected"
        return _problem(code, self, "", "").exception_id


def find_delivery_problems(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[Problem]:
    """Return a problem per delivery that a person has to look at; a later good delivery makes an earlier one good."""
    seen = _seen(connection, deliveries)
    read = [item for item in seen if item.status == "loaded"]
    return [
        *_refused(seen, read),
        *_unread_rows(connection, read),
        *_set_aside(read),
        *find_moved_receipts(connection),
    ]


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


def find_misplaced_files(misplaced: Sequence[Misplaced]) -> list[Problem]:
    """Return a problem per folder of the inbox whose files nobody takes in."""
    return [
        Problem(
            code="inbox_without_source",
            subject=f"inbox/{item.folder}".rstrip("/"),
            kind="configuration",
            owner="operations",
            message=misplaced_told(item),
            remedy="move the files into the inbox folder of their source, or declare a [[source]] of that name; "
            "retail-sync sources list names the folders",
        )
        for item in misplaced
    ]


def misplaced_told(item: Misplaced) -> str:
    """Say which files are taken in by no run."""
    files = f"{item.count} file{'' if item.count == 1 else 's'}"
    if not item.folder:
        return f"{files} directly in inbox: each source has a folder of its own there, so no run takes them in."
    guess = f" Did you mean {item.guess}?" if item.guess else ""
    return f"{files} in inbox/{item.folder}: no source has that name, so no run takes them in.{guess}"


def find_undeclared_sources(connection: duckdb.DuckDBPyConnection, declared: Collection[str]) -> list[Problem]:
    """Return a problem per source whose rows are in force though no block declares it: renamed, they count twice."""
    loaded = connection.execute(
        "select source, count(*) from raw.deliveries where status = 'loaded' group by source order by source"
    ).fetchall()
    found = []
    for source, deliveries in loaded:
        if source in declared:
            continue
        rows = _rows_of_source(connection, source)
        found.append(
            Problem(
                code="source_undeclared",
                subject=source,
                kind="configuration",
                owner="operations",
                message=f"{SETTINGS_NAME} declares no source {source} any more, and {rows} rows of {deliveries} deliveries under "
                "that name still count. If it was renamed, files delivered again under the new name count twice.",
                remedy="to keep the rows, declare it again under its old name; to take them out, "
                f"retail-sync sources remove {source} --by WHO --reason WHY, then deliver its files under the new name",
            )
        )
    return found


def _rows_of_source(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    tables = [t for t in TABLES if t.schema == "canonical" and t.name != "rejected_rows" and "source" in t.column_names]
    # Names of the registry; the source is bound.
    counts = " union all ".join(f"select count(*) as n from {t.qualified} where source = $source" for t in tables)  # noqa: S608
    row = connection.execute(f"select sum(n) from ({counts})", {"source": source}).fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _seen(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[_Seen]:
    by_id = {delivery.delivery_id: delivery for delivery in deliveries}
    rows = connection.execute(
        "select delivery_id, document_id, status, reason, remedy, is_complete, is_current, accepted_count, rejected_count "
        "from raw.deliveries order by received_order"
    ).fetchall()
    return [_Seen(by_id[row[0]], *row[1:]) for row in rows if row[0] in by_id]


def _refused(seen: Sequence[_Seen], read: Sequence[_Seen]) -> list[Problem]:
    """Refused deliveries, unless they were made good later, or the content belonged to another source."""
    contents = {item.delivery.sha256 for item in read}
    return [
        _problem(
            "delivery_refused",
            item,
            f"{item.delivery.name} (source {item.delivery.source}) was not loaded: {item.reason}.",
            "; ".join(filter(None, (item.remedy, item.how_to_close))),
        )
        for item in seen
        if item.status != "loaded" and item.delivery.sha256 not in contents and not item.is_made_good(read)
    ]


def _unread_rows(connection: duckdb.DuckDBPyConnection, read: Sequence[_Seen]) -> list[Problem]:
    """Rejected rows that no settlement's break tells of: those of a bank statement, or of a document without a good row."""
    complete = [item for item in read if item.is_complete]
    problems = []
    for item in read:
        if not item.is_current or not item.rejected_count or item.is_made_good(complete):
            continue
        kept = _kept_groups(connection, item)
        if item.is_statement and item.accepted_count and not _rows_in_force(connection, item):
            if kept:
                problems.append(_set_aside_for(kept, connection, item))
            continue  # else a later statement has the rest of it too, so it has those days
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
                f"{_places(connection, item)}."
                + (f" Of {_listed(kept)} the complete copy received before stays in force." if kept else ""),
                f"export the same days again, or have the damaged row corrected where it was made; {item.how_to_close}",
            )
        )
    return problems


def _rows_in_force(connection: duckdb.DuckDBPyConnection, item: _Seen) -> int:
    """Count its rows in whatever tables its object fills."""
    counts = [
        connection.execute(
            f"select count(*) from {table.qualified} where delivery_id = ?",  # noqa: S608 - a name of the registry
            [item.delivery.delivery_id],
        ).fetchone()
        for table in TABLES
        if table.schema == "canonical" and table.replaced_by == "group"
    ]
    return sum(row[0] for row in counts if row)


def _kept_groups(connection: duckdb.DuckDBPyConnection, item: _Seen) -> list[str]:
    """Return the groups that it holds with a row missing, perhaps, and that stand as an earlier delivery had them."""
    tables = connection.execute(
        "select distinct table_name from canonical.incomplete_groups where delivery_id = ? order by 1",
        [item.delivery.delivery_id],
    ).fetchall()
    found: list[str] = []
    for table in (entry for entry in TABLES if entry.schema == "canonical" and (entry.name,) in tables):
        rows = connection.execute(
            f"""
            select distinct i.group_id from canonical.incomplete_groups as i
            join {table.qualified} as t on t.source = i.source and concat_ws(' ', {", ".join(table.group[1:])}) = i.group_id
            join raw.deliveries as d on d.delivery_id = t.delivery_id
            where i.delivery_id = ? and i.table_name = ? and d.received_order < ? order by 1
            """,  # noqa: S608 - names of the registry
            [item.delivery.delivery_id, table.name, item.delivery.received_order],
        ).fetchall()
        found += [group_id for (group_id,) in rows]
    return found


def _listed(groups: Sequence[str]) -> str:
    return ", ".join(groups[:_SHOWN]) + (f" and {len(groups) - _SHOWN} more" if groups[_SHOWN:] else "")


def _set_aside_for(kept: Sequence[str], connection: duckdb.DuckDBPyConnection, item: _Seen) -> Problem:
    return _problem(
        "delivery_set_aside",
        item,
        f"{item.delivery.name} (source {item.delivery.source}) holds {_listed(kept)} again, but {item.rejected_count} row(s) "
        f"could not be read: {_places(connection, item)}. The complete copy received before stays in force.",
        f"if something was corrected, export it again and deliver it; else nothing; {item.how_to_close}",
    )


def _places(connection: duckdb.DuckDBPyConnection, item: _Seen) -> str:
    rows = connection.execute(
        "select line_no, column_name, left(trim(value), 40), reason from canonical.rejected_rows where delivery_id = ? "
        "order by line_no, column_name limit ?",
        [item.delivery.delivery_id, _SHOWN],
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
        subject=f"{item.delivery.source}/{item.delivery.name}",
        kind="data",
        owner="operations",
        severity="warning" if code == "delivery_set_aside" else "error",
        message=message,
        remedy=remedy,
        replay="retail-sync run month-end --from DAY --to DAY"
        if item.is_pulled
        else f"retail-sync ingest --source {item.delivery.source} <the right file>",
    )
