"""What is said of each difference of goods: one cause where the evidence leaves one, `undetermined` where it leaves more.

In every table a snapshot of 10-10 opens with 100 pieces unless it says otherwise; the ERP reports to 10-13 at least.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.stock_wordings import STOCK_WORDINGS
from retail_sync.schemas.derived import BREAK_CLASSES
from retail_sync_tests.reconcile.facts import KINDS
from retail_sync_tests.reconcile.stock_facts import StockFacts, expected, variances

PRODUCTS = "| sku | cost | pack |\n| A-1 | 10.00 | |\n| P-2 | 10.00 | 2 |\n| P-12 | 2.50 | 12 |\n| B-1 | 3.00 | |"
OPEN = "| on | quantity |\n| 10-10 | 100 |"
REACH = "| on | kind | sku | quantity |\n| 10-09 | receipt | Z | 1 |\n| 10-13 | receipt | Z | 1 |\n"


def assert_variances(said: str, question: str = "sales", **given: str) -> StockFacts:
    """Compare the rows, and prove that they sum to the difference of the totals and that each has its break."""
    facts = StockFacts()
    facts.take(products=PRODUCTS)
    facts.take(**given)
    report = facts.compare()
    assert variances(facts) == expected(said, question)
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


# A sale of one at S1 on the 15th. W1 is reported to the 20th.
REACHES = [
    pytest.param(
        {"snapshots": "| on | at | quantity |\n| 10-01 | S1 | 50 |\n| 10-01 | W1 | 50 |\n| 10-20 | W1 | 50 |"}, "",
        id="its last snapshot is of the 1st: what is newer is awaited",
    ),
    pytest.param(
        {"snapshots": "| on | at | quantity |\n| 10-01 | S1 | 50 |\n| 10-16 | S1 | 50 |\n| 10-01 | W1 | 50 |"}, "unposted_sale",
        id="its own snapshot goes further",
    ),
    pytest.param(
        {"moved": "| on | at | kind | quantity | source |\n| 10-01 | S1 | receipt | 5 | a |\n| 10-01 | W1 | receipt | 5 | b |\n"
         "| 10-20 | W1 | receipt | 5 | b |"}, "",
        id="another system's movements say nothing of it",
    ),
    pytest.param(
        {"moved": "| on | at | kind | quantity | source |\n| 10-01 | S1 | receipt | 5 | a |\n| 10-20 | W1 | receipt | 5 | a |"},
        "unposted_sale",
        id="one export holds both",
    ),
    pytest.param(
        {"moved": "| on | at | kind | quantity | source |\n| 10-01 | S1 | receipt | 5 | a |\n| 10-01 | W1 | receipt | 5 | b |\n"
         "| 10-20 | W1 | receipt | 5 | b |\n| 10-02 | S1 | receipt | 5 | b |"}, "unposted_sale",
        id="the other system moves goods there too",
    ),
    pytest.param(
        {"locations": "| at |\n| S1 |",
         "moved": "| on | at | kind | quantity |\n| 10-01 | W1 | receipt | 5 |\n| 10-20 | W1 | receipt | 5 |"},
        "unposted_sale",
        id="nothing was ever reported of a store: it is not awaited for ever",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "cause"), REACHES)
def test_each_location_is_compared_as_far_as_it_is_reported(given: dict[str, str], cause: str) -> None:
    """What the ERP has not reported of a place yet is no missing sale there, however far it is elsewhere."""
    facts = StockFacts()
    facts.take(products=PRODUCTS, till="| on | quantity | receipt |\n| 10-15 | 1 | R1 |", **given)
    facts.compare()
    found = {key[-1] for key in variances(facts) if key[0] == "interface_sales"}
    assert found == ({cause} if cause else set())


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


OUT = "| on | at | kind | quantity | reference |\n| 10-11 | W1 | transfer | -20 | T1 |"
TRANSFERS = [
    pytest.param(
        "", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 20 |", "| S1 | 10-11 | 20 | transfer_in_transit |",
        id="in the snapshot of the receiver, not booked in",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 20 | T1 |",
        "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 20 |\n| 10-12 | W1 | 80 |\n| 10-12 | S1 | 20 |",
        "| S1 | 10-11 | 20 | transfer_in_transit |\n| S1 | 10-12 | -20 | transfer_in_transit |",
        id="booked in a day later",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 20 | T1 |",
        "| 10-12 | W1 | 80 |\n| 10-12 | S1 | 20 |", "",
        id="both halves before the next snapshot",
    ),
    pytest.param(
        "", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 19 |", "| S1 | 10-11 | 19 | undetermined |",
        id="another quantity arrived",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("more", "snapshots", "said"), TRANSFERS)
def test_transfers_between_locations(more: str, snapshots: str, said: str) -> None:
    """Goods on a lorry are nobody's loss."""
    assert_variances(
        f"| at | on | variance | cause |\n{said}",
        "snapshot",
        snapshots=f"| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-10 | S1 | 0 |\n{snapshots}",
        moved=OUT + more,
    )


