"""A web shop's orders: worked examples K1 to K6 and H2 from files to the ledger, what is held, what is never booked twice.

`EXAMPLES` restates them by hand; where the shared file is there, the two must agree. A debit is positive, in minor units.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path

import pytest

from retail_sync.core.money import other_exponents
from retail_sync.core.rules import read_rules
from retail_sync.journal.rules import storefront_channels
from retail_sync.settings import Home
from retail_sync_tests.e2e.line import digest, forget_warehouse, opened
from retail_sync_tests.journal.storefront import ON, Shop, shop
from retail_sync_tests.reconcile.facts import RULES

EXAMPLES = {
    "K1": ("2026-10-20", {"1115": 11880, "4000": -10000, "4010": -1000, "2200": -880}),
    "K2": ("2026-10-22", {"1120": 11505, "6200": 375, "1115": -11880}),
    "K3": ("2026-10-25", {"4100": 4000, "2200": 320, "1115": -4320}),
    "K4": ("2026-10-27", {"1120": -4320, "1115": 4320}),
    "K5": ("2026-10-30", {"1115": 5940, "2350": -5940}),
    "K6": ("2026-11-02", {"2350": 5940, "4000": -5500, "2200": -440}),
}
KEYS = {
    "K1": "shopify:order:5001:shipment:2026-10-20#1",
    "K2": "shopify:settlement:shopify/myshop/USD/77:2026-10#1",
    "K3": "shopify:order:5001:refund:2026-10-25#1",
    "K4": "shopify:settlement:shopify/myshop/USD/78:2026-10#1",
    "K5": "shopify:order:5002:payment:2026-10-30#1",
    "K6": "shopify:order:5002:shipment:2026-11-02#1",
}
# Order 5001: 100.00 of goods and 10.00 of shipping, 8.80 of tax; half of a mug's two came back. Order 5002: 55.00 and 4.40.
FILES = {
    "orders": """
        5001,2026-10-19,USD,118.80,8.80,10.00,,,
        5002,2026-10-30,USD,59.40,4.40,0.00,,,""",
    "order_lines": """
        5001,MUG,2,40.00,6.40,USD
        5001,CARD,1,20.00,1.60,USD
        5002,LAMP,1,55.00,4.40,USD""",
    "fulfilments": """
        S1,5001,2026-10-20,W,MUG,2
        S2,5001,2026-10-20,W,CARD,1
        S3,5002,2026-11-02,W,LAMP,1""",
    "returns": "R1,5001,2026-10-24,MUG,1,43.20,3.20,USD",
    "money": """
        2026-10-20 charge 5001 118.80 3.75 USD 77@2026-10-22
        2026-10-25 refund 5001 -43.20 0.00 USD 78@2026-10-27
        2026-10-30 charge 5002 59.40 0.00 USD""",
    "payouts": """
        2026-10-22 paid 118.80 0.00 0.00 0.00 -3.75 0.00 115.05 USD
        2026-10-27 paid 0.00 -43.20 0.00 0.00 0.00 0.00 -43.20 USD""",
}  # fmt: skip


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """All files of the examples K, one run."""
    return shop(_homes(tmp_path_factory.mktemp("k")), FILES)


def _homes(root: Path) -> Callable[..., Home]:
    def make(settings: str, extra: str) -> Home:
        (root / "retail_sync.toml").write_text(f"{extra}\n{settings}", encoding="utf-8")
        return Home(root)

    return make


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {e["id"]: (e["date"], {line["account"][:4]: line["minor"] for line in e["lines"]}) for e in shared}
    assert {name: by_id[name] for name in EXAMPLES} == EXAMPLES
    h2 = Counter((line["account"][:4], line["minor"]) for e in shared if e["id"] == "H2" for line in e["lines"])
    assert h2 == Counter(H2)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(books: Shop, name: str) -> None:
    """Shipped, paid out, refunded, refund paid out; money before the goods, then the goods: day and every leg."""
    assert books.entries()[KEYS[name]] == EXAMPLES[name]


def test_nothing_else_is_booked_and_nothing_is_held(books: Shop) -> None:
    """The charge of order 5001 came on the day it was shipped: no prepayment, no entry of its own."""
    assert set(books.entries()) == set(KEYS.values())
    assert books.held() == {}


def test_the_receivable_is_a_list_of_open_orders(books: Shop) -> None:
    """Order 5001 was paid out and its refund taken; 5002 was charged and is in no payout yet. No prepayment is left."""
    assert books.balances()["1115"] == 5940
    assert books.open_items("1115") == {"shopify 5002": "59.4000"}
    assert books.open_items("2350") == {}


def test_every_leg_leads_to_the_order_and_to_what_happened(books: Shop) -> None:
    """The order's row counts in full, so the rows under a leg sum to it; the shipment of the day stands beside it."""
    wrong = books.query(
        "select entry_key from journal.line_sources where starts_with(entry_key, 'shopify:order') "
        "group by entry_key, entry_line_no, home_minor having sum(amount) * 100 <> home_minor"
    )
    assert wrong == []
    rows = books.query(
        "select component, file_name, file_line_no, cast(amount as varchar) from journal.line_sources "
        "where entry_key = 'shopify:order:5001:shipment:2026-10-20' and account = '4000' order by component, file_line_no"
    )
    assert [row[:3] for row in rows] == [
        ("order", "october.csv", 2), ("shipment", "october.csv", 2), ("shipment", "october.csv", 3),
    ]  # fmt: skip
    assert [float(row[3]) for row in rows] == [-100, 0, 0]


