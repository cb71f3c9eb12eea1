"""The Shopify orders export: orders over several rows, and nobody's name in the warehouse."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from retail_sync.settings import Source
from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.shopify import ORDERS, csv_file

PERSON = {
    "Email": "Ann@example.com", "Billing Name": "Ann Example", "Billing Street": "1 Main St", "Billing Phone": "555-0100",
    "Shipping Name": "Ann Example", "Shipping City": "Springfield", "Phone": "555-0100", "Notes": "ring twice\nat Ann's",
}  # fmt: skip
HEAD = PERSON | {
    "Name": "#1001", "Financial Status": "paid", "Currency": "EUR", "Subtotal": "29.98", "Shipping": "5.00",
    "Taxes": "5.59", "Total": "34.98", "Discount Amount": "2.00", "Created at": "2026-09-01 00:30:00 +0200",
    "Lineitem quantity": "2", "Lineitem name": "Crew Tee - Black / S", "Lineitem price": "10.99",
    "Lineitem sku": "TEE-BLK-S", "Lineitem discount": "2.00", "Source": "web", "Id": "5001",
}  # fmt: skip
SECOND = {
    "Name": "#1001", "Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": "10.00", "Lineitem sku": "MUG",
    "Lineitem discount": "0.00",
}  # fmt: skip


def shop(name: str) -> Source:
    """A source of orders of its own."""
    return Source(name=name, connector="shopify_orders", time_zone="Europe/Berlin")


def found(bench: LoadBench, table: str, source: Source, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of the source in the order of the file."""
    return bench.connection.execute(
        f"select {', '.join(columns)} from canonical.{table} where source = ? order by line_no", [source.name]
    ).fetchall()


def test_an_order_over_two_rows_is_one_order_with_two_lines(bench: LoadBench) -> None:
    """Its own cells stand on its first row; each row is a line, in the order's currency."""
    source = shop("rows")
    document = bench.deliver(csv_file(ORDERS, [HEAD, SECOND]), source)
    assert (document.delivered_count, document.accepted_count, document.rejected_count) == (2, 3, 0)
    assert found(bench, "orders", source, "order_id", "ordered_at", "business_date", "status", "currency", "total_amount",
                 "tax_amount", "shipping_amount", "discount_amount", "location_id") == [
        ("#1001", datetime(2026, 8, 31, 22, 30, tzinfo=UTC), date(2026, 9, 1), "paid", "EUR", Decimal("34.98"),
         Decimal("5.59"), Decimal("5.00"), Decimal("2.00"), None),
    ]  # fmt: skip
    assert found(bench, "order_lines", source, "order_id", "order_line_no", "sku", "title", "quantity", "currency",
                 "unit_price", "discount_amount", "tax_amount") == [
        ("#1001", 1, "TEE-BLK-S", "Crew Tee - Black / S", 2, "EUR", Decimal("10.99"), Decimal("2.00"), None),
        ("#1001", 2, "MUG", "Mug", 1, "EUR", Decimal("10.00"), Decimal("0.00"), None),
    ]  # fmt: skip


def test_nobodys_name_mail_phone_or_address_is_in_the_warehouse(bench: LoadBench) -> None:
    """Neither in the tables nor in the rejected rows: a line that cannot be split is not shown."""
    source = shop("persons")
    good = csv_file(ORDERS, [HEAD, SECOND | {"Lineitem quantity": "two"}])
    bench.deliver(good + b"#1002,ann@example.com,paid,Ann Example,555-0100\n", source)
    text = str([found(bench, table, source, "*") for table in ("orders", "order_lines", "rejected_rows")])
    assert "two" in text
    assert "it may name a person" in text
    for private in ("example.com", "Ann", "Example", "555", "Main St", "Springfield", "ring twice"):
        assert private not in text