# The reports begin two days before the transfer.
BACK_TO = "\n| 10-09 | W9 | receipt | 1 | |"
UNDER_WAY = [
    pytest.param("", "| 10-13 | W1 | 80 |\n| 10-13 | S1 | 0 |", "| transfers | W1 | 10-11 | -20 |", id="on the road"),
    pytest.param("", "| 10-12 | W1 | 80 |\n| 10-12 | S1 | 0 |", "", id="it left the day before the last one reported"),
    pytest.param("\n| 10-13 | S2 | receipt | 1 | |", "", "| transfers | W1 | 10-11 | -20 |", id="no snapshot tells of it"),
    pytest.param(
        "\n| 10-13 | S1 | transfer | 20 | T1 |", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 20 |", "", id="it arrived",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 12 | T1 |", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 12 |",
        "| transfers | W1 | 10-11 | -8 |", id="less arrived than left",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 23 | T1 |", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 23 |",
        "| transfers | S1 | 10-11 | 3 |", id="more arrived than left",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 20 | T1 |\n| 10-13 | W1 | transfer | -9 | T1 |", "| 10-15 | W1 | 71 |\n| 10-15 | S1 | 20 |",
        "| transfers | W1 | 10-13 | -9 |", id="the reference was used again",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 20 | T2 |", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 20 |",
        "| transfers | W1 | 10-11 | -20 |\n| transfers | S1 | 10-12 | 20 |", id="each half under a number of its own",
    ),
    pytest.param(
        "", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 20 |\n| 10-15 | W1 | 80 |\n| 10-15 | S1 | 20 |",
        "| snapshot | S1 | 10-11 | 20 |", id="the receiver's snapshot has it",
    ),
    pytest.param(
        "", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 0 |\n| 10-12 | S1 | 20 |\n| 10-15 | W1 | 80 |\n| 10-15 | S1 | 20 |",
        "| snapshot | S1 | 10-12 | 20 |", id="the receiver's snapshot has it a day later",
    ),
    pytest.param(
        "\n| 10-14 | S1 | transfer | 20 | T1 |",
        "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 0 |\n| 10-12 | S1 | 20 |\n| 10-14 | S1 | 20 |\n| 10-15 | S1 | 20 |",
        "| snapshot | S1 | 10-12 | 20 |\n| snapshot | S1 | 10-14 | -20 |", id="booked in two days after it was there",
    ),
    pytest.param(
        "", "| 10-11 | W1 | 100 |\n| 10-12 | W1 | 80 |\n| 10-15 | W1 | 80 |\n| 10-15 | S1 | 0 |",
        "| snapshot | W1 | 10-11 | 20 |\n| snapshot | W1 | 10-12 | -20 |\n| transfers | W1 | 10-11 | -20 |",
        id="the sender's snapshot had it a day longer",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("more", "snapshots", "said"), UNDER_WAY)
def test_goods_under_way_are_told_once(more: str, snapshots: str, said: str) -> None:
    """From two days before the ERP's last one on, dated from the day they left, until the other half is posted."""
    rows = "".join(f"\n{line} transfer_in_transit |" for line in said.splitlines())
    assert_variances(
        f"| question | at | on | variance | cause |{rows}",
        snapshots=f"| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-10 | S1 | 0 |\n{snapshots}",
        moved=OUT + BACK_TO + more,
    )


def test_goods_that_may_lie_in_two_places_are_told_as_what_they_are() -> None:
    """20 left, and two stores have 20 more than is booked: which of them has the transfer cannot be told."""
    assert_variances(
        "| question | at | on | variance | cause |\n| snapshot | S1 | 10-12 | 20 | undetermined |\n"
        "| snapshot | S2 | 10-12 | 20 | undetermined |\n| transfers | W1 | 10-11 | -20 | transfer_in_transit |",
        snapshots="| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-11 | S1 | 0 |\n| 10-11 | S2 | 0 |\n| 10-12 | S1 | 20 |\n"
        "| 10-12 | S2 | 20 |\n| 10-15 | S1 | 20 |\n| 10-15 | S2 | 20 |\n| 10-15 | W1 | 80 |",
        moved=OUT + BACK_TO,
    )


@pytest.mark.parametrize(("first_day", "is_told"), [("10-10", True), ("10-11", False), ("10-12", False)])
def test_what_arrived_as_the_reports_begin_may_have_left_before_them(first_day: str, is_told: bool) -> None:  # noqa: FBT001
    """An ERP whose export begins on the day before the goods arrived does not tell when they left."""
    told = "| transfers | S1 | 10-12 | 20 | transfer_in_transit |" if is_told else ""
    assert_variances(
        f"| question | at | on | variance | cause |\n{told}",
        snapshots="| on | at | quantity |\n| 10-11 | S1 | 0 |\n| 10-15 | S1 | 20 |",
        moved="| on | at | kind | quantity | reference |\n| 10-12 | S1 | transfer | 20 | T1 |\n"
        f"| {first_day} | W9 | receipt | 1 | |",
    )


def test_a_transfer_without_a_number_has_no_other_half_to_look_for() -> None:
    """Nothing tells that two movements belong together, so nothing tells that one is alone."""
    assert_variances(
        "",
        snapshots="| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-15 | W1 | 80 |",
        moved="| on | at | kind | quantity | reference |\n| 10-11 | W1 | transfer | -20 | |" + BACK_TO,
    )


TRANSFER_WORDS = [
    pytest.param(
        "", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 20 |\n| 10-15 | S1 | 20 |",
        ["Half of a transfer is not booked: S1 A-1 2026-10-11 snapshot (20 units), worth 200.00 USD. Transfer T1 is booked out at "
         "W1 on 2026-10-11 and not booked in at S1; the snapshot of S1 has the goods already."],
        ["book the missing movement; the stock is already counted in the snapshot, so do not receive the goods again"],
        id="there, and not booked in",
    ),
    pytest.param(
        "", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 0 |",
        ["Goods are on the road: W1 A-1 2026-10-11 transfer T1 (20 units), worth 200.00 USD. Transfer T1 is booked out at W1 on "
         "2026-10-11 and not booked in anywhere."],
        ["book the goods in when they are there; look for those that should be, and write off what is lost"],
        id="on the road",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 12 | T1 |", "| 10-15 | W1 | 80 |\n| 10-15 | S1 | 12 |",
        ["Goods are on the road: W1 A-1 2026-10-11 transfer T1 (8 units), worth 80.00 USD. Transfer T1 is booked out at W1 on "
         "2026-10-11 and in at S1 on 2026-10-12, 8 less."],
        ["book the goods in when they are there; look for those that should be, and write off what is lost"],
        id="the rest of it",
    ),
    pytest.param(
        "\n| 10-12 | S1 | transfer | 20 | T1 |", "| 10-11 | W1 | 80 |\n| 10-11 | S1 | 20 |\n| 10-12 | S1 | 20 |",
        ["A transfer and a snapshot differ: S1 A-1 2026-10-11 snapshot (20 units), worth 200.00 USD. Transfer T1 is booked out at "
         "W1 on 2026-10-11 and in at S1 on 2026-10-12: both halves are there; the snapshot of S1 has the goods already.",
         "A transfer and a snapshot differ: S1 A-1 2026-10-12 snapshot (20 units), worth 200.00 USD. Transfer T1 is told of the "
         "snapshot of 2026-10-11, and this one takes it back."],
        ["nothing is missing; where the days lie in different months, date both halves on the day the goods were moved",
         "nothing: it goes with the difference of that snapshot"],
        id="booked in a day later",
    ),
    pytest.param(
        "", "| 10-11 | W1 | 100 |",
        ["Half of a transfer is not booked: W1 A-1 2026-10-11 snapshot (20 units), worth 200.00 USD. Transfer T1 is booked out at "
         "W1 on 2026-10-11 and not booked in anywhere; the snapshot of W1 still has the goods."],
        ["nothing if the next snapshot shows the goods moved, else ask the ERP for the snapshot again; book the other half"],
        id="booked out, and still there",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("more", "snapshots", "messages", "remedies"), TRANSFER_WORDS)
def test_a_transfer_is_told_with_the_half_that_is_there_and_the_one_that_is_not(
    more: str, snapshots: str, messages: list[str], remedies: list[str]
) -> None:
    """Received a second time, goods that are counted already would be in the stock twice."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        snapshots=f"| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-10 | S1 | 0 |\n{snapshots}",
        moved=OUT + BACK_TO + more,
    )
    assert facts.compare().residual == ()
    told = [problem for problem in find_breaks(facts.connection, KINDS) if problem.code == "stock_transfer_in_transit"]
    assert [problem.message for problem in told] == messages
    assert [problem.remedy for problem in told] == remedies


def test_the_reverse_is_told_in_the_same_words() -> None:
    """Booked in at the store, not out of the warehouse, whose snapshot is without the goods."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        snapshots="| on | at | quantity |\n| 10-10 | W1 | 100 |\n| 10-10 | S1 | 0 |\n| 10-13 | W1 | 80 |\n| 10-13 | S1 | 20 |",
        moved="| on | at | kind | quantity | reference |\n| 10-12 | S1 | transfer | 20 | T1 |" + BACK_TO,
    )
    assert facts.compare().residual == ()
    (problem,) = find_breaks(facts.connection, KINDS)
    assert (problem.subject, problem.amount_minor) == ("W1 A-1 2026-10-13 snapshot", -20000)
    assert problem.message.endswith(
        "Transfer T1 is booked in at S1 on 2026-10-12 and not booked out at W1; the snapshot of W1 is without the goods already."
    )
    assert problem.remedy == "book the missing movement; the snapshot is without the goods already"


COUNTS = [
    pytest.param("| 10-11 | 95 | |", "", id="as the book says"),
    pytest.param("| 10-11 | 88 | |", "| 10-11 | -7 | shrinkage |", id="short"),
    pytest.param("| 10-11 | 97 | |", "| 10-11 | 2 | gain |", id="over"),
    pytest.param(
        "| 10-11T08:00:00 | 60 | |\n| 10-11T20:00:00 | 94 | |", "| 10-11 | -1 | shrinkage |", id="counted again"
    ),
    pytest.param("| 10-11 | 92 | marketplace |", "| 10-11 | -3 | marketplace_lost |", id="lost by a marketplace"),
    pytest.param("| 10-11 | 96 | marketplace |", "| 10-11 | 1 | marketplace_found |", id="found by a marketplace"),
    pytest.param("| 10-11 | 94 | third_party |", "| 10-11 | -1 | shrinkage |", id="short at a third party"),
    pytest.param("| 10-09 | 94 | |", "| 10-09 | | no_book |", id="before any snapshot"),
]


@pytest.mark.parametrize(("counts", "said"), COUNTS)
def test_counted_and_book(counts: str, said: str) -> None:
    """Question 2: the book is the last snapshot with the movements up to the end of the day of the count."""
    assert_variances(
        "| on | variance | cause |\n" + said,
        "count",
        snapshots=OPEN,
        till="| on | quantity |\n| 10-11 | 5 |",
        moved="| on | kind | quantity |\n| 10-11 | sale | -5 |",
        counts="| on | quantity | kind |\n" + counts,
    )


@pytest.mark.parametrize(
    ("sku", "counted", "variance", "cause"),
    [
        ("P-12", "88", "-12", "shrinkage"),  # a carton was lost
        ("P-2", "96", "-4", "shrinkage"),
        ("P-2", "50", "-50", "unit_of_measure"),  # counted in packs: 50 times 2 is the book
        ("P-12", "1200", "1100", "unit_of_measure"),  # the book is in packs
        ("P-2", "49", "-51", "shrinkage"),
        ("B-1", "50", "-50", "shrinkage"),
    ],
)
def test_a_count_in_packs_is_the_book_over_the_pack(sku: str, counted: str, variance: str, cause: str) -> None:
    """A count in cartons must not be booked as a loss; every even loss of an article in pairs is no count in pairs."""
    assert_variances(
        f"| question | on | sku | variance | cause |\n| count | 10-10 | {sku} | {variance} | {cause} |",
        snapshots=f"| on | sku | quantity |\n| 10-10 | {sku} | 100 |",
        counts=f"| on | sku | quantity |\n| 10-10 | {sku} | {counted} |",
    )


@pytest.mark.parametrize(
    ("posted", "cause", "also"),
    [
        ("", "unposted_sale", ""),
        ("| on | kind | quantity |\n| 10-12 | sale | -4 |", "timing", "| sales | 10-12 | -4 | timing |"),
    ],
)
def test_goods_sold_and_not_posted_are_not_lost(posted: str, cause: str, also: str) -> None:
    """The ERP will take them off the book; booking them as shrinkage would count them twice."""
    assert_variances(
        f"| question | on | variance | cause |\n| count | 10-11 | -4 | {cause} |\n| sales | 10-11 | 4 | {cause} |\n{also}",
        snapshots=OPEN,
        till="| on | quantity |\n| 10-11 | 4 |",
        moved=posted or REACH,
        counts="| on | quantity |\n| 10-11 | 96 |",
    )


SINCE = "| on | quantity |\n| 10-01 | 100 |"
SOLD_2 = "| on | quantity | receipt |\n| 10-03 | 2 | R1 |"
SOLD_1 = "| on | quantity | receipt |\n| 10-03 | 1 | R1 |"
# The ERP's movements reach to the end of the month, so that nothing is awaited.
ALL_OCTOBER = "| on | kind | sku | quantity | reference |\n| 10-01 | receipt | Z | 1 | |\n| 10-30 | receipt | Z | 1 | |"
PARTS = [
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_2, "counts": "| on | quantity |\n| 10-05 | 97 |"},
        "| count | 10-05 | -2 | unposted_sale |\n| count | 10-05 | -1 | shrinkage |\n| sales | 10-03 | 2 | unposted_sale |",
        id="two sold and not posted, one lost",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_2, "moved": f"{ALL_OCTOBER}\n| 10-06 | sale | A-1 | -2 | R1 |",
         "counts": "| on | quantity |\n| 10-05 | 97 |"},
        "| count | 10-05 | -2 | timing |\n| count | 10-05 | -1 | shrinkage |\n"
        "| sales | 10-03 | 2 | timing |\n| sales | 10-06 | -2 | timing |",
        id="two posted after the count, one lost",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": "| on | quantity | receipt |\n| 10-03 | -2 | R1 |",
         "counts": "| on | quantity |\n| 10-05 | 105 |"},
        "| count | 10-05 | 2 | unposted_return |\n| count | 10-05 | 3 | gain |\n| sales | 10-03 | -2 | unposted_return |",
        id="two taken back and not posted, three found",
    ),
    pytest.param(
        {"snapshots": SINCE,
         "till": SOLD_2, "moved": f"{ALL_OCTOBER}\n| 10-03 | sale | A-1 | -2 | R1 |\n| 10-03 | sale | A-1 | -2 | R1 |",
         "counts": "| on | quantity |\n| 10-05 | 98 |"},
        "| count | 10-05 | 2 | posted_twice |\n| sales | 10-03 | -2 | posted_twice |",
        id="posted twice: the two that seem found were never gone",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_2, "counts": "| on | quantity |\n| 10-05 | 99 |"},
        "| count | 10-05 | -1 | undetermined |\n| sales | 10-03 | 2 | unposted_sale |",
        id="less is missing than was sold and not posted",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_2, "counts": "| on | quantity |\n| 10-05 | 101 |"},
        "| count | 10-05 | 1 | undetermined |\n| sales | 10-03 | 2 | unposted_sale |",
        id="something is over though two were sold and not posted",
    ),
    pytest.param(
        {"snapshots": f"{SINCE}\n| 10-08 | 99 |", "till": SOLD_1,
         "moved": f"{ALL_OCTOBER}\n| 10-06 | adjustment | A-1 | -1 | |", "counts": "| on | quantity |\n| 10-20 | 98 |"},
        "| count | 10-20 | -1 | shrinkage |\n| sales | 10-03 | 1 | unposted_sale |",
        id="an adjustment has taken the sale up: what is missing later is lost",
    ),
    pytest.param(
        {"snapshots": f"{SINCE}\n| 10-08 | 100 |", "till": SOLD_1, "counts": "| on | quantity |\n| 10-20 | 99 |"},
        "| count | 10-20 | -1 | unposted_sale |\n| sales | 10-03 | 1 | unposted_sale |",
        id="a later snapshot still has what was sold",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": f"{SOLD_1}\n| 10-04 | 1 | R2 |",
         "moved": f"{ALL_OCTOBER}\n| 10-06 | adjustment | A-1 | -1 | |", "counts": "| on | quantity |\n| 10-20 | 97 |"},
        "| count | 10-20 | -1 | unposted_sale |\n| count | 10-20 | -1 | shrinkage |\n"
        "| sales | 10-03 | 1 | unposted_sale |\n| sales | 10-04 | 1 | unposted_sale |",
        id="one of two sales was taken up, the other explains one of two missing",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_1, "moved": f"{ALL_OCTOBER}\n| 10-06 | adjustment | A-1 | -5 | |",
         "counts": "| on | quantity |\n| 10-20 | 94 |"},
        "| count | 10-20 | -1 | undetermined |\n| sales | 10-03 | 1 | unposted_sale |",
        id="a larger adjustment may have the sale in it",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_1, "moved": f"{ALL_OCTOBER}\n| 10-02 | adjustment | A-1 | -1 | |",
         "counts": "| on | quantity |\n| 10-20 | 98 |"},
        "| count | 10-20 | -1 | unposted_sale |\n| sales | 10-03 | 1 | unposted_sale |",
        id="an adjustment before the sale has nothing to do with it",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_1, "counts": "| on | quantity |\n| 10-10 | 100 |\n| 10-20 | 99 |"},
        "| count | 10-20 | -1 | shrinkage |\n| sales | 10-03 | 1 | unposted_sale |",
        id="a count has agreed since: the book was right by then",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_1, "moved": f"{ALL_OCTOBER}\n| 10-12 | adjustment | A-1 | -3 | |",
         "counts": "| on | quantity |\n| 10-10 | 97 |\n| 10-20 | 96 |"},
        "| count | 10-10 | -1 | unposted_sale |\n| count | 10-10 | -2 | shrinkage |\n| count | 10-20 | -1 | shrinkage |\n"
        "| sales | 10-03 | 1 | unposted_sale |",
        id="the ERP took over a count as a whole, the sale in it",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": "| on | quantity | receipt |\n| 10-12 | 1 | R1 |",
         "moved": f"{ALL_OCTOBER}\n| 10-13 | adjustment | A-1 | -1 | |",
         "counts": "| on | quantity |\n| 10-10 | 99 |\n| 10-20 | 98 |"},
        "| count | 10-10 | -1 | shrinkage |\n| count | 10-20 | -1 | unposted_sale |\n| sales | 10-12 | 1 | unposted_sale |",
        id="the adjustment that took over the count did not take up the sale after it",
    ),
    pytest.param(
        {"snapshots": SINCE, "moved": f"{ALL_OCTOBER}\n| 10-03 | sale | A-1 | -3 | |",
         "counts": "| on | quantity |\n| 10-05 | 100 |"},
        "| count | 10-05 | 3 | undetermined |\n| sales | 10-03 | -3 | undetermined |",
        id="found what was posted and nobody sold",
    ),
    pytest.param(
        {"snapshots": SINCE, "till": SOLD_2, "moved": f"{ALL_OCTOBER}\n| 10-07 | sale | A-1 | -2 | |",
         "counts": "| on | quantity |\n| 10-20 | 96 |"},
        "| count | 10-20 | -2 | undetermined |\n| sales | 10-03 | 2 | unposted_sale |\n| sales | 10-07 | -2 | undetermined |",
        id="a sale that was perhaps posted late explains nothing for sure",
    ),
    pytest.param(
        {"snapshots": "| on | quantity |\n| 10-01 | 100 |\n| 10-04 | 103 |\n| 10-06 | 100 |",
         "counts": "| on | quantity |\n| 10-04 | 99 |"},
        "| count | 10-04 | -3 | snapshot_error |\n| count | 10-04 | -1 | shrinkage |\n"
        "| snapshot | 10-04 | 3 | snapshot_error |\n| snapshot | 10-06 | -3 | snapshot_error |",
        id="counted against a snapshot that was wrong by three",
    ),
    pytest.param(
        {"snapshots": "| on | quantity |\n| 10-01 | 100 |\n| 10-04 | 103 |\n| 10-06 | 100 |",
         "counts": "| on | quantity |\n| 10-06 | 99 |"},
        "| count | 10-06 | -1 | shrinkage |\n| snapshot | 10-04 | 3 | snapshot_error |\n| snapshot | 10-06 | -3 | snapshot_error |",
        id="counted when the snapshot was right again",
    ),
    pytest.param(
        {"snapshots": "| on | sku | quantity |\n| 10-01 | P-2 | 100 |",
         "till": "| on | sku | quantity | receipt |\n| 10-03 | P-2 | 4 | R1 |",
         "counts": "| on | sku | quantity |\n| 10-05 | P-2 | 48 |"},
        "| count | 10-05 | -4 | unposted_sale |\n| count | 10-05 | -48 | unit_of_measure |\n| sales | 10-03 | 4 | unposted_sale |",
        id="counted in packs, after a sale that was not posted",
    ),
    pytest.param(
        {"snapshots": "| on | sku | quantity |\n| 10-01 | P-2 | 100 |",
         "till": "| on | sku | quantity | receipt |\n| 10-03 | P-2 | 4 | R1 |",
         "counts": "| on | sku | quantity |\n| 10-05 | P-2 | 50 |"},
        "| count | 10-05 | -50 | undetermined |\n| sales | 10-03 | 4 | unposted_sale |",
        id="half of the book, though four of it were sold",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), PARTS)
