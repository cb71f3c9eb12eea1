"""Journal entries of a settlement: its parts (`settlement_parts.py`), the transfers that failed, and its deposit.

Pure functions from facts and rules to balanced entries (worked examples A, B and J of reference/ledgers.md section 6).
Signs: a settlement amount is positive when it is owed to us, so its leg is a credit (negative); the payout leg is the
debit that balances it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from retail_sync.core.money import format_money, to_minor
from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement_parts import Component, Granularity, Part, parts_of
from retail_sync.schemas.journal import EntryLine

_TAX_SIDES = (("tax_collected", "tax_withheld"), ("tax_refunded", "tax_withheld_refunded"))
# What stands on the carried-forward legs: where a part's sum goes, and where the payout has it from.
_CARRIED: Mapping[Granularity, tuple[str, str]] = {
    "settlement": ("carried to the month of the payout", "taken over from earlier months"),
    "day": ("carried to the day of the payout", "taken over from earlier days"),
    "order": ("carried to the entry of the payout", "taken over from orders and earlier months"),
}


@dataclass(frozen=True, slots=True)
class Cleared:
    """What of a deposit's difference a rule clears, as right - left (negative: the bank shows less), and to which account."""

    amount: Decimal
    account: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A payout as it arrived on an account of another currency."""

    amount: Decimal
    currency: str
    value_date: date


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the journal needs to know of a settlement that foots.

    The bank fields are set when its deposit is matched; `converted` where it arrived in another currency and the books have
    one of their own, so that the difference has a place.
    """

    settlement_id: str
    channel: str
    currency: str
    closing_date: date
    total: Decimal
    bank_value_date: date | None
    bank_amount: Decimal | None
    cleared: Cleared | None = None
    converted: Converted | None = None


@dataclass(frozen=True, slots=True)
class _Legs:
    """Makes legs of one settlement booked on one day: same currency, channel and home amounts everywhere."""

    settlement: Settlement
    rules: PostingRules
    on: date

    def minor(self, amount: Decimal) -> int:
        return to_minor(amount, self.settlement.currency)

    def own(self, leg: str, minor: int, memo: str, role: str = "") -> Leg:
        rule = self.rules.rule(leg, self.on, channel=self.settlement.channel)
        line = self._line(rule.account, minor, role or rule.role, "", memo, rule.tax_code)
        return Leg(line, rule=rule.name)

    def named(self, account: str, minor: int, memo: str, role: str) -> Leg:
        return Leg(self._line(account, minor, role, "", memo))

    def of_category(self, component: Component, minor: int, booked_as: str = "") -> Leg:
        """`booked_as` names another category whose rule says where, as the part of a tax that is ours."""
        place = {"channel": self.settlement.channel, "marketplace": component.marketplace}
        rule = self.rules.rule(booked_as or component.category, self.on, **place)
        memo = component.category.replace("_", " ")
        line = self._line(rule.account, minor, rule.role, component.marketplace, memo, rule.tax_code)
        return Leg(line, component.category, component.posting_month, rule.name, component.order_id)

    def _line(  # noqa: PLR0913 - the fields of a line
        self, account: str, minor: int, role: str, location: str, memo: str, tax_code: str = ""
    ) -> EntryLine:
        currency = self.settlement.currency
        return EntryLine(
            account=account,
            transaction_minor=minor,
            transaction_currency=currency,
            home_minor=minor,
            home_currency=currency,
            role=role,
            channel=self.settlement.channel,
            location=location,
            tax_code=tax_code,
            memo=memo,
        )


def settlement_entries(
    settlement: Settlement,
    components: Sequence[Component],
    rules: PostingRules,
    deposits: str,
    granularity: Granularity = "settlement",
) -> list[DesiredEntry]:
    """Return every entry the settlement asks for today.

    `deposits` is the policy: journal or bank_feed. The components are cut as `granularity` says.
    """
    legs = _Legs(settlement, rules, settlement.closing_date)
    entries = _parts(legs, components, granularity)
    entries += _failed_transfers(legs, [c for c in components if c.category == "failed_transfer" and c.amount])
    if deposits == "journal" and settlement.bank_amount and _moves_by_itself(settlement):
        arrived_on = settlement.bank_value_date or settlement.closing_date
        entries.append(_deposit(replace(legs, on=arrived_on), settlement.bank_amount))
    if deposits == "journal" and settlement.converted:
        entries.append(_converted_deposit(replace(legs, on=settlement.converted.value_date), settlement.converted))
    return entries


