"""Gift cards issued and expired as journal documents: one per channel and day, from the card report.

They come straight from the canonical events: no receipt and no payout knows of them, so there is nothing to compare. What a
card report says of cards sold and redeemed is left out: the tills' receipts and tenders book it (`store_day`), and it would
be booked twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.gift_cards import LIABILITY, GiftCardAmount, gift_card_entries
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.validation import with_entries

KIND = "gift_cards"
ENTRY_KINDS = ("gift_cards",)
EVERYTHING = """
    select distinct 'gift_cards:' || channel || '|' || business_date from canonical.gift_card_events
    where kind in ('issued', 'expired')
"""
CATEGORIES = frozenset({LIABILITY, "gift_cards_issued", "gift_cards_expired"})
_CHUNK = 500


def is_booked(_policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return True


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, _policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the touched days in bounded pieces."""
    rows = rows_of(connection, sql.statement(__package__, "touched_gift_cards"))
    documents = [
        _document(document_id, list(parts), rules)
        for document_id, parts in groupby(rows, key=lambda row: row["document_id"])
    ]
    for start in range(0, len(documents), _CHUNK):
        yield documents[start : start + _CHUNK]


def _document(document_id: str, rows: Sequence[Mapping[str, Any]], rules: PostingRules) -> Document:
    channel, _, on = document_id.removeprefix("gift_cards:").rpartition("|")
    day = date.fromisoformat(on)
    amounts = [GiftCardAmount(row["component"], row["amount"], row["currency"]) for row in rows]
    currencies = sorted({item.currency for item in amounts})
    document = Document(
        document_id=document_id,
        kind=KIND,
        title=f"gift cards of {channel} issued and expired on {day}",
        since_date=day,
        currency=currencies[0],
        value_minor=sum(abs(to_minor(a.amount, a.currency)) for a in amounts) if len(currencies) == 1 else None,
        facts=repr(sorted((item.component, item.currency, str(item.amount)) for item in amounts)),
    )
    memo = document.title[:1].upper() + document.title[1:]
    key = document_id.replace("|", ":")
    return with_entries(document, lambda: gift_card_entries(key, channel, day, memo, amounts, rules), rules)
