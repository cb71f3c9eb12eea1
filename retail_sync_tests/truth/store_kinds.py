"""Kinds in the stores: receipts, tenders, drawers, and what the card processor reports. Each has a store's day to itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from retail_sync_tests.simulated_catalogue import BY_SKU
from retail_sync_tests.simulated_company import ZONES
from retail_sync_tests.store_files import PROCESSOR_CLOCK
from retail_sync_tests.truth.company import LAST, Cells, Company, Payout, add, cost, day_of
from retail_sync_tests.truth.kinds import Break, choosy, kind

_TOLERANCE = Decimal(5)
"""What a drawer may be off by (match_rules.csv) before anybody is told."""
_REPORTED_LATE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class TillDay:
    """A day of a till: the rows that its systems exported."""

    store: str
    till: str
    day: date
    lines: tuple[Cells, ...]
    tenders: tuple[Cells, ...]
    drawer: Cells

    @property
    def subject(self) -> str:
        """How the till's day is called."""
        return f"{self.store} {self.day} {self.till}"

    def claims(self) -> Iterable[Hashable]:
        """The store's whole day, and its payout."""
        return [("store day", self.store, self.day), ("payout", f"SQ-{self.store}-{self.day:%y%m%d}")]

    def total_of(self, receipt: str) -> Decimal:
        """What the customer owed."""
        mine = (line for line in self.lines if line["Receipt"] == receipt)
        return sum((Decimal(line["Net"]) + Decimal(line["Tax"]) for line in mine), Decimal(0))

    def paid_by(self, word: str) -> list[Cells]:
        """The only tenders of receipts that took money of that kind."""
        receipts = Counter(tender["Receipt"] for tender in self.tenders)
        return [
            t for t in self.tenders if t["Tender"] == word and Decimal(t["Amount"]) > 10 and receipts[t["Receipt"]] == 1
        ]


def _till_days(company: Company) -> list[TillDay]:
    """Those whose evidence the files reach beyond."""
    lines, tenders = _by_till_day(company, "till_receipts"), _by_till_day(company, "till_tenders")
    found = []
    for drawer in company.tables["till_drawers"]:
        store, till, day = drawer["Store"], drawer["Till"], day_of(drawer["Opened"])
        key = (store, till, day)
        if day + _REPORTED_LATE < LAST:
            found.append(TillDay(store, till, day, tuple(lines.get(key, ())), tuple(tenders.get(key, ())), drawer))
    return found


def _by_till_day(company: Company, table: str) -> dict[tuple[str, str, date], list[Cells]]:
    found: dict[tuple[str, str, date], list[Cells]] = {}
    for row in company.tables[table]:
        found.setdefault((row["Store"], row["Till"], day_of(row["Time"])), []).append(row)
    return found


def _pick(company: Company, is_wanted: Callable[[TillDay], object] = lambda _: True) -> TillDay:
    return company.pick(filter(is_wanted, _till_days(company)), TillDay.claims)


def _told(subject: str, day: date, break_class: str, amount: Decimal) -> Break:
    return Break("store_days", subject, break_class, amount, "USD", day)


def _till_told(till: TillDay, break_class: str, amount: Decimal) -> Break:
    return _told(till.subject, till.day, break_class, amount)


def _cash(company: Company, till: TillDay) -> Decimal:
    """The cash tenders that the till exports."""
    mine = (row for row in company.tables["till_tenders"] if row in till.tenders and row["Tender"] == "CASH")
    return sum((Decimal(row["Amount"]) for row in mine), Decimal(0))


def _drawer(company: Company, till: TillDay) -> list[Break]:
    """What is told of the drawer: nothing within the tolerance."""
    difference = Decimal(till.drawer["Counted"]) - Decimal(till.drawer["Float"]) - _cash(company, till)
    return [_till_told(till, "drawer_over_short", difference)] if abs(difference) > _TOLERANCE else []


@kind
def tender_of_card_lost(company: Company) -> Sequence[Break]:
    """A card tender is not in the export; the processor's payment is the same cause, told once."""
    till = _pick(company, lambda one: one.paid_by("CARD"))
    lost = company.rng.choice(till.paid_by("CARD"))
    company.tables["till_tenders"].remove(lost)
    return [_till_told(till, "tenders_differ", -Decimal(lost["Amount"]))]


@kind
def tender_of_cash_lost(company: Company) -> Sequence[Break]:
    """A cash tender is not in the export; the drawer holds the money."""
    till = _pick(company, lambda one: one.paid_by("CASH"))
    lost = company.rng.choice(till.paid_by("CASH"))
    company.tables["till_tenders"].remove(lost)
    return [_till_told(till, "tenders_differ", -Decimal(lost["Amount"])), *_drawer(company, till)]