def test_a_count_is_taken_apart_where_the_evidence_tells(given: dict[str, str], said: str) -> None:
    """What the book is known to be wrong by is no loss; the rest is one. Where that is not certain nothing is named."""
    sku = "P-2" if "P-2" in str(given) else "A-1"
    rows = "\n".join(f"{row} {sku} |" for row in said.splitlines())
    assert_variances(
        f"| question | on | variance | cause | sku |\n{rows}",
        **{"moved": ALL_OCTOBER, "locations": "| at |\n| S1 |"} | given,
    )


def test_web_orders_are_compared_by_order_or_shipment() -> None:
    """An ERP quotes the order, the shipment or the return; refunds without goods move nothing."""
    assert_variances(
        "| question | on | variance | cause |\n| sales | 10-12 | 5 | unposted_sale |\n| sales | 10-12 | -1 | unposted_return |",
        shipped="| id | order | on | quantity |\n| F1 | O1 | 10-12 | 2 |\n| F2 | O2 | 10-12 | 3 |\n| F3 | O3 | 10-12 | 5 |",
        returned="| id | order | on | quantity | goods |\n| T1 | O1 | 10-12 | 2 | restocked |\n| T2 | O9 | 10-12 | 1 | restocked |"
        "\n| T3 | O8 | 10-12 | 7 | none |\n| T4 | O7 | 10-12 | 4 | written_off |\n| T5 | O6 | 10-12 | 6 | written_off |",
        moved="| on | kind | quantity | reference |\n| 10-12 | sale | -2 | O1 |\n| 10-12 | sale | -3 | F2 |"
        "\n| 10-12 | return | 2 | T1 |\n| 10-12 | return | 6 | T5 |",
    )


