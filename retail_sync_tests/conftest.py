"""Fixtures every test may use: a fresh home, its pipeline, and the folder of third-party samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"

BANK_SOURCE = """
[[source]]
name = "amazon"
connector = "amazon_settlement"

[[source]]
name = "bank"
connector = "declared_csv"
object = "bank_transactions"
date_format = "%Y-%m-%d"

[source.columns]
value_date = "Date"
account = "Account"
amount = "Amount"
currency = "Currency"
reference = "Description"
"""


# Tests whose variants (orders of arrival, roundings, currencies) take seconds each: the first variant always runs, the others
# are slow tests.
_FIRST_VARIANT_ALWAYS = frozenset(
    {
        "test_a_corrected_count_is_booked_with_the_pack_of_today",
        "test_a_changed_tolerance_of_drawers_is_in_force_at_once",
        "test_a_late_movement_corrects_its_day_at_the_cost_of_today",
        "test_a_loss_is_booked_once_whatever_is_known_first",
        "test_a_matching_rule_takes_no_deposit_out_of_the_books",
        "test_a_posting_that_changes_no_valued_month_changes_nothing",
        "test_a_receipt_that_moved_is_on_one_day",
        "test_a_refused_file_that_was_purged_does_not_stop_withdrawals",
        "test_a_retailer_with_every_kind",
        "test_a_statement_that_overlaps_does_not_carry_a_rule_along",
        "test_an_upgrade_does_not_empty_what_cannot_be_read_again",
        "test_any_order_of_arrival_ends_in_the_same_books",
        "test_any_order_of_arrival_ends_in_the_same_items",
        "test_every_entry_is_in_the_ledger_exactly_once",
        "test_file_by_file",
        "test_file_by_file_or_rebuilt_the_traces_are_the_same",
        "test_files_in_any_order_and_grouping_give_the_same_tables",
        "test_only_the_first_snapshot_of_a_month_counts",
        "test_order_and_grouping_of_arrival_do_not_matter",
        "test_order_of_arrival_does_not_matter",
        "test_shuffled_files",
        "test_tax_rounded_per_line",
        "test_tax_rounded_per_receipt",
        "test_the_order_and_grouping_of_loads_do_not_matter",
        "test_the_order_and_grouping_of_what_arrives_do_not_matter",
        "test_the_order_of_arrival_does_not_matter",
        "test_what_is_noted_is_that_of_a_rebuild",
        "test_whichever_is_posted_first",
    }
)

# Tests of ten seconds and more whose statement others make at another size, place or moment: slow tests, `make test-slow`.
_SLOW = frozenset(
    {
        "test_a_changed_tolerance_of_drawers_is_in_force_at_once",
        "test_a_correction_that_a_person_knows_of_stays_closed",
        "test_a_failed_run_is_told_until_a_good_one",
        "test_a_key_that_occurs_twice_in_any_reconcile_table_stops_the_line",
        "test_a_month_end_job_changes_nothing",
        "test_a_settlement_may_have_the_number_of_a_payout",
        "test_a_small_retailer",
        "test_any_order_of_arrival_ends_in_the_same_books",
        "test_any_order_of_arrival_ends_in_the_same_items",
        "test_cost_that_may_be_booked_already_or_is_not_known_is_left_out[ducklake]",
        "test_every_payment_is_in_a_row_and_every_difference_in_a_break_or_explained",
        "test_file_by_file",
        "test_file_by_file_or_rebuilt_the_traces_are_the_same",
        "test_files_in_any_order_and_grouping_give_the_same_tables",
        "test_hourly_file_by_file",
        # Of the reconciliations two are killed in every run: each is the same transaction.
        *(
            f"test_killed_at[{step}.before_commit]"
            for step in ("orders", "store_days", "availability", "returns", "order_traces")
        ),
        "test_month_ends_in_any_order",
        "test_one_backfill_or_a_run_a_day_over_two_weeks",
        "test_order_of_arrival_does_not_matter",
        "test_shuffled_files",
        "test_the_order_of_arrival_does_not_matter",
        "test_the_same_on_ducklake",
        "test_what_is_noted_is_that_of_a_rebuild",
    }
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the further variants of tests that take long, and what is slow as a whole."""
    seen = set()
    for item in items:
        name = getattr(item, "originalname", item.name)
        # Killed after a commit the next stage begins as it does after any run; killed before it a stage is done again.
        if {name, item.name} & _SLOW or (name == "test_killed_at" and item.name.endswith("after_commit]")):
            item.add_marker(pytest.mark.slow)
        if name in _FIRST_VARIANT_ALWAYS:
            if (item.path, name) in seen:
                item.add_marker(pytest.mark.slow)
            seen.add((item.path, name))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real files; a user's machine does not have it."""
    if not SAMPLES.is_dir():
        pytest.skip("the third-party sample files (../shared/samples) are not on this machine")
    return SAMPLES


def home_maker(folder: Path) -> Callable[..., Home]:
    """Return what makes homes in a folder: a source `amazon`, a declared bank source, and any further settings text."""

    def make(name: str = "home", settings: str = BANK_SOURCE, extra: str = "") -> Home:
        root = folder / name
        root.mkdir(parents=True, exist_ok=True)
        (root / "retail_sync.toml").write_text(f"{extra}\n{settings}", encoding="utf-8")
        return Home(root)

    return make


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Home]:
    """Make a home with a source `amazon`, a declared bank source, and any further settings text."""
    return home_maker(tmp_path)


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    """A fresh home."""
    return make_home()


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    """The pipeline of a fresh home."""
    return Pipeline(home, "test")


def run_line(pipeline: Pipeline) -> None:
    """Run every stage once, as a nightly run does, without Dagster."""
    pipeline.receive_inbox()
    pipeline.load()
    pipeline.reconcile()
    pipeline.journal()
    pipeline.clear()
    pipeline.release("test")
    pipeline.post(watch_drift=True)
    pipeline.publish(is_nightly=True)
