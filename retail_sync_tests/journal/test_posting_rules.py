"""Which rule says where something is booked: the one that says most, on its days, or none and the document waits."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.journal.rules import NoPostingRule, PostingRules
from retail_sync_tests.reconcile.facts import RULES

OCTOBER_14 = date(2026, 10, 14)
COLUMNS = ("category", "channel", "marketplace", "tax_treatment", "account", "valid_from", "valid_to", "role")
Write = Callable[[str], PostingRules]


@pytest.fixture
def rules(tmp_path: Path) -> Write:
    """The shipped rules, those of `product_sales` replaced by a table of COLUMNS."""

    def write(table: str) -> PostingRules:
        with (RULES / "posting_rules.csv").open(encoding="utf-8", newline="") as file:
            shipped = list(csv.DictReader(file))
        model = next(row for row in shipped if row["category"] == "product_sales")
        cells = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
        own = [model | {"category": "product_sales"} | dict(zip(COLUMNS[1:], row, strict=False)) for row in cells]
        with (tmp_path / "posting_rules.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, model.keys())
            writer.writeheader()
            writer.writerows([*(row for row in shipped if row["category"] != "product_sales"), *own])
        return PostingRules.read((tmp_path, RULES))

    return write


@pytest.mark.parametrize(
    ("channel", "marketplace", "treatment", "account"),
    [
        ("square", "", "", "4000"),
        ("amazon", "Amazon.com", "", "4001"),
        ("amazon", "Amazon.de", "", "4002"),
        ("shopify", "", "b2b", "4003"),
        ("amazon", "Amazon.com", "b2b", "4004"),
        ("amazon", "Amazon.de", "b2b", "4005"),
    ],
)
def test_the_rule_that_says_most_holds(
    rules: Write, channel: str, marketplace: str, treatment: str, account: str
) -> None:
    """Sales to businesses have an account of their own, and Amazon.de's another one."""
    found = rules("""
        *      | *         | *   | 4000
        amazon | *         | *   | 4001
        amazon | Amazon.de | *   | 4002
        *      | *         | b2b | 4003
        amazon | *         | b2b | 4004
        amazon | Amazon.de | b2b | 4005
        """)
    rule = found.rule("product_sales", OCTOBER_14, channel=channel, marketplace=marketplace, tax_treatment=treatment)
    assert rule.account == account


def test_a_rule_holds_from_its_first_to_its_last_day(rules: Write) -> None:
    """A new account from January leaves what was booked before where it is."""
    found = rules("""
        * | * | * | 4000 | 2000-01-01 | 2026-12-31
        * | * | * | 4005 | 2027-01-01 |
        """)
    accounts = [found.rule("product_sales", on).account for on in (date(2026, 12, 31), date(2027, 1, 1))]
    assert accounts == ["4000", "4005"]


def test_a_gap_books_nothing_and_says_what_is_missing(rules: Write) -> None:
    """Nothing is guessed for a day, or a channel, that no rule takes."""
    found = rules("""
        amazon | * | * | 4000 | 2026-01-01 | 2026-06-30
        """)
    with pytest.raises(NoPostingRule, match=r"no account for product_sales, amazon, Amazon\.com on 2026-10-14"):
        found.rule("product_sales", OCTOBER_14, channel="amazon", marketplace="Amazon.com")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("* | * | * | 4000\n* | * | * | 4001", "product_sales|*|*|*@1 and product_sales|*|*|*@1 take the same"),
        ("amazon | * | * | 4000\n* | * | b2b | 4001", "take the same and neither says more"),
        (
            "amazon | * | * | 4000\n* | * | b2b | 4001\namazon | * | b2b | 4002 | 2026-01-01 |",
            "take the same and neither says more",
        ),
        (
            "amazon | * | * | 4000 | 2000-01-01 | | component\n* | * | * | 4001 | 2000-01-01 | | tax",
            "the rules of product_sales have different roles",
        ),
    ],
    ids=["twice", "two halves", "decided only from 2026", "two roles"],
)
def test_rules_that_contradict_each_other_are_refused(rules: Write, table: str, complaint: str) -> None:
    """Which of two rules holds must not depend on the order of lines."""
    with pytest.raises(RulesError) as refused:
        rules(table)
    assert complaint in refused.value.message


def test_two_halves_with_a_rule_for_both_are_fine(rules: Write) -> None:
    """Who writes both exceptions says what holds where they meet."""
    found = rules("amazon | * | * | 4001\n* | * | b2b | 4003\namazon | * | b2b | 4004")
    assert found.rule("product_sales", OCTOBER_14, channel="amazon", tax_treatment="b2b").account == "4004"


def test_stock_is_compared_on_one_account(tmp_path: Path) -> None:
    """Inventory on two accounts has no one balance to true up."""
    text = (RULES / "posting_rules.csv").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("inventory,*"))
    other = line.replace("inventory,*,*,*,1200", "inventory,*,berlin,*,1210")
    (tmp_path / "posting_rules.csv").write_text(f"{text}{other}\n", encoding="utf-8")
    with pytest.raises(RulesError, match="inventory to 1200, 1210"):
        PostingRules.read((tmp_path, RULES)).only_account("inventory")