def test_a_refund_leads_to_what_came_back(books: Shop) -> None:
    """The mug came back on the 24th, the money went on the 25th: line 2 of the returns says for what it was, and what tax."""
    rows = books.query(
        "select component, transaction_type, sku, file_line_no, cast(amount as varchar) from journal.line_sources "
        "where entry_key = 'shopify:order:5001:refund:2026-10-25' and account = '4100' order by component"
    )
    assert rows == [
        ("order", "paid", None, 2, "40.0000"),
        ("payment", "refund", None, 3, "0.0000"),
        ("return", "restocked", "MUG", 2, "0.0000"),
    ]


H2 = [("1120", 31900), ("4000", -10000), ("2220", -1900), ("4000", -10000), ("2230", -2000), ("4000", -8000)]
EUROPE = {
    "orders": """
        DE1,2026-10-14,EUR,119.00,19.00,0.00,anna,seller,
        FR1,2026-10-14,EUR,120.00,20.00,0.00,bruno,seller,
        UK1,2026-10-14,EUR,80.00,0.00,0.00,carol,marketplace,""",
    "order_lines": "DE1,A,1,119.00,,EUR\nFR1,A,1,120.00,,EUR\nUK1,A,1,80.00,,EUR",
    "fulfilments": "1,DE1,2026-10-14,BER,A,1\n2,FR1,2026-10-14,BER,A,1\n3,UK1,2026-10-14,BER,A,1",
    "customers": "anna,DE,consumer\nbruno,FR,consumer\ncarol,GB,consumer",
    "locations": "BER,DE",
    "money": """
        2026-10-14 charge DE1 119.00 0.00 EUR 9@2026-10-14
        2026-10-14 charge FR1 120.00 0.00 EUR 9@2026-10-14
        2026-10-14 charge UK1 80.00 0.00 EUR 9@2026-10-14""",
    "payouts": "2026-10-14 paid 319.00 0.00 0.00 0.00 0.00 0.00 319.00 EUR",
}  # fmt: skip


def test_worked_example_h2(make_home: Callable[..., Home]) -> None:
    """Domestic, one-stop shop and marketplace-liable: the orders and their payout together are the six legs of the example."""
    found = shop(make_home, EUROPE)
    assert found.held() == {}
    legs = Counter(
        (line.account, line.home_minor)
        for posted in found.pipeline.embedded_ledger.entries()
        for line in posted.entry.lines
        if line.account != "1115"
    )
    assert legs == Counter(H2)
    assert "1115" not in found.balances()
    codes = found.query(
        "select account, tax_code, location, memo from journal.lines where account in ('2220', '2230') order by 1"
    )
    assert codes == [("2220", "DE", "DE", "own tax domestic DE"), ("2230", "OSS-FR", "FR", "own tax oss FR")]


