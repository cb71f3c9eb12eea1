"""Month-end revaluation: balances in other currencies at the rate of the month's last day, taken back on the first of the next.

A pure function from balances and rates to balanced entries (worked examples I3 and I4 of reference/ledgers.md section 6). Where
nothing is left in the other currency, what is left in the books is realised and stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import format_money
from retail_sync.journal.currency import REALISED, NoExchangeRate, Rates, home_worth
from retail_sync.journal.desired import DesiredEntry, Document, Leg
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.validation import with_entries
from retail_sync.schemas.journal import EntryLine

KIND = "revaluation"
ENTRY_KINDS = ("revaluation",)
UNREALISED = "exchange_unrealised"
_MONETARY = frozenset({"asset", "liability"})


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of another currency at a month end: in that currency and in the books, minor units."""

    account: str
    currency: str
    transaction_minor: int
    home_minor: int


def revaluations(connection: duckdb.DuckDBPyConnection, rates: Rates, rules: PostingRules) -> list[Document]:
    """Return a document for each month end that is over and at which the books hold another currency."""
    if not rates.home:
        return []
    newest = connection.execute("select max(posting_date) from journal.entries where kind <> 'revaluation'").fetchone()
    if not newest or newest[0] is None:
        return []
    inventory = {rule.account for rule in rules.by_category["inventory"]}
    accounts = sorted(code for code, kind in rules.types.items() if kind in _MONETARY and code not in inventory)
    rows = rows_of(
        connection,
        sql.statement(__package__, "revaluation"),
        {"home": rates.home, "accounts": accounts, "newest": newest[0]},
    )
    return list(_documents(rows, rates, rules))


def _documents(rows: Sequence[Mapping[str, Any]], rates: Rates, rules: PostingRules) -> Iterator[Document]:
    realised: dict[tuple[str, str], int] = defaultdict(int)
    for month_end, parts in groupby(rows, key=lambda row: row["month_end"]):
        balances, facts = [], []
        for row in parts:
            place = row["account"], row["currency"]
            balance = Balance(*place, row["transaction_minor"], row["home_minor"] + realised[place])
            if not balance.transaction_minor:
                realised[place] -= balance.home_minor
            balances.append(balance)
            facts.append(row["facts"])
        document = _document(month_end, balances, facts, rates, rules)
        if document.entries or document.held_code:
            yield document


def _document(
    month_end: date, balances: Sequence[Balance], facts: Sequence[str], rates: Rates, rules: PostingRules
) -> Document:
    plain = Document(
        document_id=f"revaluation:{month_end:%Y-%m}",
        kind=KIND,
        title=f"the revaluation of {month_end:%B %Y}",
        since_date=month_end,
        currency=rates.home,
        value_minor=None,
        facts="|".join(facts),
    )
    try:
        used = {b.currency: f"{rates.at(b.currency, month_end):f}" for b in balances if b.transaction_minor}
        moves = [(b, _difference(b, month_end, rates)) for b in balances]
    except NoExchangeRate as missing:
        return replace(plain, held_code="no_exchange_rate", held_reason=str(missing))
    plain = replace(
        plain, facts=f"{plain.facts}|{sorted(used.items())}", value_minor=sum(abs(minor) for _, minor in moves)
    )
    return with_entries(plain, lambda: revaluation_entries(month_end, moves, rates, rules), rules)


def _difference(balance: Balance, month_end: date, rates: Rates) -> int:
    if not balance.transaction_minor:
        return -balance.home_minor
    rate = rates.at(balance.currency, month_end)
    return home_worth(balance.transaction_minor, balance.currency, rate, rates.home) - balance.home_minor


def revaluation_entries(
    month_end: date, moves: Sequence[tuple[Balance, int]], rates: Rates, rules: PostingRules
) -> list[DesiredEntry]:
    """Return what is revalued and its reversal of the next day, and what is realised; nothing where nothing differs."""
    open_moves = [(b, minor) for b, minor in moves if minor and b.transaction_minor]
    closed = [(b, minor) for b, minor in moves if minor and not b.transaction_minor]
    entries = []
    if open_moves:
        legs = tuple(leg for b, minor in open_moves for leg in _pair(b, minor, UNREALISED, month_end, rates, rules))
        memo = f"Revaluation of other currencies at the rates of {month_end}"
        entry = DesiredEntry(f"exchange:revaluation:{month_end:%Y-%m}", KIND, month_end, memo, legs)
        turned = tuple(replace(leg, line=leg.line.negated()) for leg in legs)
        entries += [
            entry,
            replace(
                entry,
                entry_key=f"{entry.entry_key}:reversal",
                posting_date=month_end + timedelta(days=1),
                memo=f"Auto-reversal: {memo}",
                legs=turned,
            ),
        ]
    if closed:
        legs = tuple(leg for b, minor in closed for leg in _pair(b, minor, REALISED, month_end, rates, rules))
        memo = "Exchange differences of what is settled in its own currency"
        entries.append(DesiredEntry(f"exchange:realised:{month_end:%Y-%m}", KIND, month_end, memo, legs))
    return entries


def _pair(  # noqa: PLR0913 - what is moved, where to, when
    balance: Balance, minor: int, category: str, on: date, rates: Rates, rules: PostingRules
) -> tuple[Leg, Leg]:
    rule = rules.rule(category, on)
    rate = f"{rates.at(balance.currency, on):f}" if balance.transaction_minor else "1"
    memo = f"{format_money(balance.transaction_minor, balance.currency)} at {rate}"
    line = EntryLine(
        account=balance.account,
        transaction_minor=0,
        transaction_currency=balance.currency,
        home_minor=minor,
        home_currency=rates.home,
        rate=rate,
        role=rule.role,
        memo=memo,
    )
    other = replace(
        line, account=rule.account, home_minor=-minor, tax_code=rule.tax_code, memo=f"{balance.account}: {memo}"
    )
    return Leg(line, category, on, rule.name), Leg(other, category, on, rule.name)
