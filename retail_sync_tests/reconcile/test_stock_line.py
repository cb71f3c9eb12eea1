"""Stock down the whole line: files of an ERP and a till, in any order and grouping of runs, to the ledger's inventory account."""

from __future__ import annotations

import csv
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.schemas.proof import prove_changed
from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.files import digests, looking
from retail_sync_tests.reconcile.shop_floor import Row, found, plant, rows_of
from retail_sync_tests.reconcile.stock_facts import StockFacts

# Ibis calls what DuckDB and pandas call otherwise by now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]
SOURCES = {
    "products": ("sku", "pack_quantity", "unit_cost", "currency"),
    "pos_sales": (
        "store",
        "receipt_id",
        "kind",
        "sold_at",
        "sku",
        "quantity",
        "currency",
        "gross_amount",
        "tax_amount",
    ),
    "stock_movements": ("movement_id", "moved_at", "location_id", "sku", "kind", "quantity", "currency", "reference"),
    "stock_snapshots": ("snapshot_date", "location_id", "sku", "quantity_on_hand", "currency"),
    "stock_counts": ("counted_at", "location_id", "sku", "kind", "quantity"),
}
FORMATS = {"stock_snapshots": "%Y-%m-%d"}
# What a file of the table holds whole: a snapshot of a day must not be cut.
CUT_BY = {"stock_snapshots": "snapshot_date", "stock_movements": "business_date", "pos_sales": "store"}


def _settings() -> str:
    blocks = []
    for table, columns in SOURCES.items():
        names = "\n".join(f'{column} = "{column}"' for column in columns)
        blocks.append(
            f'[[source]]\nname = "{table}"\nconnector = "declared_csv"\nobject = "{table}"\n'
            f'date_format = "{FORMATS.get(table, "%Y-%m-%d %H:%M:%S")}"\n[source.columns]\n{names}\n'
        )
    return "\n".join(blocks)


def _pipeline(root: Path, ledger: str = "") -> Pipeline:
    root.mkdir(parents=True)
    (root / "retail_sync.toml").write_text(f"{ledger}\n{_settings()}", encoding="utf-8")
    return Pipeline(Home(root), "test")


def _file(folder: Path, table: str, name: str, rows: Sequence[Row]) -> tuple[str, str]:
    folder.mkdir(exist_ok=True)
    path = folder / f"{table}-{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, SOURCES[table], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([{key: _text(row.get(key)) for key in SOURCES[table]} for row in rows])
    return table, str(path)


def _text(value: object) -> str:
    return "" if value is None else str(value).removesuffix("+00:00")


def _files(folder: Path, seed: int) -> list[tuple[str, str]]:
    files = []
    for table, rows in rows_of(plant(seed)).items():
        parts: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            parts[str(row[CUT_BY[table]]) if table in CUT_BY else "all"].append(row)
        files += [_file(folder, table, name, part) for name, part in parts.items()]
    return files


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_files_in_any_order_and_grouping_give_the_same_tables(tmp_path: Path, seed: int) -> None:
    """Hourly runs as files trickle in, or one run at month end: every table is the same, and every planted fault is found."""
    files, rng = _files(tmp_path / "files", seed), random.Random(seed)  # noqa: S311 - a test's dice
    seen = []
    for name in ("month end", "hourly"):
        pipeline = _pipeline(tmp_path / name, '[ledger]\nstock = "journal"')
        for number, (source, file) in enumerate(rng.sample(files, len(files))):
            pipeline.ingest([file], source)
            if name == "hourly" and number % 8 == 0:
                run_line(pipeline)
        run_line(pipeline)
        with looking(pipeline) as connection:
            seen.append(digests(connection))
            assert prove_changed(connection, "reconcile") == {}
            facts = StockFacts.__new__(StockFacts)
            facts.connection = connection
            assert found(facts) == plant(seed).planted
    assert seen[0] == seen[1]


def test_after_the_true_up_the_ledger_holds_what_the_stock_is_worth(tmp_path: Path) -> None:
    """Opening 900.00 in the ledger; stock 1,000.00 in September and 600.00 in October, after sales at a cost of 450.00."""
    pipeline = _pipeline(tmp_path / "home", '[ledger]\nstock = "journal"')
    opening = EntryLine("1200", 90000, "USD", 90000, "USD")
    owed = EntryLine("1000", -90000, "USD", -90000, "USD")
    pipeline.ledger.post(Entry("opening#1", date(2026, 9, 1), "Opening", (opening, owed)), "opening")
    at = {"location_id": "S1", "sku": "A-1", "currency": "USD"}
    files = [
        _file(tmp_path / "files", "products", "all", [{"sku": "A-1", "unit_cost": "10", "currency": "USD"}]),
        _file(tmp_path / "files", "stock_snapshots", "all", [
            {"snapshot_date": "2026-09-30", "quantity_on_hand": "100", **at},
            {"snapshot_date": "2026-10-31", "quantity_on_hand": "60", **at},
        ]),
        _file(tmp_path / "files", "stock_movements", "all", [
            {"movement_id": "1", "moved_at": "2026-10-14 12:00:00", "kind": "sale", "quantity": "-45", **at},
            {"movement_id": "2", "moved_at": "2026-10-15 12:00:00", "kind": "receipt", "quantity": "5", **at},
        ]),
    ]  # fmt: skip
    for source, file in files:
        pipeline.ingest([file], source)
    run_line(pipeline)
    assert _inventory(pipeline, date(2026, 9, 30)) == 100000
    assert _inventory(pipeline, date(2026, 10, 31)) == 60000
    booked = pipeline.ledger.entry_count()
    source, file = _file(tmp_path / "more", "stock_counts", "all", [
        {"counted_at": "2026-10-31 20:00:00", "kind": "physical", "quantity": "60", **at},
    ])  # fmt: skip
    pipeline.ingest([file], source)
    run_line(pipeline)
    assert pipeline.ledger.entry_count() == booked


