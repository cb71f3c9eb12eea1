"""Two ERPs side by side: the one that is believed counts, the other stays visible and is compared with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import read_rules
from retail_sync.pipeline import Pipeline
from retail_sync.reconcile.ownership import apply_ownership, read_owners
from retail_sync.reconcile.parallel_runs import reconcile_parallel_runs
from retail_sync.reports.rule_review import check_rules
from retail_sync.settings import Home
from retail_sync_tests.reconcile.facts import day, instant, pipe_table
from retail_sync_tests.reconcile.stock_facts import StockFacts, variances

SOURCES = ("old", "new")
PACKAGE = Path(__file__).resolve().parents[2] / "retail_sync"
SNAPSHOTS = """
    on    | source | at | sku | quantity
    10-01 | old    | S1 | A-1 | 10
    10-01 | old    | S1 | A-2 | 5
    10-01 | new    | S1 | A-1 | 10
    10-01 | new    | S1 | A-2 | 5
    10-02 | old    | S1 | A-1 | 9
    10-02 | old    | S1 | A-2 | 5
    10-02 | new    | S1 | A-1 | 8
    10-02 | new    | S1 | A-2 | 4
    10-02 | new    | S1 | A-3 | 1
    10-02 | new    | S1 | A-4 | 0
    10-03 | old    | S1 | A-1 | 9
    10-03 | old    | S1 | A-2 | 5
    10-03 | new    | S1 | A-1 | 9
    10-03 | new    | S1 | A-2 | 3
    10-03 | old    | S2 | A-1 | 3
"""


class Facts(StockFacts):
    """Stock facts in which sources stand side by side."""

    def own(self, folder: Path, *lines: str) -> bool:
        """Put the lines of ownership.csv in force."""
        return apply_ownership(self.connection, read_rules(_rules(folder, lines), "ownership"), SOURCES)

    def beside(self, snapshots: str) -> None:
        """Take snapshots of several sources in."""
        for row in pipe_table(snapshots):
            self._insert("canonical.stock_snapshots", day(row["on"]), row["at"], row["sku"], Decimal(row["quantity"]), None,
                         None, "USD", 1, row["source"], "D1")  # fmt: skip
        self.touch()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return what a query says."""
        return self.connection.execute(query).fetchall()

    def owned(self) -> set[tuple[object, ...]]:
        """Return whose snapshots count: (day, location, source)."""
        return set(
            self.rows("select distinct day(snapshot_date), location_id, source from canonical.owned_stock_snapshots")
        )


def _rules(folder: Path, lines: Sequence[str]) -> Path:
    text = "domain,location,source,valid_from,valid_to,prepared_by,approved_by\n"
    (folder / "ownership.csv").write_text(text + "".join(f"{line},ann,bob\n" for line in lines), encoding="utf-8")
    return folder


def test_without_a_rule_everything_counts(tmp_path: Path) -> None:
    """The file as it is shipped changes nothing and makes no work."""
    facts = Facts()
    facts.beside(SNAPSHOTS)
    assert not facts.own(tmp_path)
    assert facts.rows("select count(*) from canonical.owned_stock_snapshots") == [(15,)]
    assert reconcile_parallel_runs(facts.connection, lambda _: None).residual == ()
    assert facts.rows("select count(*) from reconcile.parallel_runs") == [(0,)]


def test_a_store_moves_on_before_the_others(tmp_path: Path) -> None:
    """The line that says more of the location holds: S1 is the new system's from the third on, all else the old one's."""
    facts = Facts()
    facts.beside(SNAPSHOTS)
    assert facts.own(tmp_path, "stock,*,old,2026-01-01,", "stock,S1,new,2026-10-03,")
    assert facts.owned() == {(1, "S1", "old"), (2, "S1", "old"), (3, "S1", "new"), (3, "S2", "old")}
    assert facts.own(
        tmp_path, "stock,*,old,2026-01-01,", "stock,S*,new,2026-10-03,", "stock,S2,old,2026-10-03,2026-10-03"
    )
    assert facts.owned() == {(1, "S1", "old"), (2, "S1", "old"), (3, "S1", "new"), (3, "S2", "old")}
    assert not facts.own(
        tmp_path, "stock,S2,old,2026-10-03,2026-10-03", "stock,S*,new,2026-10-03,", "stock,*,old,2026-01-01,"
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["stock,*,old,2026-01-01,", "stock,*,new,2026-10-03,"],
            "new and old both own stock|old and new both own stock",
        ),
        (
            ["stock,S1,new,2026-01-01,2026-03-31", "stock,S1,new,2026-06-01,", "stock,S1,old,2026-02-01,2026-02-28"],
            "new and old both own stock of S1 on 2026-02-01",
        ),
        (["stock,*,older,2026-01-01,"], "no source is called older"),
        (["prices,*,old,2026-01-01,"], "no such domain"),
        (["stock,*S,old,2026-01-01,"], "beginning with"),
        (["stock,,old,2026-01-01,"], "beginning with"),
        (["products,S1,old,2026-01-01,"], "articles have none"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, lines: list[str], told: str) -> None:
    """Two owners of one day would count everything twice."""
    with pytest.raises(RulesError, match=told):
        read_owners(read_rules(_rules(tmp_path, lines), "ownership"), SOURCES)


