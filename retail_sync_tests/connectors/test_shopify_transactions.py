"""The Shopify transactions export: every movement a payment, every paid-out one a line of its payout."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.settings import Source
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome
from retail_sync_tests.shopify import TRANSACTIONS, csv_file, movement, transactions

_VARIANTS = {17: (), 18: ("VAT",), 19: ("Business Entity Name", "Business Entity ID")}


def shop(name: str, **changes: Any) -> Source:
    """A source of transactions exports of a shop of its own, so that tests do not meet."""
    return Source(name=name, connector="shopify_transactions", account=f"shop {name}", **changes)


NUMBER = "split_part(payout_id, '/', -1)"
"""What Shopify calls the payout: channel, account and currency stand before it."""


def payments(bench: LoadBench, source: Source, *columns: str) -> list[tuple[Any, ...]]:
    """Canonical payments of the source, oldest first."""
    return bench.connection.execute(
        f"select {', '.join(columns)} from canonical.payments where source = ? order by paid_at, order_id, kind, gross_amount",
        [source.name],
    ).fetchall()


def payout_lines(bench: LoadBench, number: str) -> list[tuple[Any, ...]]:
    """(type, component, category, amount) of the lines of a payout, by a number that only one shop uses here."""
    return bench.connection.execute(
        "select transaction_type, component, category, amount from canonical.settlement_lines "
        "where split_part(settlement_id, '/', -1) = ? order by posted_at, order_id, component",
        [number],
    ).fetchall()


@pytest.fixture(scope="module")
def excerpt(bench: LoadBench, samples: Path) -> Outcome:
    """The real excerpt: one payout of an AED store with two customers who paid in SAR."""
    content = (samples / "shopify" / "payment_transactions_export_excerpt.csv").read_bytes()
    return bench.deliver(content, shop("dubai", time_zone="Asia/Dubai"))


def test_the_real_excerpt_is_read_to_the_cent(bench: LoadBench, excerpt: Outcome, samples: Path) -> None:
    """Six rows; their nets sum to 2,975.92 (samples/INDEX.md), and each amount minus fee is its net."""
    file = samples / "shopify" / "payment_transactions_export_excerpt.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        given = sorted(Decimal(row["Net"]) for row in csv.DictReader(stream))
    found = payments(bench, shop("dubai"), "net_amount", "gross_amount - fee_amount")

    assert (excerpt.accepted_count, excerpt.rejected_count, excerpt.is_complete) == (6, 0, True)
    assert sorted(net for net, _ in found) == given
    assert sum(net for net, _ in found) == Decimal("2975.92")
    assert all(net == difference for net, difference in found)


def test_the_real_refund_is_signed_and_dated(bench: LoadBench, excerpt: Outcome) -> None:
    """1598.70 is shown positive to the customer's side of a refund; 16:59:53 +0400 is 12:59:53 UTC."""
    [refund] = [row for row in payments(bench, shop("dubai"), "kind", "source_type", "order_id", "gross_amount",
                                        "presentment_amount", "presentment_currency", "paid_at", "business_date",
                                        "payout_id", "payout_date") if row[0] == "refund"]  # fmt: skip
    assert refund == (
        "refund", "refund", "#3426", Decimal("-1598.70"), Decimal("-1598.70"), "AED",
        datetime(2026, 8, 30, 12, 59, 53, tzinfo=UTC), date(2026, 8, 30), "shopify/shop dubai/AED/148156579998", date(2026, 9, 1),
    )  # fmt: skip
    seen = payments(bench, shop("dubai"), "order_id", "gross_amount", "presentment_amount", "presentment_currency")
    assert ("#3439", Decimal("988.21"), Decimal("1010.40"), "SAR") in seen


def test_the_real_payout_has_a_line_per_amount_and_fee(bench: LoadBench, excerpt: Outcome) -> None:
    """Five charges with a fee each and a refund without one: eleven lines, all governed, together 2,975.92."""
    lines = payout_lines(bench, "148156579998")
    assert sum(line[3] for line in lines) == Decimal("2975.92")
    kinds = [line[:3] for line in lines]
    assert kinds.count(("charge", "amount", "order_payments")) == 5
    assert kinds.count(("charge", "fee", "payment_fee")) == 5
    assert kinds.count(("refund", "amount", "order_refunds")) == 1
    assert len(lines) == 11


@pytest.mark.parametrize("width", _VARIANTS)
def test_every_width_is_read_the_same(bench: LoadBench, width: int) -> None:
    """17 columns, 18 with VAT, 19 with the business entity: the money is the same."""
    source = shop(f"width_{width}")
    content = transactions(f"2026-09-01 charge #1 50.00 1.75 EUR 90{width}@2026-09-03", _VARIANTS[width])
    assert len(content.split(b"\n")[0].split(b",")) == width
    document = bench.deliver(content, source)
    assert (document.status, document.rejected_count) == ("loaded", 0)
    assert payments(bench, source, "gross_amount", "fee_amount", "net_amount") == [
        (Decimal("50.00"), Decimal("1.75"), Decimal("48.25"))
    ]