def test_a_return_told_by_till_and_channel_is_one() -> None:
    """Both systems know of the same goods."""
    assert_variances(
        "",
        till="| on | quantity | receipt |\n| 10-12 | -2 | R7 |",
        returned="| id | order | on | quantity |\n| R7 | O1 | 10-12 | 2 |",
        moved="| on | kind | quantity | reference |\n| 10-12 | return | 2 | R7 |",
    )


def test_an_article_that_a_snapshot_does_not_name_is_not_there() -> None:
    """A snapshot holds all of its location."""
    assert_variances(
        "| question | on | variance | cause |\n| snapshot | 10-11 | -100 | undetermined |",
        snapshots=f"{OPEN.replace('quantity |', 'quantity | sku |', 1).replace('100 |', '100 | A-1 |')}\n| 10-11 | 7 | B-1 |",
        moved="| on | kind | sku | quantity |\n| 10-11 | receipt | B-1 | 7 |",
    )


@pytest.mark.parametrize(
    ("quantity", "cost", "currency", "value"),
    [
        ("7", "12.40", "USD", "86.80"),
        ("1", "0.125", "USD", "0.13"),  # half away from zero
        ("1", "0.124999", "USD", "0.12"),
        ("0.5", "2.01", "USD", "1.01"),
        ("3", "33.5", "JPY", "101"),
        ("1", "0.5", "JPY", "1"),
        ("1", "0.0005", "KWD", "0.001"),
        ("1", "", "USD", None),
    ],
)
def test_values_are_rounded_half_away_from_zero(quantity: str, cost: str, currency: str, value: str | None) -> None:
    """The same both ways, in the currency's own minor unit; without a cost there is no value."""
    facts = StockFacts()
    facts.take(
        products=f"| sku | cost | currency |\n| U-1 | {cost} | {currency} |\n| O-1 | {cost} | {currency} |",
        snapshots="| on | sku | quantity |\n| 10-10 | U-1 | 50 |\n| 10-10 | O-1 | 50 |",
        counts=f"| on | sku | quantity |\n| 10-10 | U-1 | {50 - Decimal(quantity)} |\n| 10-10 | O-1 | {50 + Decimal(quantity)} |",
    )
    facts.compare()
    found = dict(facts.connection.execute("select sku, value_variance from reconcile.inventory_variances").fetchall())
    amount = None if value is None else Decimal(value)
    assert found == {"O-1": amount, "U-1": None if amount is None else -amount}