@kind
def tender_of_cash_mistyped(company: Company) -> Sequence[Break]:
    """A cash tender says 10.00 more than the customer owed; the drawer does not hold it."""
    till = _pick(company, lambda one: one.paid_by("CASH"))
    add(company.rng.choice(till.paid_by("CASH")), "Amount", Decimal(10))
    return [_till_told(till, "tenders_differ", Decimal("10.00")), *_drawer(company, till)]


@kind
def tender_of_card_called_cash(company: Company) -> Sequence[Break]:
    """A card payment was rung up as cash: receipts and tenders agree, the drawer is short and the processor has too much."""
    till = _pick(company, lambda one: one.paid_by("CARD"))
    wrong = company.rng.choice(till.paid_by("CARD"))
    wrong["Tender"] = "CASH"
    amount = Decimal(wrong["Amount"])
    return [_told(f"{till.store} {till.day}", till.day, "card_payments_differ", amount), *_drawer(company, till)]


@kind
def tenders_of_day_lost(company: Company) -> Sequence[Break]:
    """No tender of a till's day was exported."""
    till = _pick(company)
    for row in till.tenders:
        company.tables["till_tenders"].remove(row)
    total = sum((till.total_of(receipt) for receipt in {line["Receipt"] for line in till.lines}), Decimal(0))
    return [_till_told(till, "tenders_missing", -total)]


def _lose_receipts(company: Company, till: TillDay, receipts: set[str]) -> list[Break]:
    """Take receipts out of the export; return what is told of their goods: posted, and by nobody sold."""
    moved: Counter[tuple[str, str]] = Counter()
    for line in till.lines:
        if line["Receipt"] in receipts:
            company.tables["till_receipts"].remove(line)
            if line["SKU"]:
                moved[line["SKU"], {"S": "sale", "R": "return"}[line["Type"]]] -= int(line["Qty"])
    return [
        Break(
            "inventory",
            f"{till.store} {sku} {till.day} {direction}",
            "stock_undetermined",
            cost(sku, units),
            "USD",
            till.day,
        )
        for (sku, direction), units in moved.items()
    ]


def _goods(till: TillDay, receipts: Iterable[str]) -> list[Hashable]:
    wanted = set(receipts)
    return [("stock", till.store, line["SKU"]) for line in till.lines if line["Receipt"] in wanted]


@kind
def receipt_lost(company: Company) -> Sequence[Break]:
    """A receipt is not in the export; its tenders are, and so is what left the shelf."""
    choices = [(till, tender["Receipt"]) for till in _till_days(company) for tender in till.paid_by("CARD")]
    till, receipt = company.pick(choices, lambda one: [*one[0].claims(), *_goods(one[0], [one[1]])])
    return [_till_told(till, "tenders_differ", till.total_of(receipt)), *_lose_receipts(company, till, {receipt})]


@kind
@choosy
def receipts_of_day_lost(company: Company) -> Sequence[Break]:
    """No receipt of a till's day was exported."""

    def receipts(till: TillDay) -> set[str]:
        return {line["Receipt"] for line in till.lines}

    # The quietest tills, whose goods no other problem concerns.
    till = company.pick(
        sorted(_till_days(company), key=lambda one: len(one.lines))[:40],
        lambda one: [*one.claims(), *_goods(one, receipts(one))],
    )
    total = sum((till.total_of(receipt) for receipt in receipts(till)), Decimal(0))
    return [_till_told(till, "sales_missing", total), *_lose_receipts(company, till, receipts(till))]


@kind
@choosy
def receipt_of_two_sources(company: Company) -> Sequence[Break]:
    """A cash receipt of one article is exported under two names: it counts twice beside one drawer and one posting."""
    sizes = Counter(row["Receipt"] for row in company.tables["till_receipts"])
    lines = {
        row["Receipt"]: row
        for row in company.tables["till_receipts"]
        if sizes[row["Receipt"]] == 1 and row["Type"] == "S"
    }
    choices = [
        (till, tender, lines[tender["Receipt"]])
        for till in _till_days(company)
        for tender in till.paid_by("CASH")
        # Of an article in pairs, two sold and one posted may be packs as well.
        if tender["Receipt"] in lines and BY_SKU[lines[tender["Receipt"]]["SKU"]].pack > 2
    ]
    till, tender, line = company.pick(choices, lambda one: [*one[0].claims(), ("stock", one[0].store, one[2]["SKU"])])
    company.tables["till_receipts_renamed"], company.tables["till_tenders_renamed"] = [dict(line)], [dict(tender)]
    total, units = Decimal(tender["Amount"]), int(line["Qty"])
    drawer = Decimal(till.drawer["Counted"]) - Decimal(till.drawer["Float"]) - _cash(company, till) - total
    subject = f"{till.store} {line['SKU']} {till.day} sale {line['Receipt']}"
    return [
        _till_told(till, "receipt_in_two_sources", -total),
        _till_told(till, "drawer_over_short", drawer),
        Break("inventory", subject, "stock_unposted_sale", cost(line["SKU"], units), "USD", till.day),
    ]


