"""What is said of each difference of goods: one cause where the evidence leaves one, `undetermined` where it leaves more.

In every table a snapshot of 10-10 opens with 100 pieces unless it says otherwise; the ERP reports to 10-13 at least.
"""

from __future__ import annotations

import pytest

from retail_sync_tests.reconcile.stock_facts import StockFacts, expected, variances

PRODUCTS = "| sku | cost | pack |\n| A-1 | 10.00 | |\n| P-2 | 10.00 | 2 |\n| P-12 | 2.50 | 12 |\n| B-1 | 3.00 | |"
OPEN = "| on | quantity |\n| 10-10 | 100 |"
REACH = "| on | kind | sku | quantity |\n| 10-09 | receipt | Z | 1 |\n| 10-13 | receipt | Z | 1 |\n"


def assert_variances(said: str, **given: str) -> StockFacts:
    """Compare the rows, and prove that they sum to the difference of the totals and that each has its break."""
    facts = StockFacts()
    facts.take(products=PRODUCTS)
    facts.take(**given)
    report = facts.compare()
    assert variances(facts) == expected(said)
    assert report.residual == ()
    return facts


SALES = [
    pytest.param(
        "| on | quantity | receipt |\n| 10-12 | 3 | R1 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -3 | R1 |",
        "",
        id="posted as sold",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | 3 |\n| 10-12 | 4 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -7 | POS/77 |",
        "",
        id="posted as one sum under a number of the ERP's own",
    ),
    pytest.param(
        "| on | quantity | receipt |\n| 10-12 | 3 | R1 |\n| 10-12 | 2 | R2 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -2 | R2 |",
        "| question | on | variance | cause |\n| sales | 10-12 | 3 | unposted_sale |",
        id="a receipt is not posted",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | 3 |\n| 10-12 | 2 |",
        "| on | kind | quantity |\n| 10-12 | sale | -2 |",
        "| question | on | variance | cause |\n| sales | 10-12 | 3 | unposted_sale |",
        id="exactly one receipt is missing from a day's sum",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | 3 |\n| 10-12 | 3 |",
        "| on | kind | quantity |\n| 10-12 | sale | -5 |",
        "| question | on | variance | cause |\n| sales | 10-12 | 1 | undetermined |",
        id="what is missing from a day's sum is no receipt",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | -2 |",
        "",
        "| question | on | variance | cause |\n| sales | 10-12 | -2 | unposted_return |",
        id="a return is not posted",
    ),
    pytest.param(
        "| on | quantity | receipt |\n| 10-12 | 3 | R1 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -3 | R1 |\n| 10-12 | sale | -3 | R1 |",
        "| question | on | variance | cause |\n| sales | 10-12 | -3 | posted_twice |",
        id="a receipt is posted twice",
    ),
    pytest.param(
        "| on | quantity | receipt |\n| 10-12 | 3 | R1 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -3 | R1 |\n| 10-13 | sale | -3 | R1 |",
        "| question | on | variance | cause |\n| sales | 10-13 | -3 | posted_twice |",
        id="a receipt is posted again on the next day",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | 3 |",
        "| on | kind | quantity |\n| 10-12 | sale | -6 |",
        "| question | on | variance | cause |\n| sales | 10-12 | -3 | posted_twice |",
        id="the day's sum is exactly double",
    ),
    pytest.param(
        "| on | quantity | sku |\n| 10-12 | 3 | P-2 |",
        "| on | kind | quantity | sku |\n| 10-12 | sale | -6 | P-2 |",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | P-2 | -3 | undetermined |",
        id="double, of an article that comes in packs of two",
    ),
    pytest.param(
        "| on | quantity | sku | receipt |\n| 10-12 | 3 | P-2 | R1 |",
        "| on | kind | quantity | sku | reference |\n| 10-12 | sale | -3 | P-2 | R1 |\n| 10-12 | sale | -3 | P-2 | R1 |",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | P-2 | -3 | posted_twice |",
        id="packs of two, but the receipt is there twice",
    ),
    pytest.param(
        "| on | quantity | sku |\n| 10-12 | 24 | P-12 |",
        "| on | kind | quantity | sku |\n| 10-12 | sale | -2 | P-12 |",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | P-12 | 22 | unit_of_measure |",
        id="posted in packs",
    ),
    pytest.param(
        "| on | quantity | sku |\n| 10-12 | 2 | P-12 |",
        "| on | kind | quantity | sku |\n| 10-12 | sale | -24 | P-12 |",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | P-12 | -22 | unit_of_measure |",
        id="sold in packs",
    ),
    pytest.param(
        "| on | quantity |\n| 10-12 | 3 |",
        "| on | kind | quantity |\n| 10-13 | sale | -3 |",
        "| question | on | variance | cause |\n| sales | 10-12 | 3 | timing |\n| sales | 10-13 | -3 | timing |",
        id="posted on the day after",
    ),
    pytest.param(
        "| on | quantity |\n| 10-11 | 3 |",
        "| on | kind | quantity |\n| 10-13 | sale | -3 |",
        "| question | on | variance | cause |\n| sales | 10-11 | 3 | unposted_sale |\n| sales | 10-13 | -3 | undetermined |",
        id="two days later, with nothing to tell it is the same",
    ),
    pytest.param(
        "| on | quantity | receipt |\n| 10-10 | 3 | R1 |",
        "| on | kind | quantity | reference |\n| 10-13 | sale | -3 | R1 |",
        "| question | on | variance | cause |\n| sales | 10-10 | 3 | timing |\n| sales | 10-13 | -3 | timing |",
        id="three days later, but it is the same receipt",
    ),
    pytest.param(
        "| on | quantity |\n| 10-11 | 3 |\n| 10-13 | 3 |",
        "| on | kind | quantity |\n| 10-12 | sale | -3 |",
        "| question | on | variance | cause |\n| sales | 10-11 | 3 | undetermined |\n"
        "| sales | 10-12 | -3 | undetermined |\n| sales | 10-13 | 3 | undetermined |",
        id="two days could be explained by the one between them",
    ),
    pytest.param(
        "| on | quantity | sku |\n| 10-12 | 3 | X-9 |",
        "",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | X-9 | 3 | unmapped_sku |",
        id="sold under a code of no article",
    ),
    pytest.param(
        "| on | quantity | sku | receipt | line |\n| 10-12 | 3 | X-9 | R1 | 1 |\n| 10-12 | 1 | B-1 | R1 | 2 |",
        "| on | kind | quantity | sku | reference |\n| 10-12 | sale | -3 | A-1 | R1 |\n| 10-12 | sale | -1 | B-1 | R1 |",
        "| question | on | sku | variance | cause |\n| sales | 10-12 | X-9 | 3 | unmapped_sku |\n"
        "| sales | 10-12 | A-1 | -3 | unmapped_sku |",
        id="and posted under the article's own",
    ),
    pytest.param(
        "",
        "| on | kind | quantity |\n| 10-12 | sale | -3 |",
        "| question | on | variance | cause |\n| sales | 10-12 | -3 | undetermined |",
        id="posted, but nobody sold it",
    ),
    pytest.param(
        "| on | quantity | receipt |\n| 10-12 | 3 | R1 |\n| 10-12 | 5 | R2 |",
        "| on | kind | quantity | reference |\n| 10-12 | sale | -3 | R1 |\n| 10-12 | sale | -3 | R1 |",
        "| question | on | variance | cause |\n| sales | 10-12 | -3 | posted_twice |\n| sales | 10-12 | 5 | unposted_sale |",
        id="one receipt twice and another not at all, of the same article and day",
    ),
    pytest.param(
        "| on | quantity |\n| 10-14 | 3 |",
        "",
        "",
        id="what the ERP has not reported yet is awaited",
    ),
]


