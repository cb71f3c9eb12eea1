"""Vouchers as journal documents: one per voucher of a source, booked as it is written, or held with its reason.

What is booked is what a person or another system documented, so it is asked for more than that it balances: one day, one
currency, every row of it read, and no leg that another document books. Where the ledger's own bank feed books what moves on
the bank account, a voucher must not book it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import format_money, to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.validation import with_entries
from retail_sync.journal.voucher import VoucherLine, voucher_entries

KIND = "voucher"
ENTRY_KINDS = ("voucher",)
EVERYTHING = "select distinct 'voucher:' || source || '|' || voucher_id from canonical.vouchers"
CATEGORIES = frozenset({
    "tips_paid", "payroll_clearing", "sales_tax_paid", "sales_tax_discount", "oss_vat_paid", "loan_principal", "loan_interest",
    "paid_from_bank",
})  # fmt: skip
"""What the shipped rules have for vouchers; a voucher may name any other component as well."""
_CHUNK = 500
_LINE = tuple(VoucherLine.__dataclass_fields__)


def is_booked(_policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return True


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the touched vouchers in bounded pieces."""
    rows = rows_of(connection, sql.statement(__package__, "touched_vouchers"))
    documents = [
        _document(document_id, list(lines), rules, policies)
        for document_id, lines in groupby(rows, key=lambda row: row["document_id"])
    ]
    for start in range(0, len(documents), _CHUNK):
        yield documents[start : start + _CHUNK]


def _document(document_id: str, rows: Sequence[Mapping[str, Any]], rules: PostingRules, policies: Policies) -> Document:
    first = rows[0]
    lines = [VoucherLine(**{name: row[name] for name in _LINE}) for row in rows]
    is_one = len({line.currency for line in lines}) == 1
    debits = sum(max(to_minor(line.amount, line.currency), 0) for line in lines)
    document = Document(
        document_id=document_id,
        kind=KIND,
        title=f"voucher {first['voucher_id']} of {first['source']}",
        since_date=min(row["business_date"] for row in rows),
        currency=first["currency"],
        value_minor=debits if is_one else None,
        # In the order of its lines: their place and their words are what it says, too.
        facts=repr([(str(row["business_date"]), *(str(row[name]) for name in _LINE)) for row in rows]),
    )
    code, reason = _hold(rows, lines, rules, policies)
    if code:
        return replace(document, held_code=code, held_reason=reason)
    key = document_id.replace("|", ":")
    return with_entries(
        document,
        lambda: voucher_entries(key, document.since_date, _memo(first["voucher_id"], lines), lines, rules),
        rules,
    )


def _memo(voucher_id: str, lines: Sequence[VoucherLine]) -> str:
    """The voucher's number, with its words where its lines say one thing."""
    said = {line.memo for line in lines if line.memo}
    return f"Voucher {voucher_id}: {said.pop()}" if len(said) == 1 else f"Voucher {voucher_id}"


def _hold(
    rows: Sequence[Mapping[str, Any]], lines: Sequence[VoucherLine], rules: PostingRules, policies: Policies
) -> tuple[str, str]:
    """Return the exception code and sentence that holds this voucher, or two empty texts."""
    if any(row["is_incomplete"] for row in rows):
        return "voucher_incomplete", "a row that may be its was rejected"
    days = sorted({str(row["business_date"]) for row in rows})
    if len(days) > 1:
        return "voucher_days_differ", f"its lines are dated {', '.join(days)}"
    currencies = sorted({line.currency for line in lines})
    if len(currencies) > 1:
        return "voucher_currencies", f"its lines are in {' and '.join(currencies)}"
    if currencies == ["XXX"]:
        return "currency_missing", "it names no currency"
    rest = sum(to_minor(line.amount, line.currency) for line in lines)
    if rest:
        return "voucher_unbalanced", f"its lines sum to {format_money(rest, currencies[0])} and not to zero"
    if taken := _leg_of_others(lines, rules):
        return "voucher_category", f"{taken} is a leg that other documents book by themselves"
    if policies.deposits == "bank_feed" and (fed := _on_bank(lines, rules)):
        return "voucher_bank_feed", f"{fed} is on an account that the ledger's own bank feed books"
    return "", ""


def _leg_of_others(lines: Sequence[VoucherLine], rules: PostingRules) -> str:
    """Name the first category with a role of its own: a payout, a reserve, stock. Its account is explained by that role."""
    return next(
        (
            line.category
            for line in lines
            if any(r.role != "component" for r in rules.by_category.get(line.category, ()))
        ),
        "",
    )


def _on_bank(lines: Sequence[VoucherLine], rules: PostingRules) -> str:
    accounts = {rule.account for rule in rules.by_category["bank"]}
    return next(
        (line.category for line in lines if accounts & {r.account for r in rules.by_category.get(line.category, ())}),
        "",
    )