def test_the_cost_is_that_of_the_latest_snapshot_up_to_the_day() -> None:
    """A later cost must not change what an earlier difference was worth."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        snapshots="| on | quantity | cost |\n| 10-10 | 100 | 4.00 |\n| 10-12 | 100 | |\n| 10-14 | 100 | 6.00 |",
        counts="| on | quantity |\n| 10-13 | 99 |\n| 10-14 | 99 |",
    )
    facts.compare()
    found = facts.connection.execute(
        "select unit_cost, value_variance from reconcile.inventory_variances order by 2"
    ).fetchall()
    assert found == [(6, -6), (4, -4)]


def test_every_difference_is_told_in_words_with_quantity_value_place_and_remedy() -> None:
    """An inventory clerk works from the sentence alone."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        snapshots=OPEN,
        till="| on | quantity | receipt |\n| 10-11 | 3 | R1 |",
        counts="| on | quantity |\n| 10-10 | 90 |",
        moved=REACH,
    )
    facts.compare()
    told = {problem.code: problem for problem in find_breaks(facts.connection, KINDS)}
    assert set(told) == {"stock_unposted_sale", "stock_shrinkage"}
    assert told["stock_unposted_sale"].message == (
        "Sold, but the ERP has posted no such sale: S1 A-1 2026-10-11 sale (3 units; R1), worth 30.00 USD."
    )
    assert told["stock_shrinkage"].message == (
        "Less was counted than the book says: S1 A-1 2026-10-10 physical count (10 units; physical count), worth 100.00 USD."
    )
    assert (told["stock_shrinkage"].amount_minor, told["stock_shrinkage"].since_date) == (-10000, "2026-10-10")
    assert all(problem.remedy and problem.owner for problem in told.values())
    assert set(BREAK_CLASSES) >= set(STOCK_WORDINGS) >= {code for code in BREAK_CLASSES if code.startswith("stock_")}


def test_stock_that_is_negative_no_more_needs_nobody() -> None:
    """The row stays, the break closes."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        snapshots=OPEN + "\n| 10-11 | -3 |",
        moved="| on | kind | quantity |\n| 10-11 | sale | -103 |",
    )
    facts.compare()
    assert [problem.code for problem in find_breaks(facts.connection, KINDS)][:1] == ["stock_negative_stock"]
    facts.take(snapshots="| on | quantity |\n| 10-12 | 5 |", moved="| on | kind | quantity |\n| 10-12 | receipt | 8 |")
    report = facts.compare()
    assert "stock_negative_stock" not in {problem.code for problem in find_breaks(facts.connection, KINDS)}
    assert report.residual == ()
