"""What the journal wants released, and what this warehouse can see of what was released before. Nothing is decided here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from retail_sync import __version__
from retail_sync.operations.deliveries import Delivery
from retail_sync.operations.evidence import Evidence, Facts, Sight, movements_of
from retail_sync.operations.releases import LastWord
from retail_sync.operations.verdicts import Desired


@dataclass(frozen=True, slots=True)
class Before:
    """What stands of what was released before, and how to ask for the accounts of such entries by their keys."""

    words: Sequence[LastWord]
    accounts: Callable[[Collection[str]], Mapping[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Booking:
    """What is ours to book today: kinds of entries, and the account that the stock true-up compares."""

    kinds: Collection[str]
    inventory_account: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired entries, the facts of the ready documents, and what the warehouse can see."""

    entries: Sequence[Desired]
    ready: dict[str, Facts]
    sight: Sight


def read_wanted(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], before: Before, booking: Booking
) -> Wanted:
    """Read all that a release is decided from, in one look at the warehouse."""
    sight = _sight(connection, deliveries, before, booking)
    documents = connection.execute(
        "select document_id, facts_hash, deposit_facts_hash, delivery_id, bank_delivery_id, bank_movement "
        "from journal.documents where status = 'ready'"
    ).fetchall()
    ready = {row[0]: Facts(row[1], row[2], row[3]) for row in documents}
    evidence = {row[0]: Evidence(row[3], row[4], row[5], sight.matching_hash) for row in documents}
    entries = connection.execute(
        "select entry_key, document_id, kind, body, body_hash, facts_hash from journal.entries order by posting_date, entry_key"
    ).fetchall()
    desired = [
        Desired(key, document, kind, body, body_hash, facts, evidence[document].of(kind))
        for key, document, kind, body, body_hash, facts in entries
    ]
    return Wanted(desired, ready, sight)


def _sight(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], before: Before, booking: Booking
) -> Sight:
    status = dict(connection.execute("select delivery_id, status from raw.deliveries").fetchall())
    seen = connection.execute(
        "select concat_ws('|', source || ':' || account || ':' || transaction_id, amount, value_date) as movement "
        "from canonical.bank_transactions where movement in (select unnest($movements))",
        {"movements": sorted({movement for word in before.words for movement, _ in movements_of(word.bank_movement)})},
    ).fetchall()
    is_complete = all(status.get(d.delivery_id, "unread") != "unread" for d in deliveries)
    missing = _missing(connection, before, booking)
    refused = tuple(d.name for d in deliveries if d.loaded_at and status.get(d.delivery_id) == "refused")
    is_sure = is_complete and not refused and not _work_is_left(connection)
    return Sight(
        loaded=frozenset(delivery_id for delivery_id, word in status.items() if word == "loaded"),
        unread=tuple(d.name for d in deliveries if status.get(d.delivery_id) == "unread"),
        is_complete=is_complete,
        movements=frozenset(movement for (movement,) in seen),
        matching_hash=_matching_hash(connection),
        orders={d.delivery_id: d.received_order for d in deliveries},
        gone=missing if is_sure else frozenset(),
        refused=refused if missing else (),
    )


def _missing(connection: duckdb.DuckDBPyConnection, before: Before, booking: Booking) -> frozenset[str]:
    """Return the released documents that are in no table now, of the kinds that are ours to book.

    What a setting gives to the ERP to book is in no table either, and stays as it was booked. A stock true-up is there only
    where the ledger's inventory account was compared: one that rests on another account than today's rules name was not
    taken away by facts.
    """
    rows = connection.execute("select document_id from journal.documents").fetchall()
    there = {document_id for (document_id,) in rows}
    missing = [word for word in before.words if word.document_id not in there and word.entry_kind in booking.kinds]
    accounts = before.accounts([word.entry_key for word in missing if word.entry_kind == "stock_valuation"])
    return frozenset(
        word.document_id
        for word in missing
        if word.entry_kind != "stock_valuation" or booking.inventory_account in accounts[word.entry_key]
    )


def _work_is_left(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a stage has not looked yet at all that was handed on: then a document may not have been written yet."""
    row = connection.execute("select count(*) from raw.touched").fetchone()
    return bool(row and row[0])


def _matching_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a hash of all that decides which bank movement pays which settlement, besides the facts."""
    rows = connection.execute(
        "select name, hash from raw.applied where name in ('match_rules', 'bank_payers', 'settlement_categories') order by name"
    ).fetchall()
    return hashlib.sha256(json.dumps([__version__, *rows]).encode()).hexdigest()
