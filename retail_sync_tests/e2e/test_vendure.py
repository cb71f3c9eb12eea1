"""A real shop into real books: orders placed, paid, shipped and refunded in Vendure end as moves in Tryton.

Expectations are worked by hand from what customers did: a mug is 12.00 with 2.00 of tax, a lamp 66.60 with 11.10, three cards
are 11.99 with 2.00, shipping is 5.00 without tax. Tryton's moves are read by SQL that knows nothing of the product.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from retail_sync.core.rules import read_rules
from retail_sync.operations import database as db
from retail_sync.pipeline import Window
from retail_sync.settings import DEFAULT_HOME, Home
from retail_sync_tests.connectors.vendure_server import READER_PASSWORD, Shop, not_at_midnight, open_shop
from retail_sync_tests.e2e.line import drop, findings, line, opened, problems
from retail_sync_tests.ledger.tryton_history import History
from retail_sync_tests.ledger.tryton_server import PASSWORD, Company, open_company

pytestmark = pytest.mark.services
SETTINGS = """
home_currency = "USD"
[ledger]
adapter = "tryton"
storefront = "journal"
[ledger.tryton]
url = "{url}"
database = "{database}"
user = "{user}"
company = "{company}"
journal = "{journal}"
[[source]]
name = "shop"
connector = "vendure"
start_date = "{today}"
look_back_days = 1
[source.connection]
url = "{shop}"
user = "{reader}"
channel_token = "{token}"
[[source]]
name = "articles"
connector = "declared_csv"
object = "products"
[source.columns]
sku = "SKU"
currency = "=USD"
is_active = "=true"
[[source]]
name = "stock"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "Day"
location_id = "=W"
sku = "SKU"
quantity_on_hand = "Quantity"
currency = "=USD"
"""


@pytest.fixture
def shop() -> Shop:
    """A shop without orders."""
    not_at_midnight()
    return open_shop({"MUG": 1000, "LAMP": 5550, "CARD": 333})


@pytest.fixture
def company(worker_id: str) -> Iterator[Company]:
    """A company in Tryton without moves, with the accounts that a shop's orders need."""
    opened_company = open_company(f"shop {worker_id}")
    chart = read_rules((DEFAULT_HOME / "rules",), "chart_of_accounts").rows
    used = {"1115", "2200", "2350", "4000", "4010", "4100"}
    opened_company.prepare({row["code"]: row["name"] for row in chart if row["code"] in used}, today())
    yield opened_company
    opened_company.database.dispose()


@pytest.fixture
def home(shop: Shop, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Vendure as the only source, Tryton as the ledger."""
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", READER_PASSWORD)
    monkeypatch.setenv("RETAIL_SYNC_TRYTON_PASSWORD", PASSWORD)
    said = shop.connection()
    text = SETTINGS.format(
        **company.settings.model_dump(), today=today(), shop=said["url"], reader=said["user"], token=shop.token
    )
    (tmp_path / "retail_sync.toml").write_text(text, encoding="utf-8")
    made = Home(tmp_path)
    drop(made, {
        "articles/all.csv": b"SKU\nMUG\nLAMP\nCARD\n",
        "stock/today.csv": "".join(["Day,SKU,Quantity\n", *(f"{today()},{sku},98\n" for sku in ("MUG", "LAMP", "CARD"))]).encode(),
    })  # fmt: skip
    return made


def today() -> date:
    """The day on which everything happens: the servers' clocks are ours."""
    return datetime.now(UTC).date()


def run(home: Home, window: Window | None = None) -> None:
    """Pull, load, reconcile, journal, release, post."""
    assert [item.problem for item in opened(home).pull(window) if item.problem] == []
    line(opened(home), window)


def this_month() -> Window:
    """The month that everything happens in, as a month-end run has it."""
    first = today().replace(day=1)
    return Window(first, (first + timedelta(days=32)).replace(day=1))


def test_orders_end_verified_in_the_books(shop: Shop, company: Company, home: Home) -> None:
    """Shipped and returned in part, shipped in part, authorised only, refund pending and settled later; nothing is booked twice."""
    returned, parted, pending = shop.place(MUG=2, LAMP=1), shop.place(MUG=1, CARD=3), shop.place(CARD=1)
    shop.place(LAMP=2)
    for order in (returned, parted, pending):
        shop.settle(order)
    shop.ship(returned, MUG=2, LAMP=1)
    shop.take_back(returned, "MUG", 1)
    shop.settle_refund(shop.refund(returned, 1200, MUG=1))
    shop.ship(parted, CARD=3)
    refund = shop.refund(pending, 400, CARD=1)

    def booked(order: dict[str, str], step: str, **minor: int) -> dict[tuple[str, str], int]:
        return {(f"vendure:order:{order['code']}:{step}:{today()}", code.strip("_")): of for code, of in minor.items()}

    expected = (
        booked(returned, "shipment", _1115=9560, _4000=-7550, _4010=-500, _2200=-1510)
        | booked(returned, "refund", _1115=-1200, _4100=1000, _2200=200)
        # The cards are 11.99 of 23.99: of 19.99 without tax and shipping 9.99, of 5.00 of shipping 2.50.
        | booked(parted, "shipment", _1115=1449, _4000=-999, _4010=-250, _2200=-200)
        | booked(parted, "payment", _1115=1450, _2350=-1450)
        | booked(pending, "payment", _1115=900, _2350=-900)
    )
    run(home)
    history = History(company)
    assert history.effect() == expected
    run(home, this_month())
    assert history.effect() == expected
    shop.settle_refund(refund)
    run(home)
    assert history.effect() == expected | booked(pending, "refund", _1115=-400, _2350=400)
    assert set(history.posted().values()) == {1}
    assert (history.drafts(), history.unbalanced()) == (0, [])
    with opened(home).operations.connect() as connection:
        rows = connection.execute(db.outbox.select()).all()
    assert {(row.ledger, row.state) for row in rows} == {("tryton", "verified")}
    assert len(rows) == 6
    assert findings(home) == []
    assert problems(home) == []
    with opened(home).writing("look") as connection:
        rows = connection.execute(
            "select sku, cast(listed_quantity as integer) from reconcile.availability order by 1"
        ).fetchall()
        rests = connection.execute(
            "select reconciliation from reconcile.proofs where right_total - left_total <> breaks_total + carried_total"
        ).fetchall()
    # Of 100 each: 4 cards, 3 lamps and 3 mugs were sold, and a mug came back.
    assert (rows, rests) == ([("CARD", 96), ("LAMP", 97), ("MUG", 98)], [])
