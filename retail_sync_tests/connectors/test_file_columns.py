"""Columns are addressed by name, encodings are decided strictly, and lines are never de-duplicated."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.settings import Source
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome, cells, flat_file, row, settlement

_ROWS = (
    row("24.50", quantity=2, promotion_id="Coupon"),
    row("-3.68", "Commission", quantity=2),
    row("-1.20", "Principal", amount_type="Promotion", quantity=2, promotion_id="Coupon 10%"),
    row("-39.00", "Subscription Fee", transaction_type="other-transaction", amount_type="other-transaction",
        order_id="", sku="", quantity=None, marketplace=""),
)  # fmt: skip
_READ = [
    # line, type, amount type, description, amount, order, sku, quantity, marketplace
    (3, "Order", "ItemPrice", "Principal", Decimal("24.50"), "302-1234567-7654321", "FW-MUG-STONE-2PK", 2, "Amazon.de"),
    (4, "Order", "ItemFees", "Commission", Decimal("-3.68"), "302-1234567-7654321", "FW-MUG-STONE-2PK", None, "Amazon.de"),
    (5, "Order", "Promotion", "Principal", Decimal("-1.20"), "302-1234567-7654321", "FW-MUG-STONE-2PK", None, "Amazon.de"),
    (6, "other-transaction", "other-transaction", "Subscription Fee", Decimal("-39.00"), None, None, None, ""),
]  # fmt: skip
_NAMES = (
    "line_no", "transaction_type", "amount_type", "amount_description", "amount", "order_id", "sku", "quantity", "marketplace",
)  # fmt: skip


def read(bench: LoadBench, document: Outcome) -> list[tuple[object, ...]]:
    """The lines as the tables above write them."""
    assert document.is_complete, document.reason
    return bench.lines(document, *_NAMES)


@pytest.mark.parametrize("promotion_column", [True, False])
def test_v2_with_and_without_promotion_id(bench: LoadBench, *, promotion_column: bool) -> None:
    """The documentation lists 23 columns, real files have 24: both are the same statement."""
    document = bench.deliver(simulator.write_v2(settlement(*_ROWS), promotion_column=promotion_column))
    assert read(bench, document) == _READ


@given(order=st.permutations(range(24)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_v2_columns_in_any_order(bench: LoadBench, order: list[int]) -> None:
    """Read by position, a moved column would put a SKU where an amount belongs (faults.md 0.3)."""
    table = cells(simulator.write_v2(settlement(*_ROWS)))
    document = bench.deliver(flat_file([[line[place] for place in order] for line in table]))
    assert read(bench, document) == _READ


@given(order=st.permutations(range(36)))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_v1_columns_in_any_order(bench: LoadBench, order: list[int]) -> None:
    """The same for the older layout with its nine amount columns."""
    table = cells(simulator.write_v1(settlement(*_ROWS)))
    document = bench.deliver(flat_file([[line[place] for place in order] for line in table]))
    found = bench.lines(document, "line_no", "component", "amount_description", "amount", "quantity")
    assert found == [
        (4, "price", "Principal", Decimal("24.50"), 2),  # line 3 holds nothing but the quantity
        (5, "item-related-fee", "Commission", Decimal("-3.68"), None),
        (6, "promotion", "Principal", Decimal("-1.20"), None),
        (7, "other", "", Decimal("-39.00"), None),
    ]
    assert document.is_complete


@pytest.mark.parametrize(
    "spelt",
    [
        lambda name: name.replace("-", " "),
        lambda name: f"  {name} ",
        lambda name: name.replace("-", "_").upper(),
        lambda name: name.title(),
    ],
    ids=["blanks", "padded", "underscores", "capitals"],
)  # fmt: skip
def test_header_names_written_otherwise(bench: LoadBench, spelt: object) -> None:
    """One real report shows blanks instead of hyphens: the names say the same."""
    table = cells(simulator.write_v2(settlement(*_ROWS)))
    document = bench.deliver(flat_file([[spelt(name) for name in table[0]], *table[1:]]))  # type: ignore[operator]
    assert read(bench, document) == _READ


def test_identical_lines_are_all_kept(bench: LoadBench) -> None:
    """729 of 7,881 lines of a real seller repeat others, worth EUR 2,880.50: dropping repeats loses money."""
    document = bench.deliver(simulator.write_v2(settlement(*[row("7.25")] * 3)))
    assert bench.lines(document, "line_no", "amount") == [(line, Decimal("7.25")) for line in (3, 4, 5)]
    assert document.is_complete


def test_shipment_id_in_the_order_column_is_a_reference(bench: LoadBench) -> None:
    """`FBA19CD9HGQ8` is no order: as an order id it would look like a sale nobody placed."""
    fee = row("-1.10", "Base fee", transaction_type="FBAFees", amount_type="Inbound Defect Fee",
              order_id="FBA19CD9HGQ8", sku="", quantity=None)  # fmt: skip
    document = bench.deliver(simulator.write_v2(settlement(fee, row("2.00"), row("3.00", order_id=""))))
    assert bench.lines(document, "order_id", "reference") == [
        (None, "FBA19CD9HGQ8"),
        ("302-1234567-7654321", None),
        (None, None),
    ]


def test_line_numbers_count_the_blank_lines(bench: LoadBench) -> None:
    """Real V1 files have blank lines inside; a reject must be found where an editor shows it."""
    charge = row("39.00", simulator.CARD_CHARGE, transaction_type="other-transaction", amount_type="other-transaction",
                 order_id="", sku="", quantity=None)  # fmt: skip
    content = simulator.write_v1(settlement(charge, row("5.00"), row("6.00", "Commission")))
    lines = content.decode().split("\n")
    document = bench.deliver(content)
    assert lines[3] == ""
    assert bench.lines(document, "line_no", "amount") == [
        (number, Decimal(amount))
        for number, line in enumerate(lines, 1)
        for amount in ("39.00", "5.00", "6.00")
        if number > 2 and amount in line
    ]


_TEXTS = [
    # encoding, marketplace, SKU, what must be reported
    ("cp932", "Amazon.co.jp", "お茶-カップ_01", "cp932"),
    ("cp1252", "Amazon.fr", "TASSE-ÉTÉ-€5", "cp1252"),
    ("utf-8", "Amazon.co.jp", "お茶-カップ_02", "utf-8"),
    ("utf-8-sig", "Amazon.de", "KRUG-GRÜN", "utf-8"),
]


@pytest.mark.parametrize(("encoding", "marketplace", "sku", "detected"), _TEXTS)
def test_encodings_seen_in_real_files(
    bench: LoadBench, encoding: str, marketplace: str, sku: str, detected: str
) -> None:
    """A wrong guess turns SKUs into other text that no product has (reference/marketplaces.md 1.4)."""
    table = cells(simulator.write_v2(settlement(row("5.00", sku=sku), marketplace=marketplace)))
    document = bench.deliver(flat_file(table, encoding))
    assert bench.lines(document, "sku", "marketplace") == [(sku, marketplace)]
    assert f"; {detected};" in document.detected


def test_a_declared_encoding_is_insisted_on(bench: LoadBench) -> None:
    """Text in another encoding than declared stops the file instead of being read as something else."""
    content = flat_file(cells(simulator.write_v2(settlement(row("5.00", sku="KRUG-GRÜN")))), "cp1252")
    document = bench.deliver(content, Source(name="amazon", connector="amazon_settlement", encoding="utf-8"))
    assert document.status == "refused"
    assert "utf-8" in document.reason


def test_utf16_is_read_where_it_is_declared(bench: LoadBench) -> None:
    """The refusal of a UTF-16 file tells the operator to declare it: that must then work."""
    content = flat_file(cells(simulator.write_v2(settlement(row("5.00", sku="KRUG-GRÜN")))), "utf-16")
    undeclared = bench.deliver(content)
    declared = bench.deliver(content, Source(name="other", connector="amazon_settlement", encoding="utf-16"))
    assert (undeclared.status, "utf-16" in undeclared.remedy) == ("refused", True)
    assert bench.lines(declared, "sku") == [("KRUG-GRÜN",)]


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_line_ends_of_any_system(bench: LoadBench, line_end: str) -> None:
    """A carriage return left on the last cell would become part of a promotion id, or of a SKU."""
    table = cells(simulator.write_v2(settlement(*_ROWS), promotion_column=False))
    sku_last = [[*line[:21], line[22], line[21]] for line in table]
    document = bench.deliver(flat_file(sku_last, line_end=line_end))
    assert read(bench, document) == _READ