def _inventory(pipeline: Pipeline, as_of: date) -> int:
    return _balances(pipeline, as_of)["1200"]


def _balances(pipeline: Pipeline, as_of: date | None = None) -> Counter[str]:
    found: Counter[str] = Counter()
    for balance in pipeline.ledger.balances(as_of):
        found[balance.account] += balance.home_minor
    return Counter({account: minor for account, minor in found.items() if minor})


WRITE_OFFS = {
    # Seven short on the 10th, and an adjustment of seven: on the 12th the ERP takes the count over; on the 10th it is in the
    # book already, so that the count agrees; on the 20th of November it is another loss.
    "taken over": ("2026-10-12", {"5110": 21000, "1200": -21000}),
    "in the book of the count": ("2026-10-10", {"5100": 21000, "1200": -21000}),
    "another loss": ("2026-11-20", {"5110": 21000, "5100": 21000, "1200": -42000}),
}


@pytest.mark.long
@pytest.mark.parametrize("first", ["stock_counts", "stock_movements"])
@pytest.mark.parametrize("case", WRITE_OFFS)
def test_a_loss_is_booked_once_whatever_is_known_first(tmp_path: Path, case: str, first: str) -> None:
    """Count and adjustment are posted one after the other; what the second one explains is reversed in the ledger."""
    on, wanted = WRITE_OFFS[case]
    pipeline = _pipeline(tmp_path / "home", '[ledger]\nstock = "journal"')
    at = {"location_id": "S1", "sku": "A-1", "currency": "USD"}
    rows: dict[str, list[Row]] = {
        "products": [{"sku": "A-1", "unit_cost": "30", "currency": "USD"}],
        "stock_snapshots": [{"snapshot_date": "2026-10-09", "quantity_on_hand": "100", **at}],
        "stock_counts": [{"counted_at": "2026-10-10 20:00:00", "kind": "physical", "quantity": "93", **at}],
        "stock_movements": [
            {"movement_id": "1", "moved_at": f"{on} 12:00:00", "kind": "adjustment", "quantity": "-7", **at}
        ],
    }
    for source in sorted(rows, key=lambda name: (name in ("stock_counts", "stock_movements"), name != first)):
        pipeline.ingest([_file(tmp_path / "files", source, "all", rows[source])[1]], source)
        run_line(pipeline)
    assert _balances(pipeline) == wanted
    run_line(pipeline)
    assert _balances(pipeline) == wanted


def test_a_write_off_is_worked_example_f3_and_no_true_up(tmp_path: Path) -> None:
    """Opening 1,000.00 in the ledger, 100 pieces at 10.00; three are lost in October: 30.00 of write-offs, cost of sales none."""
    pipeline = _pipeline(tmp_path / "home", '[ledger]\nstock = "journal"')
    opening = EntryLine("1200", 100000, "USD", 100000, "USD")
    owed = EntryLine("1000", -100000, "USD", -100000, "USD")
    pipeline.ledger.post(Entry("opening#1", date(2026, 9, 1), "Opening", (opening, owed)), "opening")
    at = {"location_id": "S1", "sku": "A-1", "currency": "USD"}
    files = [
        _file(tmp_path / "files", "products", "all", [{"sku": "A-1", "unit_cost": "10", "currency": "USD"}]),
        _file(tmp_path / "files", "stock_snapshots", "all", [
            {"snapshot_date": "2026-09-30", "quantity_on_hand": "100", **at},
            {"snapshot_date": "2026-10-31", "quantity_on_hand": "97", **at},
        ]),
        _file(tmp_path / "files", "stock_movements", "all", [
            {"movement_id": "1", "moved_at": "2026-10-20 12:00:00", "kind": "adjustment", "quantity": "-3", **at},
        ]),
    ]  # fmt: skip
    for source, file in files:
        pipeline.ingest([file], source)
    run_line(pipeline)
    assert _balances(pipeline) == {"1000": -100000, "1200": 97000, "5100": 3000}


