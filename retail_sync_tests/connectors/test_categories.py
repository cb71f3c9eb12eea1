"""The governed category of a line: the most specific rule valid on its day, or `unclassified`. Nothing is guessed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.pipeline import Pipeline
from retail_sync.settings import DEFAULT_HOME
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import row, settlement

_APPROVED = "finance,controller"
_UNKNOWN = row(
    "-7.00", "Moon Fee", transaction_type="Lunar Event", amount_type="Orbit", order_id="", sku="", quantity=None
)


@pytest.fixture
def governed(pipeline: Pipeline) -> Pipeline:
    """A home with rules of its own, copied from the shipped ones."""
    shutil.copytree(DEFAULT_HOME / "rules", pipeline.home.root / "rules")
    return pipeline


def add_rules(pipeline: Pipeline, *rules: str) -> Path:
    """Append rules written as `type,amount type,description,sign,category,from,to`; return the file."""
    path = pipeline.home.root / "rules" / "settlement_categories.csv"
    path.write_text(path.read_text() + "".join(f"amazon,{rule},{_APPROVED}\n" for rule in rules), encoding="utf-8")
    return path


def deliver(pipeline: Pipeline, *rows: simulator.Row) -> None:
    """Take a settlement of these rows in and load it."""
    file = pipeline.home.root / "a.txt"
    file.write_bytes(simulator.write_v2(settlement(*rows)))
    pipeline.ingest([str(file)], "amazon")
    pipeline.load()


def categories(pipeline: Pipeline) -> list[str]:
    """Categories of the canonical lines in the order of the file."""
    with pipeline.warehouse.writing("test reads") as connection:
        rows = connection.execute("select category from canonical.settlement_lines order by line_no").fetchall()
    return [category for (category,) in rows]


def test_an_unknown_kind_is_loaded_as_unclassified(governed: Pipeline) -> None:
    """A new fee name must stop the entry, not vanish and not be booked under a guess."""
    deliver(governed, row("24.50"), _UNKNOWN)
    assert categories(governed) == ["product_sales", "unclassified"]
    governed.reconcile()
    messages = [str(problem.message) for problem in governed.exceptions.open()]
    assert any("Lunar Event / Orbit / Moon Fee" in message for message in messages)


def test_a_new_rule_reaches_lines_already_loaded(governed: Pipeline) -> None:
    """The remedy of an unclassified line is a rule: the next run applies it without the file coming again."""
    deliver(governed, row("24.50"), _UNKNOWN)
    add_rules(governed, "LUNAR_EVENT,ORBIT,MOON_FEE,*,other_selling_fee,2000-01-01,")
    report = governed.load()
    assert (report.loaded, report.recategorised) == (0, 1)
    assert categories(governed) == ["product_sales", "other_selling_fee"]
    assert governed.reconcile().touched == 1
    assert governed.load().recategorised == 0


def test_a_new_rule_reaches_the_story_of_the_order(governed: Pipeline) -> None:
    """What was unclassified turns out to be money given back: the order's trace says so, without the file coming again."""
    number = "111-0000000-0000001"
    back = row("-7.00", "Moon Fee", transaction_type="Lunar Event", amount_type="Orbit", order_id=number)
    deliver(governed, back)
    governed.reconcile()
    add_rules(governed, "LUNAR_EVENT,ORBIT,MOON_FEE,*,product_refunds,2000-01-01,")
    governed.load()
    governed.reconcile()
    with governed.warehouse.writing("test reads") as connection:
        rows = connection.execute("select order_id, refunded_amount from reconcile.order_traces").fetchall()
    assert rows == [(number, -7)]


def test_a_removed_rule_takes_its_category_away(governed: Pipeline) -> None:
    """A withdrawn rule leaves no trace in the lines: they are what today's rules say."""
    path = add_rules(governed, "LUNAR_EVENT,ORBIT,MOON_FEE,*,other_selling_fee,2000-01-01,")
    deliver(governed, _UNKNOWN)
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "LUNAR" not in line))
    assert governed.load().recategorised == 1
    assert categories(governed) == ["unclassified"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # A rule without wildcard beats one with; the amount's sign beats no sign; a rule ends with its last day.
        (("LUNAR_EVENT,*,*,*,advertising,2000-01-01,", "LUNAR_EVENT,ORBIT,*,*,storage_fee,2000-01-01,"), "storage_fee"),
        (("LUNAR_EVENT,ORBIT,*,*,advertising,2000-01-01,", "LUNAR_EVENT,ORBIT,*,-,storage_fee,2000-01-01,"), "storage_fee"),
        (("LUNAR_EVENT,ORBIT,*,*,advertising,2000-01-01,", "LUNAR_EVENT,ORBIT,*,+,storage_fee,2000-01-01,"), "advertising"),
        (("LUNAR_EVENT,*,*,*,advertising,2000-01-01,2026-09-14",), "advertising"),
        (("LUNAR_EVENT,*,*,*,advertising,2000-01-01,2026-09-13",), "unclassified"),
        (("LUNAR_EVENT,*,*,*,advertising,2026-09-15,",), "unclassified"),
        (("LUNAR_EVENT,*,*,*,advertising,2000-01-01,2026-09-13", "LUNAR_EVENT,*,*,*,storage_fee,2026-09-14,"), "storage_fee"),
    ],
)  # fmt: skip
def test_the_most_specific_rule_of_the_day_decides(governed: Pipeline, rules: tuple[str, ...], expected: str) -> None:
    """Two rules fit a line of 14 September: which one decides is written in the rules, never in their order."""
    add_rules(governed, *rules)
    deliver(governed, _UNKNOWN)
    assert categories(governed) == [expected]


