"""The words in which people see a verdict, and what each means. The tables keep their own values, `--json` and `query` too.

What belongs here: one vocabulary for each table of verdicts, complete (tests compare it with the contracts). What does not:
sentences about a single problem (`retail_sync/reconcile/*wording*.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from retail_sync.core.money import currency_name
from retail_sync.reports.values import Rows

# Stored value → the word for it, and what it means.
Words = Mapping[str, tuple[str, str]]

SETTLEMENTS: Words = {
    "matched": (
        "matched",
        "lines and stated total agree, and the bank, or nothing was due or a later settlement took it over",
    ),
    "awaiting_bank": ("no deposit yet", "lines and total agree, no deposit is confirmed yet"),
    "variance": ("differs", "lines, total or deposit differ, or rows could not be read"),
    "left_only": (
        "no total stated",
        "the document states none, or the payout failed or cannot be told from another one",
    ),
    "right_only": ("unexplained", "a deposit that no settlement explains, or a stated total without lines"),
}
STORES: Words = {
    "matched": ("matched", "left and right agree"),
    "variance": ("differs", "left and right differ"),
    "left_only": ("right side missing", "tenders, a count or the processor's report is missing"),
    "right_only": ("left side missing", "receipts or tenders are missing"),
    "open": ("drawer open", "a drawer is not closed yet"),
    "awaiting_processor": ("report to come", "the processor's reports do not reach that day plus three"),
    "explained_by_tenders": (
        "tenders lack it",
        "the processor reports just what the tenders lack, which `tenders_differ` or `tenders_missing` tells already",
    ),
}
ORDERS: Words = {
    "matched": ("matched", "the settlements hold what the order says"),
    "variance": ("differs", "they hold another amount, tax or currency, or hold it twice"),
    "left_only": ("not settled", "later settlements are there and none has the order"),
    "right_only": ("no such order", "settled, and in no orders export"),
    "awaiting_settlement": ("not settled yet", "the settlements do not reach that far yet"),
    "not_compared": (
        "not compared",
        "cancelled, ordered before the first export of orders, or the order does not state that part",
    ),
}
RETURNS: Words = {
    "matched": ("matched", "what was given back is due for what came back, or asks for no goods, and is booked"),
    "variance": ("differs", "more or less than due, twice, not booked, or more goods than were sold"),
    "left_only": ("no refund", "goods came back and no money was given back, though that of others was"),
    "right_only": ("no goods back", "money was given back and no goods came, though those of others did"),
    "undetermined": ("not clear", "several things may be true; each is named"),
    "awaiting": ("may still come", "the other side may still come (days of `return_steps.csv`)"),
    "not_compared": ("not compared", "the channel does not show the other side, or what was sold is not known"),
}
OFFERS: Words = {
    "ok": ("deliverable", "no more is listed than is available"),
    "oversell_risk": ("oversold", "more is listed than is available"),
    "listed_unmapped": ("no article", "the offer is mapped to no article of ours"),
    "unlisted": ("not listed", "there is stock, and the channel lists none of it"),
}
NO_WORDS: Words = {}
VOCABULARIES: Mapping[str, Words] = {
    "reconcile.settlement_totals": SETTLEMENTS,
    "reconcile.store_days": STORES,
    "reconcile.order_settlements": ORDERS,
    "reconcile.returns": RETURNS,
    "reconcile.availability": OFFERS,
}


def word(words: Words, verdict: str) -> str:
    """Return the word for a stored verdict."""
    return words[verdict][0] if verdict in words else verdict.replace("_", " ")


def spoken(header: Sequence[str], rows: Sequence[Sequence[object]], words: Words) -> Rows:
    """Return rows in which people read: the verdict by its word, and a currency that no document names as such."""
    readers: Mapping[str, Callable[[str], str]] = {"verdict": lambda cell: word(words, cell), "currency": currency_name}
    told = [readers.get(name) for name in header]
    return [
        tuple(read(cell) if read and isinstance(cell, str) else cell for read, cell in zip(told, row, strict=True))
        for row in rows
    ]


def explained(words: Words) -> str:
    """Return a vocabulary as a Markdown table."""
    rows = [f"| {shown} | `{stored}` | {meaning} |" for stored, (shown, meaning) in words.items()]
    return "\n".join(("| verdict | in the table | means |", "| --- | --- | --- |", *rows))