def test_a_business_of_another_member_state_has_its_account(make_home: Callable[..., Home]) -> None:
    """No tax was charged and the buyer is a business: reverse charge. Of one whose status is unknown the rules for all hold."""
    files = {
        "orders": "B1,2026-10-14,EUR,100.00,0.00,0.00,firm,,\nU1,2026-10-14,EUR,100.00,0.00,0.00,somebody,,",
        "order_lines": "B1,A,1,100.00,,EUR\nU1,A,1,100.00,,EUR",
        "fulfilments": "1,B1,2026-10-14,BER,A,1\n2,U1,2026-10-14,BER,A,1",
        "customers": "firm,FR,business\nsomebody,FR,",
        "locations": "BER,DE",
    }
    found = shop(make_home, files)
    assert found.balances() == {"1115": 20000, "4000": -10000, "4005": -10000}
    # Whoever bought turns out to be a business: a corrected fact.
    found.run({"customers": "somebody,FR,business"}, "corrected")
    assert found.balances() == {"1115": 20000, "4005": -20000}
    # The place is in France all along.
    found.run({"locations": "BER,FR"}, "moved")
    assert found.balances() == {"1115": 20000, "4000": -20000}


def test_without_the_setting_nothing_is_booked(make_home: Callable[..., Home]) -> None:
    """A home whose shop has its own connector to the books must not book twice: only payouts are journalled."""
    found = shop(make_home, FILES, extra="")
    assert set(found.entries()) == {KEYS["K2"], KEYS["K4"]}
    assert found.query("select count(*) from journal.documents where kind = 'storefront_order'") == [(0,)]
    (found.pipeline.home.root / "retail_sync.toml").write_text(
        f"{ON}\n{(found.pipeline.home.root / 'retail_sync.toml').read_text(encoding='utf-8')}", encoding="utf-8"
    )
    later = Shop(opened(found.pipeline.home)).run({})
    assert set(later.entries()) == set(KEYS.values())


def test_no_channel_whose_settlements_tell_revenue() -> None:
    """Amazon's settlements book its sales, the card processor has no orders: of the governed channels only web shops are left."""
    assert storefront_channels(read_rules(RULES, "settlement_categories")) == ("shopify", "vendure")


PARTIAL = {
    "orders": "7,2026-10-01,USD,100.01,8.33,5.01,,,",
    "order_lines": "7,A,3,20.00,5.55,USD\n7,B,1,26.67,2.78,USD",
    "money": "2026-10-01 charge 7 100.01 0.00 USD",
}


def test_parts_of_an_order_sum_to_it(make_home: Callable[..., Home]) -> None:
    """One of three A, then B, then the rest: shares by value, tax by the lines' tax, and the last shipment takes the remainder.

    Goods 86.67 are 60.00 of A and 26.67 of B. First third of A: 20.00 of goods, 1.16 of shipping (5.01 × 20/86.67 = 1.1561),
    1.85 of tax. Then B: 46.67 × 5.01 / 86.67 = 2.6978, so 1.54 more. The rest: 40.00, 2.31, 3.70.
    """
    sent = "S1,7,2026-10-02,W,A,1\nS2,7,2026-10-03,W,B,1\nS3,7,2026-10-05,W,A,2"
    found = shop(make_home, PARTIAL | {"fulfilments": sent})
    key = "shopify:order:7"
    assert {name: legs for name, (_, legs) in found.entries().items()} == {
        f"{key}:payment:2026-10-01#1": {"1115": 10001, "2350": -10001},
        f"{key}:shipment:2026-10-02#1": {"2350": 2301, "4000": -2000, "4010": -116, "2200": -185},
        f"{key}:shipment:2026-10-03#1": {"2350": 3099, "4000": -2667, "4010": -154, "2200": -278},
        f"{key}:shipment:2026-10-05#1": {"2350": 4601, "4000": -4000, "4010": -231, "2200": -370},
    }
    assert found.balances() == {"1115": 10001, "4000": -8667, "4010": -501, "2200": -833}