def test_columns_in_another_order_change_nothing(bench: LoadBench) -> None:
    """Columns are found by name."""
    source = shop("turned")
    row = movement("2026-09-01 charge #1 50.00 1.75 EUR 9101@2026-09-03")
    bench.deliver(csv_file(TRANSACTIONS[::-1], [row]), source)
    assert payments(bench, source, "net_amount", NUMBER) == [(Decimal("48.25"), "9101")]


def test_a_renamed_column_is_named_with_its_likely_new_name(bench: LoadBench) -> None:
    """A missing column is not read as empty; its likely new name is told."""
    names = [name.replace("Payout ID", "Payout IDs") for name in TRANSACTIONS]
    document = bench.deliver(csv_file(names, []), shop("renamed"))
    assert document.status == "refused"
    assert "column payout id is missing (renamed to payout ids?)" in document.reason


def test_an_unknown_column_is_refused_until_it_is_allowed(bench: LoadBench) -> None:
    """A column nobody knows may carry money; a person says that it does not."""
    content = transactions("2026-09-01 charge #1 50.00 1.75 EUR", ("Tip Amount",))
    refused = bench.deliver(content, shop("unknown"))
    assert "unknown column tip amount" in refused.reason
    assert 'extra_columns = ["tip amount"]' in refused.remedy
    assert bench.deliver(content, shop("unknown", extra_columns=("Tip Amount",))).status == "loaded"


def test_a_pending_row_is_a_payment_and_no_line(bench: LoadBench) -> None:
    """A pending row shows the day it is expected on: it is in no payout, so that day is not kept."""
    source = shop("pending")
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR"), source)
    assert payments(bench, source, "net_amount", "payout_id", "payout_date") == [(Decimal("48.25"), None, None)]


def test_a_pending_row_moves_into_its_payout_once(bench: LoadBench) -> None:
    """The later export shows the row again with its payout, in another time zone's offset: it is the same money."""
    source = shop("moving")
    pending = movement("2026-09-01 charge #1 50.00 1.75 EUR")
    paid = movement("2026-09-01 charge #1 50.00 1.75 EUR 9201@2026-09-03") | {
        "Transaction Date": "2026-09-01 10:00:00 +0000"
    }
    bench.deliver(csv_file(TRANSACTIONS, [pending]), source)
    bench.deliver(csv_file(TRANSACTIONS, [paid]), source)
    assert payments(bench, source, "net_amount", NUMBER) == [(Decimal("48.25"), "9201")]
    assert [line[3] for line in payout_lines(bench, "9201")] == [Decimal("50.00"), Decimal("-1.75")]


def test_an_older_export_does_not_take_a_row_out_of_its_payout(bench: LoadBench) -> None:
    """Read again out of order, the export from before the payout changes nothing."""
    source = shop("older")
    before = transactions("2026-09-01 charge #1 50.00 1.75 EUR")
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9301@2026-09-03"), source, order=902)
    bench.deliver(before, source, order=901)
    assert payments(bench, source, NUMBER) == [("9301",)]
    assert len(payout_lines(bench, "9301")) == 2


def test_an_export_made_before_the_payout_may_arrive_after_it(bench: LoadBench) -> None:
    """A backfill of old exports does not make paid money pending again."""
    source = shop("backfilled")
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9351@2026-09-03"), source)
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR\n2026-09-01 charge #2 20.00 0.70 EUR"), source)
    assert payments(bench, source, "order_id", NUMBER) == [("#1", "9351"), ("#2", None)]
    assert len(payout_lines(bench, "9351")) == 2


def test_a_paid_row_wins_when_it_is_read_last_though_it_came_first(bench: LoadBench) -> None:
    """The first export was lost and is delivered again: the newer one, made before the payout, does not stand above it."""
    source = shop("lost")
    bench.deliver(
        transactions("2026-09-01 charge #1 50.00 1.75 EUR\n2026-09-02 charge #2 20.00 0.70 EUR"), source, order=912
    )
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9371@2026-09-03"), source, order=911)
    assert payments(bench, source, "order_id", NUMBER) == [("#1", "9371"), ("#2", None)]
    assert len(payout_lines(bench, "9371")) == 2


def test_of_two_payouts_the_newer_export_tells(bench: LoadBench) -> None:
    """A payout made anew: the row is in the later export's payout, whichever is read last."""
    source = shop("made_anew")
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9382@2026-09-05"), source, order=922)
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9381@2026-09-03"), source, order=921)
    assert payments(bench, source, NUMBER) == [("9382",)]


def test_a_payout_spread_over_two_exports_is_whole(bench: LoadBench) -> None:
    """Exports by transaction date cut payouts: September's part stays when October's export brings the rest."""
    source = shop("spread")
    bench.deliver(transactions("2026-09-30 charge #1 50.00 1.75 EUR 9401@2026-10-02"), source)
    bench.deliver(transactions("2026-10-01 charge #2 20.00 0.70 EUR 9401@2026-10-02"), source)
    assert sum(line[3] for line in payout_lines(bench, "9401")) == Decimal("67.55")