def test_owners_one_after_the_other_are_no_overlap(tmp_path: Path) -> None:
    """The last day of one is the day before the first of the other."""
    lines = ["stock,*,old,2026-01-01,2026-10-02", "stock,*,new,2026-10-03,"]
    assert len(read_owners(read_rules(_rules(tmp_path, lines), "ownership"), SOURCES)) == 2


def test_both_are_compared_article_by_article(tmp_path: Path) -> None:
    """What one does not name is not there; the newest day is a person's business, from when it began to differ."""
    facts = Facts()
    facts.beside(SNAPSHOTS)
    facts.own(tmp_path, "stock,*,old,2026-01-01,")
    assert reconcile_parallel_runs(facts.connection, lambda _: None).residual == ()
    runs = facts.rows("select day(business_date), sku, owner_quantity, other_quantity, quantity_variance, status "
                      "from reconcile.parallel_runs order by all")  # fmt: skip
    assert runs == [
        (1, "A-1", 10, 10, 0, "matched"),
        (1, "A-2", 5, 5, 0, "matched"),
        (2, "A-1", 9, 8, -1, "variance"),
        (2, "A-2", 5, 4, -1, "variance"),
        (2, "A-3", None, 1, 1, "right_only"),
        (2, "A-4", None, 0, 0, "right_only"),
        (3, "A-1", 9, 9, 0, "matched"),
        (3, "A-2", 5, 3, -2, "variance"),
    ]
    assert facts.rows("select subject, since_date || '', counterpart from reconcile.breaks") == [
        ("S1 A-2 new", "2026-10-02", "old, which is believed, tells 5 units on 2026-10-03, new 3 units")
    ]
    proofs = facts.rows("select day(business_date), left_total, right_total, breaks_total, unexplained from reconcile.proofs "
                        "where reconciliation = 'parallel_runs' order by 1")  # fmt: skip
    assert proofs == [(1, 15, 15, 0, 0), (2, 14, 13, -1, 0), (3, 14, 12, -2, 0)]


def test_what_is_not_owned_counts_in_no_reconciliation(tmp_path: Path) -> None:
    """Both systems post the same sale and tell the same stock: counted twice, the sale would have been posted twice."""
    facts = Facts()
    facts.take(products="sku\nA-1", locations="at\nS1", till="on | quantity\n10-02 | 1")
    for source in SOURCES:
        for on, quantity in (("10-01", 10), ("10-02", 9)):
            facts._insert(
                "canonical.stock_snapshots", day(on), "S1", "A-1", Decimal(quantity), None, None, "USD", 1, source, "D1"
            )
        facts._insert("canonical.stock_movements", f"{source}-1", instant("10-02"), day("10-02"), "S1", "A-1", "sale",
                      Decimal(-1), None, "USD", "R4", 1, source, "D1")  # fmt: skip
    facts.compare()
    assert variances(facts)
    facts.own(tmp_path, "stock,*,new,2026-01-01,", "movements,*,new,2026-01-01,")
    facts.compare()
    assert not variances(facts)


def test_articles_follow_the_last_day_that_is_told_of(tmp_path: Path) -> None:
    """A rule of next month is no rule yet, whatever day it is."""
    facts = Facts()
    facts.beside(SNAPSHOTS)
    for source in SOURCES:
        facts._insert("canonical.products", "A-1", None, None, None, None, None, "USD", None, True, 1, source, "D1")
    owners = ("products,*,old,2026-01-01,2026-10-31", "products,*,new,2026-11-01,")
    assert facts.own(tmp_path, *owners)
    assert facts.rows("select source from canonical.owned_products") == [("old",)]
    facts.beside("on | source | at | sku | quantity\n11-01 | old | S1 | A-1 | 1")
    assert not facts.own(tmp_path, *owners)
    assert facts.rows("select source from canonical.owned_products") == [("new",)]


def test_rules_check_and_a_run_say_the_same(make_home: Callable[..., Home]) -> None:
    """A slip in a name must not wait until the migration's first night."""
    home = make_home()
    (home.root / "rules").mkdir()
    _rules(home.root / "rules", ["stock,*,bank,2026-01-01,", "stock,*,amazon,2026-06-01,"])
    (told,) = [complaint for complaint in check_rules(home).complaints if "ownership" in complaint]
    assert "both own stock of * on 2026-06-01" in told
    with pytest.raises(RulesError, match="both own stock"):
        Pipeline(home, "test").reconcile()


def test_nothing_reads_past_the_owners() -> None:
    """The views are the one place: a statement that reads the tables themselves would believe everybody."""
    direct = re.compile(r"canonical\.(stock_snapshots|stock_movements|stock_counts|products|locations)\b")
    beside = {"parallel_runs.sql", "parallel_runs_proof.sql", "ownership_touched.sql", "unowned.sql"}
    found = {path.name for stage in ("reconcile", "journal") for path in (PACKAGE / stage).iterdir()
             if path.suffix in (".sql", ".py") and direct.search(path.read_text(encoding="utf-8"))}  # fmt: skip
    assert found == beside
