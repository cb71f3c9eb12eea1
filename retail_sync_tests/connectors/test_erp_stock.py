"""What is peculiar to the stock of Odoo, ERPNext and Tryton, beside the contract suite: stand-ins, every figure worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.pulling import Days
from retail_sync.pipeline import Pipeline
from retail_sync_tests.connectors.pulled import PullBench, read_anew
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.erpnext_stock import STORES, FakeErpnextStock
from retail_sync_tests.fakes.odoo_stock import FakeOdooStock
from retail_sync_tests.fakes.server import Request
from retail_sync_tests.fakes.source import FakeSource
from retail_sync_tests.fakes.tryton import FakeTryton

Made = Callable[[FakeSource], PullBench]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Serve a fake, pull it once and load what came."""
    benches = []

    def make(fake: FakeSource) -> PullBench:
        fake.knobs.rows = 1_000
        benches.append(PullBench(fake, tmp_path / str(len(benches)), monkeypatch))
        assert [item.problem for item in benches[-1].pull() if item.problem] == []
        Pipeline(benches[-1].home, "test").load()
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def rows(bench: PullBench, query: str) -> list[tuple[Any, ...]]:
    """Return what the warehouse says."""
    with Pipeline(bench.home, "test").writing("look") as connection:
        return connection.execute(query).fetchall()


STOCK = "select sku, quantity_on_hand from canonical.stock_snapshots where location_id = '{}' order by sku"
REJECTED = "select column_name, value, reason from canonical.rejected_rows"


@pytest.mark.parametrize("api", ["json2", "jsonrpc"])
def test_odoo_quants_are_summed_at_our_places_only(made: Made, api: str) -> None:
    """Two lots of 0.1 and 0.2 more are 0.3 exactly; what lies at the customer's is the mirror of what left."""
    fake = FakeOdooStock(FakeClock(), 2)
    fake.api = api
    bench = made(fake)
    assert rows(bench, STOCK.format("WH")) == [("O-1", Decimal("1.3")), ("O-2", Decimal("2.3"))]
    assert rows(bench, STOCK.format("Transit")) == [("O-1", 0), ("O-2", 0)]
    assert rows(
        bench, "select location_id, sku, kind, quantity, reference from canonical.stock_movements order by all"
    ) == [
        ("WH", "O-1", "sale", -1, "WH/OUT/00001"),
        ("WH", "O-2", "sale", -1, "WH/OUT/00002"),
    ]
    assert rows(bench, REJECTED) == []


def test_odoo_says_of_an_article_without_code_that_it_has_none(made: Made) -> None:
    """Its stock is somewhere in the books; nobody would miss it if it were left out."""
    fake = FakeOdooStock(FakeClock(), 2)
    fake.lists["product.product"][0]["default_code"] = False
    bench = made(fake)
    assert rows(bench, STOCK.format("WH")) == [("O-2", Decimal("2.3"))]
    assert {column for column, _, _ in rows(bench, REJECTED)} == {"sku"}


def test_odoo_moves_in_packs_wait_for_a_person_before_17(made: Made) -> None:
    """A dozen taken for a piece would be eleven pieces lost."""
    fake = FakeOdooStock(FakeClock(), 2)
    for line in fake.lists["stock.move.line"]:
        line["qty_done"] = line.pop("quantity")
        del line["quantity_product_uom"]
    fake.lists["stock.move.line"][0]["product_uom_id"] = [2, "Dozens"]
    bench = made(fake)
    assert rows(bench, "select sku, quantity from canonical.stock_movements") == [("O-2", -1)]
    assert [(column, value) for column, value, _ in rows(bench, REJECTED)] == [("quantity", "1.0")]


def test_odoo_transfers_returns_and_losses_are_told_apart(made: Made) -> None:
    """By what the other place is; within a warehouse nothing moves."""
    fake = FakeOdooStock(FakeClock(), 1)
    (line,) = fake.lists["stock.move.line"]
    for number, (start, end) in enumerate([(2, 6), (3, 6), (6, 3), (6, 4), (6, 8), (6, 7), (1, 6)], 2):
        fake.lists["stock.move.line"].append(
            line | {"id": number, "location_id": [start, "x"], "location_dest_id": [end, "x"]}
        )
    bench = made(fake)
    assert rows(
        bench, "select movement_id, location_id, kind, quantity from canonical.stock_movements order by all"
    ) == [
        ("1/out", "WH", "sale", -1),
        ("2/in", "WH", "return", 1),
        ("3/in", "WH", "receipt", 1),
        ("4/out", "WH", "receipt", -1),
        ("5/out", "WH", "adjustment", -1),
        ("6/in", "Transit", "transfer", 1),
        ("6/out", "WH", "transfer", -1),
    ]
    assert [(column, value) for column, value, _ in rows(bench, REJECTED)] == [("kind", "view")]


