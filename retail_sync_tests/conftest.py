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


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real files; a user's machine does not have it."""
    if not SAMPLES.is_dir():
        pytest.skip("the third-party sample files (../shared/samples) are not on this machine")
    return SAMPLES


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Home]:
    """Make a home with a source `amazon`, a declared bank source, and any further settings text."""

    def make(name: str = "home", settings: str = BANK_SOURCE, extra: str = "") -> Home:
        root = tmp_path / name
        root.mkdir(parents=True, exist_ok=True)
        (root / "retail_sync.toml").write_text(f"{extra}\n{settings}", encoding="utf-8")
        return Home(root)

    return make


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
