"""What a channel may promise × what it lists."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import read_rules
from retail_sync.operations.exceptions import Problem
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reports.plots import availability_plot
from retail_sync.reports.stock_state import read_stock
from retail_sync_tests.reconcile.facts import KINDS, own_rules, pipe_table
from retail_sync_tests.reconcile.stock_facts import StockFacts, number

PRODUCTS = "| sku | cost |\n| A-1 | 12.40 |\n| B-1 | 3.00 |\n| C-1 | |"
Row = tuple[str, str, Decimal | None, Decimal | None, Decimal, str]


def found(facts: StockFacts) -> set[Row]:
    """(channel, sku, available, listed, oversell, status) of every row."""
    return set(
        facts.connection.execute(
            "select channel, sku, available_to_promise, listed_quantity, oversell_quantity, status from reconcile.availability"
        ).fetchall()
    )


def listed_problems(facts: StockFacts) -> list[Problem]:
    """The breaks of offers, without those of the stock itself."""
    return [problem for problem in find_breaks(facts.connection, KINDS) if not problem.code.startswith("stock_")]


def expected(text: str) -> set[Row]:
    """The same from a pipe table."""
    return {
        (
            row["channel"],
            row["sku"],
            number(row["available"]),
            number(row["listed"]),
            Decimal(row["oversell"]),
            row["status"],
        )
        for row in pipe_table(text)
    }


STOCK = """
    | on    | at  | sku | quantity | reserved |
    | 10-13 | S1  | A-1 | 500      |          |
    | 10-14 | S1  | A-1 | 4        | 1        |
    | 10-12 | W1  | A-1 | 10       |          |
    | 10-14 | S1  | B-1 | 6        | 6        |
    | 10-14 | FBA | A-1 | 900      |          |"""
PLACES = "| at | kind |\n| S1 | store |\n| W1 | warehouse |\n| FBA | marketplace_fulfilment |"


def test_listed_and_available() -> None:
    """Newest snapshot of each store and warehouse, less what is promised; a marketplace's own stock is not ours to promise."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        locations=PLACES,
        snapshots=STOCK,
        listed="""
            | channel | code | sku | quantity |
            | web     | A    | A-1 | 13       |
            | ebay    | A    | A-1 | 14       |
            | ebay    | A2   | A-1 | 2        |
            | web     | B    | B-1 | 1        |
            | web     | C    | C-1 | 2        |
            | web     | Q    |     | 5        |
            | ebay    | Z    | Z-9 | 7        |""",
    )
    facts.compare()
    assert found(facts) == expected("""
        | channel | sku | available | listed | oversell | status          |
        | web     | A-1 | 13        | 13     | 0        | ok              |
        | ebay    | A-1 | 13        | 16     | 3        | oversell_risk   |
        | web     | B-1 | 0         | 1      | 1        | oversell_risk   |
        | web     | C-1 |           | 2      | 2        | oversell_risk   |
        | web     | Q   |           | 5      | 0        | listed_unmapped |
        | ebay    | Z-9 |           | 7      | 0        | listed_unmapped |
        | ebay    | B-1 | 0         |        | 0        | unlisted        |""")
    told = {(problem.code, problem.subject): problem for problem in listed_problems(facts)}
    assert {key: problem.amount_minor for key, problem in told.items()} == {
        ("oversell_risk", "ebay A-1"): 3720,
        ("oversell_risk", "web B-1"): 300,
        ("oversell_risk", "web C-1"): None,
        ("listed_unmapped", "web Q"): None,
        ("listed_unmapped", "ebay Z-9"): None,
    }
    assert told["oversell_risk", "ebay A-1"].message == (
        "More is listed than can be delivered: ebay A-1 (3 units too many; 16 listed, 13 available in stores and warehouses), "
        "worth 37.20 USD."
    )