SOLD = {name: FILES[name] for name in ("orders", "order_lines", "fulfilments")}
_ORDER = "{id},2026-10-19,USD,118.80,8.80,10.00,,,"
_SHIPPED = "S1-{id},{id},2026-10-20,W,MUG,2\nS2-{id},{id},2026-10-20,W,CARD,1"
# code, and what differs from order 5001
HELD = {
    "tax unknown": ("storefront_tax_unknown", {"orders": "{id},2026-10-19,USD,118.80,,10.00,,,"}),
    "tax above the total": ("storefront_total_differs", {"orders": "{id},2026-10-19,USD,8.80,8.80,10.00,,,"}),
    "a marketplace's tax": ("storefront_tax_unknown", {"orders": "{id},2026-10-19,USD,118.80,8.80,10.00,,marketplace,"}),
    "from two countries": (
        "storefront_tax_unknown",
        {
            "orders": "{id},2026-10-19,USD,118.80,8.80,10.00,anna,,",
            "fulfilments": "S1-{id},{id},2026-10-20,BER,MUG,2\nS2-{id},{id},2026-10-20,PAR,CARD,1",
        },
    ),
    "paid in another currency": ("storefront_currency", {"money": "2026-10-20 charge {id} 118.80 0.00 EUR"}),
    "more given back than sold": ("storefront_refund_more", {"money": "2026-10-25 refund {id} -200.00 0.00 USD"}),
    "goods that were not ordered": ("storefront_shipment_unknown", {"fulfilments": "S1-{id},{id},2026-10-20,W,HAT,1"}),
    "more goods than ordered": ("storefront_shipment_unknown", {"fulfilments": "S1-{id},{id},2026-10-20,W,MUG,3"}),
    "tax of a refund unknown": ("storefront_refund_tax_unknown", {"money": "2026-10-25 refund {id} -40.00 0.00 USD"}),
    "of what left or of what did not": (
        "storefront_refund_unclear",
        {
            "fulfilments": "S1-{id},{id},2026-10-20,W,MUG,1",
            "money": "2026-10-20 charge {id} 118.80 0.00 USD\n2026-10-25 refund {id} -21.60 0.00 USD",
        },
    ),
}  # fmt: skip


def _held_files() -> dict[str, str]:
    """An order for each case, by its place, and order 99 that is sound."""
    files = {"customers": "anna,DE,consumer", "locations": "BER,DE\nPAR,FR", "money": ""}
    for number, changed in enumerate([*(changed for _, changed in HELD.values()), {}], 100 - len(HELD) - 1):
        lines = "{id},MUG,2,40.00,6.40,USD\n{id},CARD,1,20.00,1.60,USD"
        parts = {"orders": _ORDER, "order_lines": lines, "fulfilments": _SHIPPED} | changed
        for source, text in parts.items():
            files[source] = files.get(source, "") + text.format(id=number) + "\n"
    return files


def test_what_cannot_be_told_is_held(make_home: Callable[..., Home]) -> None:
    """Each order is named with its reason and nothing of it is booked; the one that is sound is."""
    found = shop(make_home, _held_files())
    wanted = {
        f"storefront_order:shopify|{number}": code
        for number, (code, _) in enumerate(HELD.values(), 100 - len(HELD) - 1)
    }
    assert found.held() == wanted
    assert set(found.entries()) == {"shopify:order:99:shipment:2026-10-20#1"}
    told = {e.subject: e.code for e in found.pipeline.exceptions.open() if e.code.startswith("storefront")}
    assert told == wanted


