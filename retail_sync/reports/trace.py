"""`retail-sync trace`: what happened to one order or receipt, from the order to the ledger, with where each thing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import format_money
from retail_sync.reconcile.order_traces import find_events
from retail_sync.reports import terminal
from retail_sync.reports.trace_operations import Names, delivered_names, naming_exceptions, postings
from retail_sync.reports.trace_steps import Key, Step, documents_of, events, journal_legs, receipt_days, settlements
from retail_sync.reports.values import amount

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline

_LATENCIES = {
    "order_to_payment_hours": ("order → payment", "h"),
    "payment_to_shipment_hours": ("payment → shipment", "h"),
    "shipment_to_settlement_days": ("shipment → settlement", "d"),
    "settlement_to_deposit_days": ("settlement → deposit", "d"),
    "order_to_deposit_days": ("order → deposit", "d"),
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One order's story. `order` is its row of reconcile.order_traces; `held` has a sentence per document without an entry."""

    order: dict[str, Any]
    steps: Sequence[Step]
    held: Sequence[str]
    exceptions: Sequence[dict[str, Any]]

    @property
    def missing(self) -> list[str]:
        """Steps that should be there by now."""
        return [step for step in self.order["missing"].split(", ") if step]

    @property
    def needs_a_person(self) -> bool:
        """Whether anything about it is open."""
        return bool(self.missing or self.held or self.exceptions)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        return {
            "order": self.order,
            "steps": [asdict(step) for step in self.steps],
            "latencies": {name: self.order[name] for name in _LATENCIES},
            "missing": self.missing,
            "held": list(self.held),
            "exceptions": list(self.exceptions),
        }

    def renderings(self) -> list[Any]:
        """Return the story for the terminal."""
        order, place = self.order, Key.of(self.order).place
        rows = [(s.at, s.step, s.what, amount(s.amount, s.currency), s.written_in) for s in self.steps]
        took = [(name, f"{self.order[column]} {unit}") for column, (name, unit) in _LATENCIES.items()
                if self.order[column] is not None]  # fmt: skip
        shown: list[Any] = [
            terminal.bold(f"{order['kind']} {order['order_id']} of {place}"),
            terminal.table(("when (UTC)", "step", "what", "amount", "written in"), rows, right=("amount",)),
        ]
        if took:
            shown.append(terminal.table(("latency", "took"), took, right=("took",)))
        if self.missing:
            words = ["tender" if s == "payment" and order["kind"] == "receipt" else s for s in self.missing]
            known = f" Earlier and later ones of {order['channel']} have it." if self.missing != ["deposit"] else ""
            shown.append(f"Missing by now: {', '.join(words)}.{known}")
        shown += self.held
        shown += [_exception_line(row) for row in self.exceptions]
        return [*shown, *([] if self.needs_a_person else ["No step is missing, no open exception names it."])]


def read_trace(pipeline: Pipeline, order_id: str, channel: str) -> Trace:
    """Return the story of an order or receipt. Raises RetailSyncError for a number that is unknown, or not one only."""
    with pipeline.warehouse.reading() as connection:
        order = _find(connection, order_id, channel)
        key = Key.of(order)
        find_events(connection, order_id)
        told = events(connection, key)
        paid = settlements(connection, key)
        legs = journal_legs(connection, key, pipeline.home.rules)
        days = receipt_days(connection, key)
        documents = documents_of(connection, key, days, told, paid)
    entries = {step.reference for step in [*legs, *documents.deposits]}
    found = [*told, *paid, *legs, *documents.deposits, *postings(pipeline.operations, entries, documents.held)]
    return Trace(
        order=order,
        steps=sorted(delivered_names(pipeline.operations, found), key=lambda step: step.sort_key),
        held=documents.sentences,
        exceptions=naming_exceptions(pipeline.exceptions.open(), Names.of(key, [*told, *paid], days)),
    )


def _find(connection: duckdb.DuckDBPyConnection, order_id: str, channel: str) -> dict[str, Any]:
    cursor = connection.execute(
        "select * from reconcile.order_traces where order_id = ? order by kind, channel, register", [order_id]
    )
    header = [column[0] for column in cursor.description or []]
    rows = [dict(zip(header, row, strict=True)) for row in cursor.fetchall()]
    chosen = [row for row in rows if channel in ("", row["channel"], Key.of(row).place)]
    if len(chosen) == 1:
        return chosen[0]
    if rows:
        raise _not_one(order_id, channel, [Key.of(row).place for row in chosen or rows], is_one=not chosen)
    raise RetailSyncError(f"no delivered file names an order or receipt {order_id!r}", _hint(connection, order_id))


def _not_one(order_id: str, channel: str, places: Sequence[str], *, is_one: bool) -> RetailSyncError:
    known = ", ".join(places)
    message = f"{channel} has no {order_id!r}; it is of {known}" if is_one else f"{order_id!r} is of several: {known}"
    return RetailSyncError(message, f'name one of them, e.g. --channel "{places[0]}"')


def _hint(connection: duckdb.DuckDBPyConnection, order_id: str) -> str:
    rows = connection.execute(
        "select order_id, channel from reconcile.order_traces "
        "where $id <> '' and (contains(lower(order_id), lower($id)) or contains(lower($id), lower(order_id))) "
        "order by length(order_id), order_id, channel limit 3",
        {"id": order_id.strip()},
    ).fetchall()
    if rows:
        return "like it are " + ", ".join(f"'{number}' of {channel}" for number, channel in rows)
    return (
        "write it as the channel or till does, in quotation marks; a file that came since the last run is not known yet: "
        "retail-sync run hourly"
    )


def _exception_line(row: Mapping[str, Any]) -> str:
    worth = "" if row["amount_minor"] is None else f", {format_money(row['amount_minor'], row['currency'])}"
    return f"Open exception {row['exception_id']} ({row['code'].replace('_', ' ')}{worth}): {row['message']}"