def test_rules_apply_by_the_sources_business_day(governed: Pipeline) -> None:
    """A rule from 1 October is for lines of that day on: the last second before midnight is still the old one."""
    add_rules(
        governed,
        "LUNAR_EVENT,*,*,*,advertising,2000-01-01,2026-09-30",
        "LUNAR_EVENT,*,*,*,storage_fee,2026-10-01,",
    )
    evening, morning = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC), datetime(2026, 10, 1, 0, 0, 0, tzinfo=UTC)
    deliver(governed, *(row("-1.00", "Fee", transaction_type="Lunar Event", posted_at=at) for at in (evening, morning)))
    assert categories(governed) == ["advertising", "storage_fee"]


@pytest.mark.parametrize(
    "written", [("Lunar Event", "Orbit", "Moon Fee"), ("LUNAR_EVENT", "ORBIT", "MOON_FEE"), ("lunar-event", "orbit", "moon  fee")]
)  # fmt: skip
def test_spelling_variants_of_one_vocabulary_are_one(governed: Pipeline, written: tuple[str, str, str]) -> None:
    """`A-to-z Guarantee Refund` and `A_TO_Z_GUARANTEE_REFUND` are the same event; the line keeps its own words."""
    add_rules(governed, "LUNAR_EVENT,ORBIT,MOON_FEE,*,other_selling_fee,2000-01-01,")
    transaction, kind, description = written
    deliver(governed, row("-7.00", description, transaction_type=transaction, amount_type=kind))
    assert categories(governed) == ["other_selling_fee"]


CONTRADICTIONS = {
    "same_words": ("LUNAR_EVENT,ORBIT,*,*,advertising,2000-01-01,", "LUNAR_EVENT,ORBIT,*,*,storage_fee,2000-01-01,"),
    "days_overlap": (
        "LUNAR_EVENT,*,*,*,advertising,2000-01-01,2026-09-14",
        "LUNAR_EVENT,*,*,*,storage_fee,2026-09-14,",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_rules_that_contradict_each_other_are_refused(governed: Pipeline, case: str) -> None:
    """Two rules for one line on one day: either answer would be chance, so nothing is loaded with such a file."""
    add_rules(governed, *CONTRADICTIONS[case])
    with pytest.raises(RulesError, match="LUNAR_EVENT.*advertising.*storage_fee|LUNAR_EVENT.*storage_fee.*advertising"):
        deliver(governed, row("24.50"))


def test_contradicting_rules_change_nothing_loaded(governed: Pipeline) -> None:
    """A bad rule file stops the run before it touches a line; corrected, the run goes on."""
    deliver(governed, _UNKNOWN)
    path = add_rules(governed, *CONTRADICTIONS["same_words"])
    with pytest.raises(RulesError):
        governed.load()
    assert categories(governed) == ["unclassified"]
    path.write_text(path.read_text().replace("storage_fee,2000-01-01,,", "storage_fee,2000-01-01,2000-01-31,"))
    path.write_text(path.read_text().replace("advertising,2000-01-01,,finance", "advertising,2000-02-01,,finance"))
    assert governed.load().recategorised == 1
    assert categories(governed) == ["advertising"]


@pytest.mark.parametrize(
    "rule",
    [
        "LUNAR_EVENT,*,*,*,advertising,soon,",
        "LUNAR_EVENT,*,*,*,advertising,2000-01-01,31.12.2026",
        "LUNAR_EVENT,*,*,*,advertising,2026-09-31,",
        "LUNAR_EVENT,*,*,*,advertising,2026-09-02,2026-09-01",
        "LUNAR_EVENT,*,*,minus,advertising,2000-01-01,",
        "LUNAR_EVENT,*,*,*,,2000-01-01,",
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(governed: Pipeline, rule: str) -> None:
    """`valid_to` 31.12.2026 read as "for ever" would keep booking under a rule that ended."""
    add_rules(governed, rule)
    with pytest.raises(RulesError, match=r"settlement_categories"):
        deliver(governed, row("24.50"))
