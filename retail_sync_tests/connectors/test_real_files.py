"""Real Amazon files, read by the connector and, independently, with the csv module and Decimal."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome

# reference/marketplaces.md 1.3 and samples/INDEX.md: the four consecutive CA files and what each states as its total.
V1_FILES = {
    "50011020300.txt": ("23874396421", 33, Decimal("-321.69")),
    "50018020314.txt": ("23874397121", 36, Decimal("-62.31")),
    "50034020328.txt": ("24288684721", 36, Decimal("1016.08")),
    "50041020342.txt": ("24391894961", 36, Decimal("2539.66")),
}
Load = Callable[[Path], Outcome]


@pytest.fixture(scope="module")
def load(bench: LoadBench) -> Load:
    """Load a sample once for all tests of this module."""
    return cache(lambda file: bench.deliver(file.read_bytes()))


def records(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Read a file independently: (line number, cells by column name), blank lines left out."""
    lines = file.read_text(encoding="utf-8").splitlines()
    names = lines[0].split("\t")
    rows = csv.reader(lines[1:], delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(number, dict(zip(names, row, strict=False))) for number, row in enumerate(rows, 2) if any(row)]


def v1_amounts(file: Path) -> list[tuple[int, str, Decimal]]:
    """Every amount of a V1 file as (line, column family, amount)."""
    return [
        (number, column.removesuffix("-amount"), Decimal(text.strip()))
        for number, record in records(file)
        for column, text in record.items()
        if column.endswith("-amount") and column != "total-amount" and text.strip()
    ]


@pytest.mark.parametrize("name", V1_FILES)
def test_v1_lines_are_the_amounts_of_the_file(bench: LoadBench, load: Load, samples: Path, name: str) -> None:
    """A lost, doubled or misplaced amount of a 33- or 36-column file would show here, line by line."""
    file = samples / "amazon_settlement_v1" / name
    settlement_id, width, total = V1_FILES[name]
    document = load(file)
    found = bench.lines(document, "line_no", "component", "amount")

    assert len(file.read_text().split("\n")[0].split("\t")) == width
    assert document.document_id == settlement_id
    assert Counter(found) == Counter(v1_amounts(file))
    assert sum(amount for _, _, amount in found) == total
    assert bench.header(document, "total_amount", "currency") == (total, "CAD")
    assert (document.is_complete, document.rejected_count, document.control_difference) == (True, 0, 0)


@pytest.mark.parametrize("name", V1_FILES)
def test_v1_counts_each_item_once(bench: LoadBench, load: Load, samples: Path, name: str) -> None:
    """V1 states the quantity on a line of its own: it must reach the item's principal line, once, and no other line."""
    file = samples / "amazon_settlement_v1" / name
    ordered = Counter(
        {
            (record["order-id"], record["sku"]): int(record["quantity-purchased"])
            for _, record in records(file)
            if record["transaction-type"] == "Order" and record["quantity-purchased"]
        }
    )
    lines = bench.lines(
        load(file), "coalesce(order_id, reference)", "sku", "quantity", "component", "amount_description"
    )
    counted = [line for line in lines if line[2] is not None]

    assert sum((Counter({line[:2]: line[2]}) for line in counted), Counter()) == ordered
    assert {line[3:] for line in counted} <= {("price", "Principal")}


def test_v1_every_line_has_a_governed_category(bench: LoadBench, load: Load, samples: Path) -> None:
    """An unclassified line holds its settlement: the shipped rules must know all that four real months contain."""
    for name in V1_FILES:
        document = load(samples / "amazon_settlement_v1" / name)
        unknown = {line for line in bench.lines(document, "transaction_type", "amount_type", "amount_description", "category")
                   if line[3] == "unclassified"}  # fmt: skip
        assert not unknown


def test_v1_service_fee_row_gives_two_lines(bench: LoadBench, load: Load, samples: Path) -> None:
    """Line 16 holds advertising -1.16 and its tax -0.14: reading one amount per line would lose the tax."""
    document = load(samples / "amazon_settlement_v1" / "50018020314.txt")
    fee = bench.lines(document, "line_no", "component", "amount_description", "amount", "transaction_type")
    assert [line for line in fee if line[4] == "ServiceFee"] == [
        (16, "item-related-fee", "Cost of Advertising", Decimal("-1.16"), "ServiceFee"),
        (16, "other-fee", "TaxAmount", Decimal("-0.14"), "ServiceFee"),
    ]


def test_v1_padded_amount_and_blank_marketplace(bench: LoadBench, load: Load, samples: Path) -> None:
    """`32.09    ` is an amount, and a line without a marketplace is a line: neither may be rejected."""
    document = load(samples / "amazon_settlement_v1" / "50011020300.txt")
    raw = (samples / "amazon_settlement_v1" / "50011020300.txt").read_text()
    charge = bench.lines(document, "line_no", "transaction_type", "amount", "marketplace", "reference")

    assert "\t32.09    \n" in raw
    assert (5, "Successful charge", Decimal("32.09"), "", None) in charge
    assert {line[3] for line in charge} == {""}


