"""The simulated company: what happens in it is conserved, on every day and in every currency of things, whatever the seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests import store_problems
from retail_sync_tests.conftest import run_line
from retail_sync_tests.simulate import LEAST_LINES, simulate
from retail_sync_tests.simulated_cards import Payment, fee_of, payout_day
from retail_sync_tests.simulated_catalogue import ARTICLES, BY_STORE, FBA, WAREHOUSE
from retail_sync_tests.simulated_company import CompanyDay, company_days
from retail_sync_tests.simulated_stock import Shipment
from retail_sync_tests.simulator import CATALOGUE
from retail_sync_tests.stock_problems import Shifts, plant

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 14)
SHIPMENTS = [
    Shipment(f"s{n}", f"o{n}", datetime(2026, 10, 1 + n, 9, 30), CATALOGUE[n].sku, n + 1)  # noqa: DTZ001 - local
    for n in range(12)
]
LAWS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = given(seed=st.integers(0, 2**32), scale=st.integers(1, 3))


def days(seed: int, scale: int = 1, last: date = LAST) -> list[CompanyDay]:
    """Days as they truly were."""
    return [day for _, day in company_days(seed, FIRST, last, SHIPMENTS, scale)]


@LAWS
@SEEDS
def test_every_receipt_is_paid(seed: int, scale: int) -> None:
    """Tenders sum to the lines; tax is the store's rate of each line, to the cent."""
    for day in days(seed, scale):
        assert day.tendered == day.receipts
        for receipt in day.receipts:
            assert sum(tender.amount for tender in receipt.tenders) == receipt.total
            for line in receipt.lines:
                rate = BY_STORE[receipt.store].tax_per_100000 if line.kind == "sale" else 0
                if line.kind != "return":
                    assert abs(line.tax * 100_000 - line.net * rate) <= 50_000


@LAWS
@SEEDS
def test_every_drawer_holds_its_float_and_its_cash(seed: int, scale: int) -> None:
    """But for a few coins, which are less than the tolerance of 5.00."""
    for day in days(seed, scale):
        cash = Counter[tuple[str, str]]()
        for receipt in day.receipts:
            cash[receipt.store, receipt.register] += receipt.paid("cash")
        for drawer in day.drawers:
            assert drawer.counted is not None
            assert abs(drawer.counted - drawer.opening - cash[drawer.store, drawer.register]) < 100


@LAWS
@SEEDS
def test_every_card_tender_is_paid_out_once(seed: int, scale: int) -> None:
    """Each payment is its tender less 2.7 %; a payout is its payments, is positive, and is what the bank shows."""
    payments: list[Payment] = []
    sent, shown, tenders = Counter[str](), Counter[str](), Counter[str]()
    for day in days(seed, scale):
        payments += day.payments
        sent.update({payout.payout_id: payout.total for payout in day.payouts})
        shown.update({deposit.text.removeprefix("SQUARE INC "): deposit.amount for deposit in day.deposits})
        tenders.update({receipt.receipt_id: receipt.paid("card") for receipt in day.receipts if receipt.paid("card")})
    assert Counter({payment.receipt_id: payment.gross for payment in payments}) == tenders
    assert len({payment.payment_id for payment in payments}) == len(payments)
    assert all(payment.fee == fee_of(payment.gross) for payment in payments)
    net = Counter[str]()
    for payment in payments:
        net[payment.payout_id] += payment.net
    net.pop("", None)  # what is not paid out yet
    assert net == sent == shown
    assert all(total > 0 for total in sent.values())


@LAWS
@SEEDS
def test_stock_is_what_was_there_and_what_moved(seed: int, scale: int) -> None:
    """Every snapshot is the one before plus the movements, none falls below zero, and what was sold is what moved."""
    for before, day in company_days(seed, FIRST, LAST, SHIPMENTS, scale):
        moved, sold = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for movement in day.movements:
            moved[movement.location, movement.sku] += movement.quantity
            if movement.kind in ("sale", "return"):
                sold[movement.location, movement.sku] -= movement.quantity
        for level, old in zip(day.levels, before, strict=True):
            assert level.quantity == old.quantity + moved[level.location, level.sku]
            assert level.quantity >= 0
        for receipt in day.receipts:
            for line in receipt.lines:
                sold[receipt.store, line.sku] -= line.quantity if line.sku else 0
        for shipment in day.shipments:
            sold[FBA, shipment.sku] -= shipment.quantity
        for shipment in day.web.shipments:
            sold[WAREHOUSE, shipment.sku] -= shipment.quantity
        assert not +sold
        assert not -sold


@LAWS
@SEEDS
def test_transfers_arrive_and_gift_cards_are_no_more_than_were_sold(seed: int, scale: int) -> None:
    """Goods and money that only change their place."""
    under_way: dict[tuple[str, str], int] = defaultdict(int)
    owed: Counter[str] = Counter()
    for day in days(seed, scale):
        for movement in day.movements:
            if movement.kind == "transfer":
                under_way[movement.reference, movement.sku] += movement.quantity
        for receipt in day.receipts:
            owed[receipt.store] += sum(line.net for line in receipt.lines if line.kind == "gift_card_sold")
            owed[receipt.store] -= receipt.paid("gift_card")
            assert owed[receipt.store] >= 0
    assert set(under_way.values()) == {0}