def test_two_equal_rows_are_two_payments(bench: LoadBench) -> None:
    """Two labels of one second and price: both count, and each keeps its payout when one is paid before the other."""
    source = shop("equal")
    label = "2026-09-01 shipping_label - -4.00 0.00 EUR"
    bench.deliver(transactions(f"{label}\n{label}"), source)
    bench.deliver(transactions(f"{label} 9501@2026-09-03\n{label}"), source)
    assert sorted(payments(bench, source, NUMBER), key=str) == [("9501",), (None,)]
    bench.deliver(transactions(f"{label} 9502@2026-09-04\n{label} 9501@2026-09-03"), source)
    assert sorted(payments(bench, source, NUMBER)) == [("9501",), ("9502",)]
    assert [payout_lines(bench, payout) for payout in ("9501", "9502")] == [
        [("shipping_label", "amount", "shipping_labels", Decimal("-4.00"))]
    ] * 2


def test_a_row_that_changes_its_payout_leaves_the_old_one(bench: LoadBench) -> None:
    """A payout that was canceled and made anew: its money counts in the new one only."""
    source = shop("changing")
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9601@2026-09-03"), source)
    bench.deliver(transactions("2026-09-01 charge #1 50.00 1.75 EUR 9602@2026-09-05"), source)
    assert payout_lines(bench, "9601") == []
    assert sum(line[3] for line in payout_lines(bench, "9602")) == Decimal("48.25")


def test_the_row_of_the_payout_itself_is_no_line(bench: LoadBench) -> None:
    """The payout is what its lines sum to: counted among them it would make them zero."""
    source = shop("itself")
    rows = "2026-09-01 charge #1 50.00 1.75 EUR 9701@2026-09-03\n2026-09-03 payout - -48.25 0.00 EUR 9701@2026-09-03"
    bench.deliver(transactions(rows), source)
    assert [row[0] for row in payments(bench, source, "kind")] == ["charge", "payout"]
    assert sum(line[3] for line in payout_lines(bench, "9701")) == Decimal("48.25")


def test_an_unknown_type_is_kept_and_not_guessed(bench: LoadBench) -> None:
    """A word nobody has decided about stays as it came, and its line unclassified."""
    source = shop("words")
    bench.deliver(transactions("2026-09-01 anomaly_credit - 3.00 0.00 EUR 9801@2026-09-03"), source)
    assert payments(bench, source, "kind", "source_type") == [("other", "anomaly_credit")]
    assert payout_lines(bench, "9801") == [("anomaly_credit", "amount", "unclassified", Decimal("3.00"))]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"Net": "48.24"}, "net_amount", "is not Amount 50.00 minus Fee 1.75"),
        ({"Amount": "50,00"}, "gross_amount", "cannot be read as a number"),
        ({"Amount": "50.001", "Net": "48.251"}, "gross_amount", "cannot be read as a number"),
        ({"Fee": ""}, "fee_amount", "is missing"),
        (
            {"Transaction Date": "2026-09-01 12:00:00"},
            "paid_at",
            "cannot be read as a point in time",
        ),
        ({"Payout Date": "03.09.2026"}, "payout_date", "cannot be read as a day"),
        ({"Currency": "euro"}, "currency", "does not have the expected form"),
    ],
)
def test_a_damaged_row_is_rejected_with_its_reason(
    bench: LoadBench, cells: dict[str, str], column: str, reason: str
) -> None:
    """One bad row is named; the good one beside it is read."""
    source = shop("damaged_" + column)
    bad = movement("2026-09-02 charge #2 50.00 1.75 EUR 9901@2026-09-03") | cells
    good = movement("2026-09-01 charge #1 10.00 0.35 EUR 9901@2026-09-03")
    document = bench.deliver(csv_file(TRANSACTIONS, [bad, good]), source)
    found = bench.rejected(document)
    # Net follows from amount and fee, but it is a column of the file as well; the day of a payment is not.
    assert [(line, where) for line, where, _, _ in found if where != "net_amount"] == [(2, column)] * (
        column != "net_amount"
    )
    assert any(reason in why for _, where, _, why in found if where == column)
    assert payments(bench, source, "order_id") == [("#1",)]


def test_a_refund_that_is_none_of_a_sale(bench: LoadBench) -> None:
    """What Shopify gives back of tax or a loan comes in: no refund to a customer, and the payout foots with it."""
    source = shop("refunds_of_tax")
    bench.deliver(
        transactions("2026-09-01 vat_refund_credit - 9.00 0.00 EUR\n2026-09-01 refund_failure #1 5.00 0.00 EUR"), source
    )
    assert payments(bench, source, "kind", "gross_amount") == [("refund", 5), ("other", 9)]