def _moves_by_itself(settlement: Settlement) -> bool:
    """Whether the bank line is where the money is booked.

    Amazon charges a debt to a card and says so in the next settlement, where it is booked once (worked example J4); every
    other channel takes what it is owed from the bank account.
    """
    return settlement.total > 0 or (settlement.total < 0 and settlement.channel != "amazon")


def _parts(legs: _Legs, components: Sequence[Component], granularity: Granularity) -> list[DesiredEntry]:
    """One entry a part. Each but the last parks its sum on the carried-forward account; the last one takes it back and pays.

    So transit has one leg of a settlement, on its closing day, into however many entries it is cut.
    """
    settlement = legs.settlement
    parked, taken_over = _CARRIED[granularity]
    entries, carried = [], 0
    for part in parts_of(components, settlement.closing_date, granularity):
        legs = replace(legs, on=part.on)
        lines = _category_legs(legs, part.components)
        owed = -sum(leg.line.home_minor for leg in lines)
        if part.is_closing:
            lines.append(legs.own("carried_forward", -carried, taken_over))
            lines.append(legs.own("payout", legs.minor(settlement.total), "settlement total"))
        else:
            carried += owed
            lines.append(legs.own("carried_forward", owed, parked))
        lines = [leg for leg in lines if leg.line.home_minor]
        if lines:
            entries.append(_entry(settlement, part, lines))
    return entries


def _entry(settlement: Settlement, part: Part, lines: list[Leg]) -> DesiredEntry:
    return DesiredEntry(
        entry_key=f"{settlement.channel}:settlement:{settlement.settlement_id}:{part.name}",
        kind="settlement",
        posting_date=part.on,
        memo=f"{settlement.channel.capitalize()} settlement {settlement.settlement_id}, {part.title}",
        legs=tuple(lines),
    )


def _category_legs(legs: _Legs, components: Sequence[Component]) -> list[Leg]:
    taxed = {name for side in _TAX_SIDES for name in side}
    plain = [
        legs.of_category(component, -legs.minor(component.amount))
        for component in sorted(_merged(components), key=_by_category)
        if component.category not in taxed
    ]
    return plain + _tax_legs(legs, components)


def _merged(components: Sequence[Component]) -> list[Component]:
    """Two failed transfers of one part are one leg, because category, marketplace and part name the lines under it."""
    merged: dict[tuple[str, str], Component] = {}
    for component in components:
        key = component.category, component.marketplace
        earlier = merged.get(key)
        merged[key] = replace(component, amount=component.amount + earlier.amount) if earlier else component
    return list(merged.values())


def _by_category(component: Component) -> tuple[str, str]:
    return component.category, component.marketplace


def _tax_legs(legs: _Legs, components: Sequence[Component]) -> list[Leg]:
    """Tax that the marketplace collected and withheld nets to zero on its own account; the rest is our liability.

    Source: reference/marketplaces.md 1.6 (facilitator tax) and worked example A1.
    """
    taxes: dict[tuple[str, str], Component] = {}
    for component in components:
        if component.category in {name for side in _TAX_SIDES for name in side}:
            taxes[component.category, component.marketplace] = component
    result = []
    for marketplace in sorted({place for _, place in taxes}):
        for names in _TAX_SIDES:
            collected, withheld = (taxes.get((name, marketplace)) for name in names)
            result += _tax_side(legs, collected, withheld)
    return result