def test_offers_where_nobody_delivers_articles_have_one_cause_for_each_channel() -> None:
    """Thousands of exceptions would say the same; with the first article each offer is told for itself again."""
    facts = StockFacts()
    facts.take(
        listed="""
            | channel | code | sku | quantity | on    |
            | web     | A    |     | 5        | 10-13 |
            | web     | B    |     | 2        | 10-14 |
            | web     | C    | C-1 | 1        | 10-14 |
            | ebay    | Z    |     | 7        | 10-14 |""",
    )
    facts.compare()
    told = listed_problems(facts)
    assert [(p.code, p.subject, p.kind, p.owner, p.since_date) for p in told] == [
        ("listed_unmapped", "ebay", "data", "operations", "2026-10-14"),
        ("listed_unmapped", "web", "data", "operations", "2026-10-13"),
    ]
    assert "none of 3 offers of web is mapped" in told[1].message
    assert "object products" in told[1].remedy
    assert "reconcile.availability" in told[1].remedy
    facts.take(products="| sku |\n| C-1 |")
    facts.compare()
    assert {(p.code, p.subject) for p in listed_problems(facts)} == {
        ("listed_unmapped", "ebay Z"), ("listed_unmapped", "web A"), ("listed_unmapped", "web B"), ("oversell_risk", "web C-1"),
    }  # fmt: skip