def test_a_customer_is_the_same_pseudonym_in_every_order(bench: LoadBench) -> None:
    """One mail, however written, is one customer; without a mail there is none."""
    source = shop("customers")
    orders = [HEAD, HEAD | {"Name": "#1002", "Email": "ann@EXAMPLE.com"}, HEAD | {"Name": "#1003", "Email": "bo@example.com"},
              HEAD | {"Name": "#1004", "Email": ""}]  # fmt: skip
    bench.deliver(csv_file(ORDERS, orders), source)
    [ann, again, bo, nobody] = [row[0] for row in found(bench, "orders", source, "customer_id")]
    assert ann == again != bo
    assert (len(ann), nobody) == (16, None)


def test_a_till_order_keeps_its_location_and_a_cancelled_one_says_so(bench: LoadBench) -> None:
    """Source pos names the store; Cancelled at outweighs the financial status, in both spellings."""
    source = shop("tills")
    canceled = [name.replace("Cancelled at", "Canceled at") for name in ORDERS]
    rows = [HEAD | {"Source": "pos", "Location": "Berlin Mitte"},
            HEAD | {"Name": "#1002", "Canceled at": "2026-09-02 08:00:00 +0200"}]  # fmt: skip
    bench.deliver(csv_file(canceled, rows), source)
    assert found(bench, "orders", source, "location_id", "status") == [("Berlin Mitte", "paid"), (None, "cancelled")]


def test_a_newer_export_replaces_the_whole_order(bench: LoadBench) -> None:
    """An edited order has fewer lines now: the old ones do not stay."""
    source = shop("edited")
    bench.deliver(csv_file(ORDERS, [HEAD, SECOND, HEAD | {"Name": "#1002"}]), source)
    bench.deliver(csv_file(ORDERS, [HEAD | {"Financial Status": "refunded"}]), source)
    assert found(bench, "order_lines", source, "order_id", "sku") == [("#1001", "TEE-BLK-S"), ("#1002", "TEE-BLK-S")]
    assert sorted(found(bench, "orders", source, "order_id", "status")) == [("#1001", "refunded"), ("#1002", "paid")]


def test_an_order_name_used_twice_is_shown(bench: LoadBench) -> None:
    """Shopify allows two orders of one name: the second is rejected with its lines, not merged in silence.

    The note of the first goes over two lines, so the second stands on line 4.
    """
    source = shop("twice")
    document = bench.deliver(csv_file(ORDERS, [HEAD, HEAD | {"Id": "5002", "Total": "99.00"}]), source)
    assert [(line, where, why) for line, where, _, why in bench.rejected(document)] == [
        (4, "order_id", "occurs a second time in the file"),
        (4, "order_line_no", "occurs a second time in the file"),
    ]
    assert found(bench, "orders", source, "total_amount") == [(Decimal("34.98"),)]
    assert len(found(bench, "order_lines", source, "*")) == 1


@pytest.mark.parametrize("column", ["Total", "Created at", "Currency", "Lineitem price"])
def test_a_missing_column_is_refused(bench: LoadBench, column: str) -> None:
    """An order without its money or day is not an order."""
    document = bench.deliver(csv_file([name for name in ORDERS if name != column], []), shop("missing"))
    assert document.status == "refused"
    assert f"column {column.lower()} is missing" in document.reason


def test_orders_from_a_day_on_are_left_to_another_source(bench: LoadBench) -> None:
    """Both its rows and those of its lines, also a line that is damaged; the delivery says how many."""
    source = shop("until").model_copy(update={"until": date(2026, 9, 2)})
    later = HEAD | {"Name": "#1002", "Created at": "2026-09-02 00:00:00 +0200"}
    document = bench.deliver(csv_file(ORDERS, [HEAD, SECOND, later, SECOND | {"Name": "#1002"}]), source)

    assert [row for (row,) in found(bench, "orders", source, "order_id")] == ["#1001"]
    assert [row for (row,) in found(bench, "order_lines", source, "order_id")] == ["#1001", "#1001"]
    assert document.detected.endswith("; 3 rows left to another source, from 2026-09-02 on")