def test_v1_instants_and_order_numbers(bench: LoadBench, load: Load, samples: Path) -> None:
    """`2025-08-14T06:23:59+00:00` is that instant in UTC, and a multi-channel order `S01-...` is kept as a reference."""
    document = load(samples / "amazon_settlement_v1" / "50018020314.txt")
    posted = bench.lines(document, "line_no", "strftime(posted_at, '%Y-%m-%d %H:%M:%S')", "order_id")
    assert posted[0] == (4, "2025-08-14 06:23:59", "702-1101758-6751437")

    other = load(samples / "amazon_settlement_v1" / "50034020328.txt")
    channel_orders = [line for line in bench.lines(other, "reference", "order_id") if line[0]]
    assert ("S01-0036312-1371678", None) in channel_orders


def test_au_excerpt_is_read_and_does_not_foot(bench: LoadBench, load: Load, samples: Path) -> None:
    """70 lines with dotted dates and a decimal point; the header's 212,118.95 is not what an excerpt sums to."""
    file = samples / "amazon_settlement_v2" / "amazon_au_excerpt.txt"
    document = load(file)
    amounts = [Decimal(record["amount"]) for _, record in records(file) if record["amount"]]

    assert (document.accepted_count, document.rejected_count) == (71, 0)  # 70 lines and the header
    assert [line[0] for line in bench.lines(document, "amount")] == amounts
    assert document.control_difference == sum(amounts) - Decimal("212118.95")
    assert not document.is_complete
    assert "%d.%m.%Y" in document.detected
    assert document.detected.endswith("decimal mark .")


def test_au_excerpt_keeps_skus_and_counts_units_once(bench: LoadBench, load: Load, samples: Path) -> None:
    """The SKU `BIO-S039570363 _AU` has an inner blank; V2 repeats the quantity on every line of an item."""
    file = samples / "amazon_settlement_v2" / "amazon_au_excerpt.txt"
    lines = bench.lines(load(file), "line_no", "sku", "quantity")
    given = {number: record for number, record in records(file) if record["amount"]}
    principal = [r for r in given.values() if (r["amount-type"], r["amount-description"]) == ("ItemPrice", "Principal")]

    assert [line[1] for line in lines] == [record["sku"] for record in given.values()]
    assert "BIO-S039570363 _AU" in {line[1] for line in lines}
    assert sum(line[2] for line in lines if line[2]) == sum(int(r["quantity-purchased"]) for r in principal) == 17


def test_au_promotions_with_different_ids_stay_apart(bench: LoadBench, load: Load, samples: Path) -> None:
    """Lines 18 and 20 are two promotions of one item, told apart by promotion-id alone: both count."""
    document = load(samples / "amazon_settlement_v2" / "amazon_au_excerpt.txt")
    promotions = bench.lines(document, "line_no", "order_id", "amount_type", "amount_description", "amount")
    kind = ("250-6823843-9522217", "Promotion", "TaxDiscount")
    assert [line for line in promotions if line[0] in (18, 20)] == [
        (18, *kind, Decimal("-0.16")),
        (20, *kind, Decimal("-0.36")),
    ]


def test_us_excerpt_rejects_the_three_damaged_lines(bench: LoadBench, load: Load, samples: Path) -> None:
    """Lines 6, 13 and 20 lack a tab, so their cells are shifted: named and kept out, the other 16 read with padding."""
    document = load(samples / "amazon_settlement_v2" / "amazon_us_excerpt.txt")
    rejected = bench.rejected(document)
    lines = bench.lines(document, "line_no", "amount_type", "amount_description", "amount", "reference", "currency")
    first = [line for line in lines if line[4] == "1211397397571528200"]

    assert [(line, column) for line, column, _, _ in rejected] == [(6, "line"), (13, "line"), (20, "line")]
    assert {reason for *_, reason in rejected} == {"has 22 fields where the header has 23"}
    assert first[0][1:4] == ("ItemPrice", "Principal", Decimal("14.9"))
    # 7.81 in both files of that order (samples/INDEX.md); the rejected fee of line 6 is -4.85.
    assert sum(line[3] for line in first) == Decimal("7.81") + Decimal("4.85")
    assert {line[5] for line in lines} == {"XXX"}


def test_us_excerpt_has_no_header(bench: LoadBench, load: Load, samples: Path) -> None:
    """Nothing states a total or a currency: the document can never count as complete."""
    document = load(samples / "amazon_settlement_v2" / "amazon_us_excerpt.txt")
    found = bench.connection.execute(
        "select count(*) from canonical.settlements where settlement_id = ?", [document.document_id]
    ).fetchone()
    assert (document.document_id, found) == ("18174059732", (0,))
    assert (document.is_complete, document.control_difference) == (False, None)