def _tax_side(legs: _Legs, collected: Component | None, withheld: Component | None) -> list[Leg]:
    c = legs.minor(collected.amount) if collected else 0
    w = legs.minor(withheld.amount) if withheld else 0
    washed = min(abs(c), abs(w)) * (1 if c > 0 else -1) if c * w < 0 else 0
    result = []
    if washed and collected and withheld:
        result += [legs.of_category(collected, -washed), legs.of_category(withheld, washed)]
    for component, rest in ((collected, c - washed), (withheld, w + washed)):
        if component and rest:
            result.append(legs.of_category(component, -rest, "own_tax"))
    return result


def _failed_transfers(legs: _Legs, components: Sequence[Component]) -> list[DesiredEntry]:
    by_day: dict[date, list[Component]] = defaultdict(list)
    for component in components:
        by_day[component.event_date or legs.settlement.closing_date].append(component)
    return [_failed_transfer(replace(legs, on=day), sorted(by_day[day], key=_by_category)) for day in sorted(by_day)]


def _failed_transfer(legs: _Legs, components: Sequence[Component]) -> DesiredEntry:
    """The payout that did not go through leaves the transit account on the day the channel says so (worked example J1).

    The day is in the key, so what failed on one day is one entry, whatever marketplaces its lines name.
    """
    settlement = legs.settlement
    amounts = [legs.minor(component.amount) for component in components]
    shown = format_money(sum(amounts), settlement.currency)
    return DesiredEntry(
        entry_key=f"{settlement.channel}:failed-transfer:{settlement.settlement_id}:{legs.on}",
        kind="failed_transfer",
        posting_date=legs.on,
        memo=f"Transfer of {shown} failed and is rolled into settlement {settlement.settlement_id}",
        legs=(
            *(legs.of_category(component, amount) for component, amount in zip(components, amounts, strict=True)),
            legs.own("payout", -sum(amounts), "payout that did not go through", "payout_failed"),
        ),
    )


def _deposit(legs: _Legs, arrived: Decimal) -> DesiredEntry:
    """What the bank shows is booked, whatever was announced: the rest stays open in transit as an item of its settlement.

    A rest that a rule clears leaves transit in the same entry, so that whatever corrects the deposit corrects it too.
    """
    settlement = legs.settlement
    amount = legs.minor(arrived)
    return DesiredEntry(
        entry_key=f"{settlement.channel}:deposit:{settlement.settlement_id}",
        kind="deposit",
        posting_date=legs.on,
        memo=f"Deposit of {settlement.channel.capitalize()} settlement {settlement.settlement_id}",
        legs=(
            legs.own("bank", amount, "deposit"),
            legs.own("payout", -amount, "deposit", "deposit"),
            *_cleared(legs),
        ),
    )


def _converted_deposit(legs: _Legs, converted: Converted) -> DesiredEntry:
    """The whole payout leaves transit in its own currency; the bank is debited in that of the account (worked example I2).

    The difference of the two has an amount only in the home currency, where conversion adds it (`currency.py`).
    """
    total, arrived = legs.minor(legs.settlement.total), to_minor(converted.amount, converted.currency)
    in_bank = legs.own("bank", arrived, "deposit")
    line = replace(in_bank.line, transaction_currency=converted.currency, home_currency=converted.currency)
    paid = legs.own("payout", -total, "deposit", "deposit")
    return replace(_deposit(legs, legs.settlement.total), legs=(replace(in_bank, line=line), paid))


def _cleared(legs: _Legs) -> list[Leg]:
    """The named account takes what is missing as a debit, what is too much as a credit; transit has nothing left."""
    cleared = legs.settlement.cleared
    if cleared is None:
        return []
    minor = legs.minor(cleared.amount)
    memo = f"difference cleared by rule {cleared.rule_id}"
    return [
        legs.named(cleared.account, -minor, memo, "cleared_difference"),
        legs.own("payout", minor, memo, "cleared_difference"),
    ]


def settled_legs(
    channel: str, currency: str, on: date, components: Sequence[Component], rules: PostingRules
) -> list[Leg]:
    """Return the legs that a settlement closed on this day would have for these components, without those of our own."""
    settlement = Settlement("", channel, currency, on, Decimal(0), None, None)
    legs = _category_legs(_Legs(settlement, rules, on), components)
    return [leg for leg in legs if leg.line.home_minor]