def test_a_cancelled_rest_is_given_back_from_the_prepayment(make_home: Callable[..., Home]) -> None:
    """Two mugs left, the card did not and was given back whole: it was never income.

    Of 118.80 are earned 80.00 of goods, 8.00 of shipping and 7.04 of tax, four fifths of each; 23.76 is the rest.
    """
    files = SOLD | {
        "fulfilments": "S1,5001,2026-10-20,W,MUG,2",
        "money": "2026-10-20 charge 5001 118.80 0.00 USD\n2026-10-25 refund 5001 -23.76 0.00 USD",
    }
    found = shop(make_home, files)
    assert {name: legs for name, (_, legs) in found.entries().items()} == {
        "shopify:order:5001:shipment:2026-10-20#1": {"1115": 9504, "4000": -8000, "4010": -800, "2200": -704},
        "shopify:order:5001:payment:2026-10-20#1": {"1115": 2376, "2350": -2376},
        "shopify:order:5001:refund:2026-10-25#1": {"2350": 2376, "1115": -2376},
    }


def test_an_order_of_a_till_is_not_booked_from_here(make_home: Callable[..., Home]) -> None:
    """It names the store that sold it: its receipts book it."""
    found = shop(make_home, SOLD | {"orders": FILES["orders"].replace("0.00,,,", "0.00,,,S01")})
    assert found.entries() == {}
    assert found.held() == {}


def test_a_corrected_order_reverses_and_books_anew(make_home: Callable[..., Home]) -> None:
    """The tax was 8.00: version 1 is reversed, version 2 has it. Again: nothing."""
    found = shop(make_home, SOLD)
    corrected = {"orders": "5001,2026-10-19,USD,118.00,8.00,10.00,,,"}
    for _ in range(2):
        found.run(corrected, "corrected")
        first = {key: legs for key, (_, legs) in found.entries().items() if ":5001:" in key}
        key = "shopify:order:5001:shipment:2026-10-20"
        assert set(first) == {f"{key}#1", f"{key}#1R", f"{key}#2"}
        assert first[f"{key}#2"] == {"1115": 11800, "4000": -10000, "4010": -1000, "2200": -800}


def test_a_shipment_that_moves_to_another_day_takes_its_entry_along(make_home: Callable[..., Home]) -> None:
    """The first day's entry is withdrawn, the other day's is booked; the same after a rebuild."""
    found = shop(make_home, FILES)
    found.deliver({"fulfilments": "S3,5002,2026-11-03,W,LAMP,1"}, "corrected")
    forget_warehouse(found.pipeline.home)
    again = Shop(opened(found.pipeline.home)).run({})
    keys = {key for key in again.entries() if ":5002:shipment" in key}
    assert keys == {f"shopify:order:5002:shipment:2026-11-0{day}" for day in ("2#1", "2#1R", "3#1")}
    assert again.balances() == {"1115": 5940, "1120": 7185, "2200": -1000, "4000": -15500, "4010": -1000,
                                             "4100": 4000, "6200": 375}  # fmt: skip


FIRST = list(permutations(("money", "fulfilments", "orders")))


@pytest.mark.long
@pytest.mark.parametrize("first", FIRST, ids=" ".join)
def test_any_order_of_arrival_ends_in_the_same_books(
    books: Shop, make_home: Callable[..., Home], first: tuple[str, ...]
) -> None:
    """A run after each file, in any order, ends where one run ended."""
    found = shop(make_home)
    for name in (*first, *(name for name in FILES if name not in first)):
        found.run({name: FILES[name]})
    assert digest(found.pipeline.home) == digest(books.pipeline.home)


def test_the_digits_of_currencies_are_those_of_money() -> None:
    """The view from legs to rows knows them by itself."""
    view = (RULES.parents[1] / "retail_sync" / "schemas" / "line_sources.sql").read_text(encoding="utf-8")
    named = view.split("Digits of the currency")[1].split("order_rows as o")[0]
    groups: Mapping[str, int] = {"1.0000": 0, "0.0010": 3, "0.0001": 4}
    found = {}
    for part in named.split("when j.transaction_currency in (")[1:]:
        codes, _, scale = part.partition(") then ")
        found |= dict.fromkeys((code.strip(" '\n") for code in codes.split(",")), groups[scale.split()[0]])
    assert found == other_exponents()