def test_the_newest_listing_counts_and_a_lowered_one_closes_the_break() -> None:
    """A risk that was dealt with must not stay on the list."""
    facts = StockFacts()
    facts.take(products=PRODUCTS, snapshots=STOCK, listed="| sku | quantity | on |\n| B-1 | 3 | 10-14T08:00:00 |")
    facts.compare()
    assert len(listed_problems(facts)) == 1
    facts.take(listed="| sku | quantity | on |\n| B-1 | 0 | 10-14T09:00:00 |")
    facts.compare()
    assert listed_problems(facts) == []


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("*,*,2", 2),
        ("*,*,2\n*,web,3", 3),
        ("*,*,2\n*,web,3\nA-1,*,4", 4),
        ("A-1,web,0\n*,*,2\n*,web,3\nA-1,*,4", 0),
        ("A-1,ebay,9\nB-1,web,8", 0),
    ],
)
def test_the_most_specific_safety_stock_holds(tmp_path: Path, rules: str, kept: int) -> None:
    """Article and channel before article before channel before all, wherever the line stands; a changed file counts at once."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS, snapshots="| on | quantity |\n| 10-14 | 10 |", listed="| sku | quantity |\n| A-1 | 10 |"
    )
    facts.compare()
    folder = own_rules(tmp_path / "rules", "safety_stock", {"sku": "*"})
    lines = "\n".join(f"{line},operations,controller" for line in rules.splitlines())
    (folder / "safety_stock.csv").write_text(
        f"sku,channel,quantity,prepared_by,approved_by\n{lines}\n", encoding="utf-8"
    )
    facts.rules = folder
    facts.compare()
    status = "oversell_risk" if kept else "ok"
    assert found(facts) == {("web", "A-1", Decimal(10 - kept), Decimal(10), Decimal(kept), status)}


@pytest.mark.parametrize("quantity", ["-1", "many", "1e3", "1,5", ""])
def test_a_safety_stock_that_is_no_quantity_is_refused(tmp_path: Path, quantity: str) -> None:
    """The line is named, nothing is guessed."""
    folder = own_rules(tmp_path / "rules", "safety_stock", {"sku": "*"}, quantity=quantity)
    with pytest.raises(RulesError, match="line 2: quantity"):
        read_rules(folder, "safety_stock")


# At FBA lie 900, at the store 4 of which 1 is promised, in the warehouse 10.
SELLS_FROM = {
    "nobody is named": ("", "13", "13"),
    "a marketplace from its own warehouse": ("amazon,FBA", "900", "13"),
    "each from its own": ("amazon,FBA\nweb,W1", "900", "10"),
    "one from two places": ("amazon,FBA\namazon,W1\nweb,S1", "910", "3"),
    "said twice": ("amazon,FBA\namazon,FBA", "900", "13"),
}


def sells_from(folder: Path, lines: str) -> Path:
    """The governed files with these lines in channel_locations.csv."""
    made = own_rules(folder, "safety_stock", {"sku": "*"})
    text = "".join(f"{line},operations,controller\n" for line in lines.splitlines())
    (made / "channel_locations.csv").write_text(
        f"channel,location_id,prepared_by,approved_by\n{text}", encoding="utf-8"
    )
    return made


@pytest.mark.parametrize("case", SELLS_FROM)
def test_a_channel_sells_from_the_locations_that_are_named_for_it(tmp_path: Path, case: str) -> None:
    """Amazon's offer is not covered by our stores, nor the web shop's by what lies at Amazon; a changed file counts at once."""
    lines, amazon, web = SELLS_FROM[case]
    facts = StockFacts()
    facts.take(
        products=PRODUCTS,
        locations=PLACES,
        snapshots=STOCK,
        listed="| channel | sku | quantity |\n| amazon | A-1 | 905 |\n| web | A-1 | 9 |\n| web | B-1 | 0 |",
    )
    facts.compare()
    before = found(facts)
    facts.rules = sells_from(tmp_path / "rules", lines)
    facts.compare()
    available = {(row[0], row[1]): row[2] for row in found(facts)}
    assert (available["amazon", "A-1"], available["web", "A-1"]) == (Decimal(amazon), Decimal(web))
    assert (found(facts) == before) == (case == "nobody is named")
    assert facts.compare().touched == 0


def test_too_much_is_told_with_the_place_it_is_sold_from(tmp_path: Path) -> None:
    """905 are listed, 900 lie at Amazon: five of 12.40. What the stores hold of another article is not missing there."""
    facts = StockFacts()
    facts.rules = sells_from(tmp_path / "rules", "amazon,FBA")
    facts.take(
        products=PRODUCTS, locations=PLACES, snapshots=STOCK,
        listed="| channel | sku | quantity |\n| amazon | A-1 | 905 |",
    )  # fmt: skip
    facts.compare()
    assert found(facts) == expected("""
        | channel | sku | available | listed | oversell | status        |
        | amazon  | A-1 | 900       | 905    | 5        | oversell_risk |""")
    (problem,) = listed_problems(facts)
    assert problem.message == (
        "More is listed than can be delivered: amazon A-1 (5 units too many; 905 listed, 900 available at FBA), worth 62.00 USD."
    )


def test_a_place_of_which_nothing_is_known_is_named(tmp_path: Path) -> None:
    """A slip in the file must not look like empty shelves."""
    facts = StockFacts()
    facts.rules = sells_from(tmp_path / "rules", "amazon,FBX")
    facts.take(products=PRODUCTS, snapshots=STOCK, listed="| channel | sku | quantity |\n| amazon | A-1 | 5 |")
    facts.compare()
    (problem,) = listed_problems(facts)
    assert "(5 units too many; 5 listed, 0 available at FBX; no snapshot tells of FBX)" in problem.message


@pytest.mark.parametrize("line", ["amazon,", ",FBA", "*,FBA", "amazon,*", "amazon, "])
def test_a_line_that_does_not_name_channel_and_location_is_refused(tmp_path: Path, line: str) -> None:
    """No wildcards: a channel that is not named sells from everywhere already."""
    folder = sells_from(tmp_path / "rules", f"web,W1\n{line}")
    with pytest.raises(RulesError, match="line 3: it does not name one channel and one location"):
        read_rules(folder, "channel_locations")


def test_the_plot_begins_with_the_worst_offers() -> None:
    """What is sold beyond the stock, then what comes closest to it; not what is in no listing, nor what is no article of ours."""
    facts = StockFacts()
    facts.take(
        products=PRODUCTS, locations=PLACES, snapshots=STOCK,
        listed="| channel | sku | quantity |\n| web | A-1 | 13 |\n| ebay | A-1 | 16 |\n| shop | A-1 | 1 |\n| web | B-1 | 5 |"
        "\n| shop | Z-9 | 7 |",
    )  # fmt: skip
    facts.compare()
    state = read_stock(facts.connection)
    assert state.offers == [
        ("web", "B-1", 0, 5),
        ("ebay", "A-1", 13, 16),
        ("web", "A-1", 13, 13),
        ("shop", "A-1", 13, 1),
    ]
    for offers in (state.offers, [], [("web", "A-1", Decimal(-3), Decimal("2.5"))]):
        assert availability_plot(offers).startswith(b"\x89PNG")