def _miscount(company: Company, amount: Decimal) -> list[Break]:
    till = _pick(company)
    till.drawer["Counted"] = f"{Decimal(till.drawer['Float']) + _cash(company, till) + amount:.2f}"
    return _drawer(company, till)


@kind
def drawer_short(company: Company) -> Sequence[Break]:
    """Bills are missing from a drawer."""
    return _miscount(company, Decimal(-40))


@kind
def drawer_over(company: Company) -> Sequence[Break]:
    """A drawer holds more than it should, by a cent above the tolerance."""
    return _miscount(company, Decimal("5.01"))


@kind
def drawer_within_tolerance(company: Company) -> Sequence[Break]:
    """Harmless: a drawer is off by just what it may be."""
    return _miscount(company, Decimal("-5.00"))


@kind
def drawer_never_counted(company: Company) -> Sequence[Break]:
    """A drawer was opened and never counted."""
    till = _pick(company, lambda one: one.paid_by("CASH"))
    till.drawer["Closed"] = till.drawer["Counted"] = ""
    return [_till_told(till, "drawer_not_counted", -_cash(company, till))]


@kind
def drawer_not_exported(company: Company) -> Sequence[Break]:
    """Nothing is known of a drawer whose till took cash."""
    till = _pick(company, lambda one: one.paid_by("CASH"))
    company.tables["till_drawers"].remove(till.drawer)
    return [_till_told(till, "drawer_not_counted", -_cash(company, till))]


def _pick_payment(company: Company) -> tuple[TillDay, Cells, Payout]:
    """A charge of some money, its till's day, and the payout of that day, which has others and none of an earlier day."""
    payments = {row["Receipt"]: row for row in company.tables["square"] if row["Receipt"]}
    days: dict[str, list[date]] = {}
    for receipt, row in payments.items():
        days.setdefault(row["Payout ID"], []).append(_local_day(row, receipt[:3]))
    choices = [
        (till, payment, company.payouts[payment["Payout ID"]])
        for till in _till_days(company)
        for tender in till.paid_by("CARD")
        if (payment := payments.get(tender["Receipt"]))
        and len(days[payment["Payout ID"]]) > 3
        and set(days[payment["Payout ID"]]) == {till.day}
    ]
    return company.pick(choices, lambda one: one[0].claims())


def _cards_told(till: TillDay, amount: Decimal) -> list[Break]:
    return [_told(f"{till.store} {till.day}", till.day, "card_payments_differ", amount)]


@kind
def card_payment_lost(company: Company) -> Sequence[Break]:
    """The processor never got a payment."""
    till, payment, payout = _pick_payment(company)
    company.tables["square"].remove(payment)
    gross, fee = Decimal(payment["Gross"]), Decimal(payment["Fee"])
    company.change_payout(payout, -gross, -fee)
    return _cards_told(till, -gross)


@kind
def card_payment_changed(company: Company) -> Sequence[Break]:
    """The processor took 1.00 less from the card than the till says."""
    till, payment, payout = _pick_payment(company)
    add(payment, "Gross", Decimal(-1))
    company.change_payout(payout, Decimal(-1), Decimal(0))
    return _cards_told(till, Decimal("-1.00"))


@kind
def card_payment_doubled(company: Company) -> Sequence[Break]:
    """The customer's card was charged twice."""
    till, payment, payout = _pick_payment(company)
    company.tables["square"].append({**payment, "Payment ID": payment["Payment ID"] + "B"})
    gross, fee = Decimal(payment["Gross"]), Decimal(payment["Fee"])
    company.change_payout(payout, gross, fee)
    return _cards_told(till, gross)


@kind
def card_payment_reported_late(company: Company) -> Sequence[Break]:
    """Harmless: the processor got a payment two days after the receipt."""
    till, payment, _ = _pick_payment(company)
    at = datetime.fromisoformat(payment["Created at"]) + timedelta(days=2)
    payment["Created at"] = f"{at:%Y-%m-%d %H:%M}"
    return []


@kind
def card_batch_lost(company: Company) -> Sequence[Break]:
    """The processor never got the payments of a store's day, and pays nothing for them."""
    till, _, payout = _pick_payment(company)
    lost = [row for row in company.tables["square"] if row["Payout ID"] == payout.number]
    for row in lost:
        company.tables["square"].remove(row)
    company.tables["square_payouts"] = [row for row in company.tables["square_payouts"] if row is not payout.listed]
    company.tables["bank"].remove(payout.bank)
    total = sum((Decimal(row["Gross"]) for row in lost), Decimal(0))
    return [_told(f"{till.store} {till.day}", till.day, "card_payments_missing", -total)]


def _local_day(payment: Cells, store: str) -> date:
    """The day of a payment by the clock of its store; the processor's is another one."""
    at = datetime.fromisoformat(payment["Created at"]).replace(tzinfo=ZONES[PROCESSOR_CLOCK])
    return at.astimezone(ZONES[store]).date()
