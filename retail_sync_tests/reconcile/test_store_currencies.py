"""A store's day in more than one currency: it is held by itself, each currency's difference is told, and nobody else waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.store_state import read_stores
from retail_sync.schemas.proof import prove_changed
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.test_store_days import DRAWERS, RECEIPTS, SOURCES, TENDERS, booked, deliver, problems

# Ibis calls what DuckDB and pandas call otherwise by now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]
HELD = ("store_day_currencies", "store_day:7|2026-10-14")
# Another store's day, whose books must not wait for it.
OTHER = {
    "receipts": "8,1,R9,S,2026-10-14 09:00,A,1,10.00,0.80,0,USD",
    "tenders": "8,1,R9,card,2026-10-14 09:00,10.80,USD",
}
BOOKS = {"pos:store-day:8:2026-10-14:USD": Counter({"4000": -1000, "2200": -80, "1110": 1080})}


def run(make_home: Callable[..., Home], **files: Sequence[str]) -> Pipeline:
    """Receipts, tenders and drawers that each name their currency, with those of the other store, run once."""
    settings = SOURCES
    for source in ("receipts", "tenders", "drawers"):
        start = settings.index(f'name = "{source}"')
        settings = settings[:start] + settings[start:].replace('currency = "=USD"', 'currency = "Currency"', 1)
    pipeline = Pipeline(make_home(settings=settings), "test")
    headers = {"receipts": RECEIPTS, "tenders": TENDERS, "drawers": DRAWERS}
    deliver(pipeline, {
        name: (f"{headers[name]},Currency", *rows, *([OTHER[name]] if name in OTHER else [])) for name, rows in files.items()
    })  # fmt: skip
    run_line(pipeline)
    return pipeline


def test_yen_and_cents_hold_their_day_only(make_home: Callable[..., Home]) -> None:
    """10.50 USD and 1,080 JPY: 10.50 is no amount of yen. The day is held, without a value; the other store is booked."""
    pipeline = run(
        make_home,
        receipts=("7,1,R1,S,2026-10-14 09:00,A,1,10.00,0.50,0,USD", "7,1,R2,S,2026-10-14 09:00,A,1,1000,80,0,JPY"),
        tenders=("7,1,R1,card,2026-10-14 09:00,10.50,USD", "7,1,R2,card,2026-10-14 09:00,1080,JPY"),
    )
    assert (problems(pipeline), booked(pipeline)) == ([HELD], BOOKS)
    assert [row.amount_minor for row in pipeline.exceptions.open()] == [None]


def test_each_currency_that_differs_is_told(make_home: Callable[..., Home]) -> None:
    """0.50 USD and 0.80 EUR are missing at one till: two breaks with keys of their own, in every run. Ordinary days name none."""
    pipeline = run(
        make_home,
        receipts=(
            "7,1,R1,S,2026-10-14 09:00,A,1,10.00,0.50,0,USD",
            "7,1,R2,S,2026-10-14 09:00,A,1,10.00,0.80,0,EUR",
            "7,1,R3,S,2026-10-15 09:00,A,1,10.00,0.80,0,USD",
        ),
        tenders=(
            "7,1,R1,card,2026-10-14 09:00,10.00,USD",
            "7,1,R2,card,2026-10-14 09:00,10.00,EUR",
            "7,1,R3,card,2026-10-15 09:00,10.00,USD",
        ),
    )
    told = [
        HELD,
        ("tenders_differ", "7 2026-10-14 1 EUR"),
        ("tenders_differ", "7 2026-10-14 1 USD"),
        ("tenders_differ", "7 2026-10-15 1"),
    ]
    assert (problems(pipeline), booked(pipeline)) == (told, BOOKS)
    assert {
        r.subject: (r.amount_minor, r.currency) for r in pipeline.exceptions.open() if r.code == "tenders_differ"
    } == {
        "7 2026-10-14 1 EUR": (-80, "EUR"),
        "7 2026-10-14 1 USD": (-50, "USD"),
        "7 2026-10-15 1": (-80, "USD"),
    }
    with pipeline.writing("test") as connection:
        assert prove_changed(connection, "reconcile") == {}


def test_each_drawer_that_is_short_is_told(make_home: Callable[..., Home]) -> None:
    """Two drawers of one till, each 6.00 short (5.00 are tolerated) of what it took: both are told, and shown in red."""
    pipeline = run(
        make_home,
        receipts=("7,1,R1,S,2026-10-14 09:00,A,1,50.00,0,0,USD", "7,1,R2,S,2026-10-14 09:00,A,1,40.00,0,0,EUR"),
        tenders=("7,1,R1,cash,2026-10-14 09:00,50.00,USD", "7,1,R2,cash,2026-10-14 09:00,40.00,EUR"),
        drawers=(
            "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,100.00,144.00,USD",
            "7,1,S2,2026-10-14 08:00,2026-10-14 20:00,100.00,134.00,EUR",
        ),
    )
    told = [("drawer_over_short", "7 2026-10-14 1 EUR"), ("drawer_over_short", "7 2026-10-14 1 USD")]
    assert problems(pipeline) == [*told, HELD]
    with pipeline.warehouse.reading() as connection:
        assert [bar[1:3] for bar in read_stores(connection).plot] == [
            ("7 EUR", "variance"),
            ("7 USD", "variance"),
            ("8 USD", "matched"),
        ]


def test_a_short_drawer_of_a_store_without_till_numbers_is_red(make_home: Callable[..., Home]) -> None:
    """Where no till is declared its name is "-", which no subject shows."""
    settings = SOURCES.replace('register = "Till"\n', "")
    pipeline = Pipeline(make_home(settings=settings), "test")
    deliver(pipeline, {
        "receipts": (RECEIPTS, "7,1,R1,S,2026-10-14 09:00,A,1,50.00,0,0"),
        "tenders": (TENDERS, "7,1,R1,cash,2026-10-14 09:00,50.00"),
        "drawers": (DRAWERS, "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,100.00,144.00"),
    })  # fmt: skip
    run_line(pipeline)
    assert problems(pipeline) == [("drawer_over_short", "7 2026-10-14")]
    with pipeline.warehouse.reading() as connection:
        assert [bar[2] for bar in read_stores(connection).plot] == ["variance"]