@LAWS
@SEEDS
def test_every_web_order_is_charged_sent_and_paid_out_once(seed: int, scale: int) -> None:
    """2.9 % and 0.30 of a charge are kept; a payout is its payments; what is left is pending or, of the last day, not sent."""
    orders, booked, paid, sent = {}, Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for day in days(seed, scale):
        orders |= {order.name: order for order in day.web.orders}
        booked.update({(p.order.name, p.kind): p.net for p in day.web.payments})
        paid.update({(p.order.name, p.kind): p.net for p in day.web.paid_out})
        sent.update({(s.order_id, s.sku): s.quantity for s in day.web.shipments})
        assert sum(p.total for p in day.web.payouts) == sum(p.net for p in day.web.paid_out)
        assert all(p.total > 0 and p.day == day.day for p in day.web.payouts)
        assert all(2 <= (day.day - p.at.date()).days <= 7 for p in day.web.paid_out)
    assert paid.items() <= booked.items()
    ordered = {(o.name, line.sku): line.quantity for o in orders.values() if o.at.date() < LAST for line in o.lines}
    assert sent == ordered
    charges = {name: net for (name, kind), net in booked.items() if kind == "charge"}
    assert charges.keys() == orders.keys()
    for name, net in charges.items():
        assert abs((orders[name].total - net - 30) * 1000 - 29 * orders[name].total) <= 500


def test_the_same_seed_is_the_same_company() -> None:
    """And another seed another one; a longer time begins with the same days."""
    assert days(5) == days(5)
    assert days(5)[:7] == days(5, last=FIRST + timedelta(days=6))
    assert days(5) != days(6)


def test_fees_are_rounded_half_up_and_refunds_are_free() -> None:
    """2.7 % of 684.00 and 1,466.00 are those of worked example D2; of 18.50, 0.4995; of 5.00, 0.135, which is 0.14."""
    assert [fee_of(gross) for gross in (68_400, 146_600, 1850, 500, -8640)] == [1847, 3958, 50, 14, 0]


@pytest.mark.parametrize(
    ("sold_on", "paid_on"),
    [("2026-10-05", "2026-10-07"), ("2026-10-08", "2026-10-12"), ("2026-10-09", "2026-10-12"), ("2026-10-10", "2026-10-12"),
     ("2026-10-11", "2026-10-13")],
)  # fmt: skip
def test_payouts_arrive_two_days_later_or_on_monday(sold_on: str, paid_on: str) -> None:
    """10 and 11 October 2026 are a Saturday and a Sunday."""
    assert payout_day(date.fromisoformat(sold_on)).isoformat() == paid_on


def test_articles_are_those_that_the_marketplace_settles() -> None:
    """A settlement line of an article that the ERP does not know would be a problem nobody planted."""
    known = {article.sku: article for article in ARTICLES}
    assert {p.sku: p.price_cents for p in CATALOGUE} == {a.sku: a.price_cents for a in ARTICLES if a.on_amazon}
    assert len(known) == len({article.gtin for article in ARTICLES}) == len(ARTICLES) == 20


@pytest.mark.parametrize("seed", [20_261_001, 1, 2])
def test_what_is_planted_changes_one_day_of_one_system(seed: int) -> None:
    """Each planted day differs from the true one, and the other days do not; nothing else is touched."""
    shifts: Shifts = Counter()
    for true_day in days(seed, last=date(2026, 10, 16)):
        told, found = store_problems.plant(true_day)
        assert (told != true_day) == bool(found) == (str(true_day.day) in store_problems.PLANTS)
        _, found_in_stock = plant(told, shifts)
        assert len(found_in_stock) == (str(true_day.day) in {"2026-10-07", "2026-10-15"})


@pytest.mark.slow
def test_a_simulated_company_is_sound(tmp_path: Path, make_home: Callable[..., Home]) -> None:
    """The whole line over another seed than the sample's: nothing is to be reported, and every payout is in the bank."""
    home = tmp_path / "company"
    made = simulate(home, LEAST_LINES, 7)
    assert made.files == sum(path.is_file() for path in (home / "inbox").rglob("*"))
    assert abs(made.lines - LEAST_LINES) < LEAST_LINES // 10
    pipeline = Pipeline(Home(home), "test")
    run_line(pipeline)
    assert [(row.code, row.subject) for row in pipeline.exceptions.open()] == []
    with pipeline.warehouse.reading() as connection:
        verdicts = connection.execute("select distinct status from reconcile.settlement_totals").fetchall()
        assert verdicts == [("matched",)]
        days_booked = connection.execute("select count(*) from journal.entries where kind = 'store_day'").fetchone()
        assert days_booked == (62,)


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    """So that two people may speak of one company; its size follows `lines`."""
    contents = []
    for name in ("one", "two"):
        simulate(tmp_path / name, 12_000, 9)
        contents.append(
            {str(p.relative_to(tmp_path / name)): p.read_bytes() for p in sorted((tmp_path / name).rglob("*.*"))}
        )
    assert contents[0] == contents[1]
    assert 60_000 < simulate(tmp_path / "large", 80_000, 9).lines < 100_000
