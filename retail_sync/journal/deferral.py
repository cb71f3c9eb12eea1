"""The entries of what a marketplace held back at a month end: accrued on its last day, taken back on the next.

Pure functions from sums and rules to balanced entries (worked examples C1 and C2 of reference/ledgers.md section 6). The
transactions are booked as their settlement will book them, against the deferred receivable instead of the payout; when they
are released, the settlement books them for good. What the goods cost is an entry of its own: it is one of stock, which the
month-end true-up must not take for somebody else's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from retail_sync.core.money import format_money
from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement import settled_legs
from retail_sync.journal.settlement_parts import Component
from retail_sync.journal.stock import StockAmount, stock_entry
from retail_sync.schemas.journal import EntryLine

RECEIVABLE = "deferred_receivable"
_COST = "cost_of_goods_sold"


@dataclass(frozen=True, slots=True)
class Deferral:
    """What a seller account was owed in one currency at a month end and not yet settled.

    `cost_minor` is the cost of its goods, where it is known and ours to book; else zero.
    """

    channel: str
    account: str
    month_end: date
    currency: str
    components: Sequence[Component]
    cost_minor: int = 0

    @property
    def entry_key(self) -> str:
        """Stable identity of the accrual; the reversal adds to it."""
        return f"{self.channel}:deferral:{self.account}:{self.month_end:%Y-%m}:{self.currency}"

    @property
    def cost_key(self) -> str:
        """Identity of the entry of its goods, as an entry of stock; the currency completes it."""
        return f"stock:deferral:{self.channel}:{self.account}:{self.month_end:%Y-%m}"


def deferral_entries(deferral: Deferral, rules: PostingRules) -> list[DesiredEntry]:
    """Return each accrual with its reversal: of the transactions, and of what their goods cost."""
    accruals = [*_transactions(deferral, rules), *_goods(deferral, rules)]
    return [entry for accrual in accruals for entry in (accrual, _reversal(accrual))]


def _transactions(deferral: Deferral, rules: PostingRules) -> list[DesiredEntry]:
    legs = settled_legs(deferral.channel, deferral.currency, deferral.month_end, deferral.components, rules)
    owed = -sum(leg.line.home_minor for leg in legs)
    if owed:
        legs.append(_receivable(deferral, owed, rules))
    if not legs:
        return []
    return [DesiredEntry(deferral.entry_key, "deferral", deferral.month_end, _memo(deferral), tuple(legs))]


def _goods(deferral: Deferral, rules: PostingRules) -> list[DesiredEntry]:
    amount = StockAmount(_COST, deferral.cost_minor, deferral.currency)
    memo = f"Cost of the goods in: {_memo(deferral)}"
    return stock_entry(deferral.cost_key, "deferred_cost", deferral.month_end, memo, "", [amount], rules)


def _memo(deferral: Deferral) -> str:
    return f"{deferral.channel.capitalize()} transactions of {deferral.account} deferred at {deferral.month_end}"


def _receivable(deferral: Deferral, owed: int, rules: PostingRules) -> Leg:
    rule = rules.rule(RECEIVABLE, deferral.month_end, channel=deferral.channel)
    line = EntryLine(
        account=rule.account,
        transaction_minor=owed,
        transaction_currency=deferral.currency,
        home_minor=owed,
        home_currency=deferral.currency,
        role=rule.role,
        channel=deferral.channel,
        tax_code=rule.tax_code,
        memo="deferred by the marketplace",
    )
    return Leg(line, rule=rule.name)


def _reversal(accrual: DesiredEntry) -> DesiredEntry:
    """Every leg turned round, on the same accounts, on the day after."""
    return replace(
        accrual,
        entry_key=f"{accrual.entry_key}:reversal",
        kind=f"{accrual.kind}_reversal",
        posting_date=accrual.posting_date + timedelta(days=1),
        memo=f"Reversal of: {accrual.memo}",
        legs=tuple(replace(leg, line=leg.line.negated()) for leg in accrual.legs),
    )


def not_taken_back(entries: Sequence[DesiredEntry]) -> str:
    """An accrual leaves nothing on any account once it is reversed."""
    left: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for leg in entry.legs:
            left[leg.line.account, leg.line.home_currency] += leg.line.home_minor
    named = [
        f"{format_money(minor, currency)} on {account}" for (account, currency), minor in sorted(left.items()) if minor
    ]
    return f"its reversal leaves {', '.join(named)}" if named else ""