def _trued_up(root: Path, ledger: str = '[ledger]\nstock = "journal"') -> Pipeline:
    """Opening 1,000.00 in the ledger, and 100 pieces at 10.00 at the end of October: nothing to true up."""
    pipeline = _pipeline(root, ledger)
    _post_foreign(pipeline, "opening", date(2026, 9, 1), 100000)
    at = {"location_id": "S1", "sku": "A-1", "currency": "USD"}
    for source, row in (
        ("products", {"sku": "A-1", "unit_cost": "10", "currency": "USD"}),
        ("stock_snapshots", {"snapshot_date": "2026-10-31", "quantity_on_hand": "100", **at}),
    ):
        pipeline.ingest([_file(root / "files", source, "all", [row])[1]], source)
    run_line(pipeline)
    return pipeline


def _post_foreign(pipeline: Pipeline, key: str, on: date, minor: int, account: str = "1200") -> None:
    """Somebody else books something."""
    legs = EntryLine(account, minor, "USD", minor, "USD"), EntryLine("1000", -minor, "USD", -minor, "USD")
    pipeline.ledger.post(Entry(f"{key}#1", on, key, legs), key)


def _rebuilt(pipeline: Pipeline) -> Pipeline:
    """The same home after its warehouse was deleted and it ran again."""
    for file in pipeline.home.state.glob("warehouse.duckdb*"):
        file.unlink()
    again = Pipeline(Home(pipeline.home.root), "test")
    run_line(again)
    return again


@pytest.mark.long
def test_a_posting_of_somebody_else_is_trued_up_by_the_next_run(tmp_path: Path) -> None:
    """200.00 more on the inventory account in October, though no stock came: the ledger holds what the stock is worth again."""
    pipeline = _trued_up(tmp_path / "home")
    assert _inventory(pipeline, date(2026, 10, 31)) == 100000
    _post_foreign(pipeline, "purchase", date(2026, 10, 20), 20000)
    run_line(pipeline)
    assert _inventory(pipeline, date(2026, 10, 31)) == 100000
    assert _balances(pipeline) == {"1000": -120000, "1200": 100000, "5000": 20000}
    before, count = read_digests(pipeline), pipeline.ledger.entry_count()
    run_line(pipeline)
    assert (read_digests(pipeline), pipeline.ledger.entry_count()) == (before, count)
    assert read_digests(_rebuilt(pipeline)) == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("account", "on"),
    [("6000", date(2026, 10, 20)), ("1200", date(2026, 11, 20))],
    ids=["another account", "a month not valued"],
)
def test_a_posting_that_changes_no_valued_month_changes_nothing(tmp_path: Path, account: str, on: date) -> None:
    """The ledger moved and its inventory did not: its balances are looked at, stock is not compared again."""
    pipeline = _trued_up(tmp_path / "home")
    _post_foreign(pipeline, "other", on, 20000, account)
    said: list[str] = []
    again = Pipeline(Home(pipeline.home.root), "test", said.append)
    run_line(again)
    assert not any("differ from before" in sentence for sentence in said)
    assert read_digests(_rebuilt(again)) == read_digests(again)


def test_a_run_with_nothing_new_does_not_ask_for_balances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hourly run stays fast: where the ledger's last entry is the one that was seen, no balance is summed."""
    pipeline = _trued_up(tmp_path / "home")
    run_line(pipeline)
    monkeypatch.setattr(type(pipeline.ledger), "daily_changes", lambda *_, **__: pytest.fail("balances were summed"))
    run_line(Pipeline(Home(pipeline.home.root), "test"))


@pytest.mark.long
def test_a_changed_inventory_account_is_valued_by_the_next_run(tmp_path: Path) -> None:
    """The books keep stock on 1210 from now on: 1,300.00 there are compared, and 300.00 are too many."""
    root = tmp_path / "home"
    _trued_up(root)
    shutil.copytree(PROJECT_ROOT / "data" / "rules", root / "rules")
    for name, old, new in (
        ("posting_rules", "inventory,*,*,*,1200,", "inventory,*,*,*,1210,"),
        ("chart_of_accounts", "1200,", "1210,Other stock,asset,debit,true,false\n1200,"),
    ):
        path = root / "rules" / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    moved = Pipeline(Home(root), "test")
    _post_foreign(moved, "elsewhere", date(2026, 10, 1), 130000, "1210")
    run_line(moved)
    assert _balances(moved)["1210"] == 100000
    assert read_digests(_rebuilt(moved)) == read_digests(moved)


def test_a_difference_that_we_do_not_book_becomes_a_break_when_the_setting_says_so(tmp_path: Path) -> None:
    """Booked by us it needs nobody; from the day on that the ERP books stock, somebody has to look."""
    root = tmp_path / "home"
    pipeline = _trued_up(root)
    _post_foreign(pipeline, "purchase", date(2026, 10, 20), 20000)
    run_line(pipeline)
    assert pipeline.exceptions.open() == []
    settings = root / "retail_sync.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('stock = "journal"', 'stock = "erp"'), encoding="utf-8"
    )
    by_erp = Pipeline(Home(root), "test")
    run_line(by_erp)
    assert [(row.code, row.amount_minor) for row in by_erp.exceptions.open()] == [("stock_ledger_differs", 20000)]