def test_erpnext_bins_that_contradict_the_ledger_are_rejected(made: Made) -> None:
    """Ten received, nine counted, two sold are seven. A ghost in the Bin, and stock without a Bin, are told with both figures."""
    fake = FakeErpnextStock(FakeClock(), 3)
    fake.set_bin("E-002", 43.0)
    fake.lists["Bin"] = [row for row in fake.lists["Bin"] if row["item_code"] != "E-003"]
    bench = made(fake)
    assert rows(bench, STOCK.format(STORES)) == [("E-001", 7)]
    assert sorted(rows(bench, REJECTED)) == [
        (
            "quantity_on_hand",
            "43.0",
            "is in the Bin, the stock ledger comes to 7.000000: repost the article in ERPNext",
        ),
        (
            "quantity_on_hand",
            "no Bin",
            "is in the Bin, the stock ledger comes to 7.000000: repost the article in ERPNext",
        ),
    ]
    assert rows(bench, "select count(*) from canonical.incomplete_groups") == [(1,)]


def test_erpnext_bins_that_move_while_read_are_not_compared(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale between the two readings is no drift: the newer Bin holds."""
    fake = FakeErpnextStock(FakeClock(), 1)
    answer, asked = fake.answer, []

    def selling(request: Request) -> Any:
        if b'"Bin"' in request.body:
            asked.append(request)
            if len(asked) == 3:  # the first page of the second reading
                fake.set_bin("E-001", 6.0)
        return answer(request)

    monkeypatch.setattr(fake, "answer", selling)
    bench = made(fake)
    assert rows(bench, STOCK.format(STORES)) == [("E-001", 6)]
    assert rows(bench, REJECTED) == []


def test_erpnext_movements_say_why(made: Made) -> None:
    """A count moves what it found less what was there; what was cancelled moves nothing any more."""
    fake = FakeErpnextStock(FakeClock(), 1)
    for change, purpose in ((-1.0, "Material Transfer"), (3.0, "Material Receipt")):
        entry = fake.enter("E-001", "Stock Entry", change, hour=11)
        fake.lists["Stock Entry"].append({"name": entry["voucher_no"], "purpose": purpose})
    fake.enter("E-001", "Delivery Note", 1.0, hour=12)
    fake.enter("E-001", "Delivery Note", -5.0, hour=13)["is_cancelled"] = 1
    fake.enter("E-001", "Asset Capitalization", -1.0, hour=14)
    bench = made(fake)
    assert rows(bench, "select hour(moved_at), kind, quantity from canonical.stock_movements order by all") == [
        (6, "receipt", 10),
        (9, "adjustment", -1),
        (10, "sale", -2),
        (11, "adjustment", 3),
        (11, "transfer", -1),
        (12, "return", 1),
        (13, "sale", 0),
    ]
    assert ("kind", "Asset Capitalization") in {(column, value) for column, value, _ in rows(bench, REJECTED)}


def test_erpnext_lists_longer_than_twenty_come_whole(made: Made) -> None:
    """Twenty rows is what it gives to those who do not say how many they want."""
    bench = made(FakeErpnextStock(FakeClock(), 25))
    assert rows(bench, "select count(*) from canonical.products") == [(25,)]


def test_days_asked_for_afterwards_cost_what_they_cost(made: Made) -> None:
    """Tryton has today's costs only: a day that it told of itself keeps them, one that nobody was told of has none."""
    bench = made(FakeTryton(FakeClock(), 1))
    figures = "snapshot_date, quantity_on_hand, unit_cost"
    snapshots = f"select {figures} from canonical.stock_snapshots where location_id = 'WH' order by 1"
    told_itself = (date(2026, 11, 20), Decimal("0.25"), Decimal("4.25"))
    assert rows(bench, snapshots) == [told_itself]

    bench.fake.clock.sleep(3 * 86_400)
    bench.fake.products[0]["cost_price"] = {"__class__": "Decimal", "decimal": "9.00"}
    assert [item.problem for item in bench.pull(Days(date(2026, 11, 20), date(2026, 11, 22))) if item.problem] == []
    pipeline = Pipeline(bench.home, "trace-1")
    assert pipeline.load().refused == ()
    found = []
    for backwards in (False, True):
        digests = read_anew(pipeline, backwards=backwards)
        with pipeline.writing("look") as connection:
            found.append((connection.execute(snapshots).fetchall(), digests))

    assert found[0][0] == [told_itself, (date(2026, 11, 21), Decimal("0.25"), None)]
    assert found[0] == found[1]