@pytest.mark.parametrize(("till", "posted", "said"), SALES)
def test_sold_and_posted(till: str, posted: str, said: str) -> None:
    """Question 1a: what stores sold and took back × the ERP's sale and return movements."""
    tables = {name: text for name, text in (("till", till), ("moved", posted)) if text}
    facts = StockFacts()
    facts.take(products=PRODUCTS, locations="| at |\n| S1 |")
    facts.take(moved=REACH)
    facts.take(**tables)
    report = facts.compare()
    assert variances(facts) == expected(said)
    assert report.residual == ()


SNAPSHOTS = [
    pytest.param("| 10-11 | 95 |", "| 10-11 | sale | -5 | |", "", id="right"),
    pytest.param("| 10-13 | 92 |", "| 10-11 | sale | -5 | |\n| 10-12 | sale | -3 | |", "", id="right, across missing days"),
    pytest.param(
        "| 10-11 | 97 |\n| 10-12 | 92 |", "| 10-11 | sale | -5 | |\n| 10-12 | sale | -3 | |",
        "| snapshot | 10-11 | 2 | snapshot_error |\n| snapshot | 10-12 | -2 | snapshot_error |",
        id="wrong once and right again",
    ),
    pytest.param(
        "| 10-11 | 100 |\n| 10-12 | 92 |", "| 10-11 | sale | -5 | |\n| 10-12 | sale | -3 | |",
        "| snapshot | 10-11 | 5 | late_movement |\n| snapshot | 10-12 | -5 | late_movement |",
        id="the snapshot lacks a movement that the next one has",
    ),
    pytest.param(
        "| 10-11 | 100 |", "| 10-11 | sale | -5 | |",
        "| snapshot | 10-11 | 5 | undetermined |",
        id="the snapshot lacks a movement, and no later one tells more",
    ),
    pytest.param(
        "| 10-11 | 91 |", "| 10-11 | sale | -5 | |",
        "| snapshot | 10-11 | -4 | undetermined |",
        id="nothing explains it",
    ),
    pytest.param(
        "| 10-11 | 102 |\n| 10-12 | 100 |\n| 10-13 | 102 |", "| 10-11 | adjustment | 0 | |",
        "| snapshot | 10-11 | 2 | undetermined |\n| snapshot | 10-12 | -2 | undetermined |\n"
        "| snapshot | 10-13 | 2 | undetermined |",
        id="there and back and there: any of them may be the wrong one",
    ),
    pytest.param(
        "| 10-11 | 100 |\n| 10-12 | 80 |", "| 10-11 | transfer | -20 | T1 |",
        "| snapshot | 10-11 | 20 | transfer_in_transit |\n| snapshot | 10-12 | -20 | transfer_in_transit |",
        id="booked out, still lying there",
    ),
    pytest.param(
        "| 10-11 | 0 |\n| 10-12 | 5 |", "| 10-11 | sale | -103 | |\n| 10-12 | receipt | 8 | |",
        "| snapshot | 10-11 | 3 | negative_stock |\n| snapshot | 10-12 | -3 | negative_stock |",
        id="negative stock is shown as zero",
    ),
    pytest.param(
        "| 10-11 | -3 |", "| 10-11 | sale | -103 | |",
        "| snapshot | 10-11 | 0 | negative_stock |",
        id="negative stock",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("snapshots", "moved", "said"), SNAPSHOTS)
def test_movements_and_snapshots(snapshots: str, moved: str, said: str) -> None:
    """Question 1b: opening snapshot + all ERP movements × next snapshot."""
    facts = StockFacts()
    facts.take(products=PRODUCTS, snapshots=f"{OPEN}\n{snapshots}")
    facts.take(moved=f"| on | kind | quantity | reference |\n{moved}")
    report = facts.compare()
    found = {key: count for key, count in variances(facts).items() if key[0] == "interface_snapshot"}
    assert found == expected(f"| question | on | variance | cause |\n{said}")
    assert report.residual == ()
