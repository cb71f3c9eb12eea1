"""The ECB's rates: as it says them from the euro, and their exact inverse into it; nothing where it says nothing."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.proposal import propose
from retail_sync.settings import Source
from retail_sync_tests.connectors.conftest import Look
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome
from retail_sync_tests.fakes.ecb import envelope

RATES = Source(name="rates", connector="ecb_rates")
# As the ECB writes them: a comma after the last cell, names of months in the file of one day.
DAILY = b"Date, USD, JPY, IDR, ISK, \n19 November 2026, 1.0831, 161.12, 17163.42, N/A, \n"
HISTORY = b"Date,USD,JPY,IDR,ISK,\n2026-11-19,1.0831,161.12,17163.42,N/A,\n2026-11-18,1.0806,160.85,17140,,\n"
XML = envelope({"2026-11-19": {"USD": "1.0831", "JPY": "161.12", "IDR": "17163.42"}})
DAY = date(2026, 11, 19)


def rates(bench: LoadBench, outcome: Outcome) -> dict[tuple[Any, ...], Decimal]:
    """Rates in force from this delivery, by day and currencies."""
    rows = bench._rows("fx_rates", outcome, ("rate_date", "from_currency", "to_currency", "rate"), "all")  # noqa: SLF001
    return {row[:3]: row[3] for row in rows}


@pytest.mark.parametrize("content", [DAILY, HISTORY, XML], ids=["daily csv", "history csv", "xml"])
def test_a_rate_and_its_inverse(bench: LoadBench, content: bytes) -> None:
    """1 / 1.0831, 1 / 161.12 and 1 / 17163.42 to 12 decimals, worked with 40 digits."""
    outcome = bench.deliver(content, RATES)
    assert outcome.reason == ""
    found = {key[1:]: rate for key, rate in rates(bench, outcome).items() if key[0] == DAY}
    said = {"USD": "1.0831", "JPY": "161.12", "IDR": "17163.42"}
    with localcontext(prec=40):
        inverse = {c: (1 / Decimal(r)).quantize(Decimal("1e-12"), ROUND_HALF_UP) for c, r in said.items()}
    assert found == {("EUR", c): Decimal(r) for c, r in said.items()} | {(c, "EUR"): inverse[c] for c in said}
    assert found["USD", "EUR"] == Decimal("0.923275782476")
    assert bench.rejected(outcome) == []


def test_a_billion_rupiah_is_right_to_the_cent(bench: LoadBench) -> None:
    """With 8 decimals it would be off by three euros."""
    rate = rates(bench, bench.deliver(HISTORY, RATES))[DAY, "IDR", "EUR"]
    with localcontext(prec=40):
        assert abs(Decimal(10**9) * rate - Decimal(10**9) / Decimal("17163.42")) < Decimal("0.001")


def test_a_rate_that_is_none_rejects_its_rows_only(bench: LoadBench) -> None:
    """Both directions of it; the others of the day load. Zero is no rate."""
    outcome = bench.deliver(DAILY.replace(b"161.12", b"0").replace(b"17163.42", b"1,7"), RATES)
    assert outcome.status == "refused"  # one cell more than the header has
    outcome = bench.deliver(DAILY.replace(b"161.12", b"0").replace(b"17163.42", b"17x"), RATES)
    assert {key[1:] for key in rates(bench, outcome)} == {("EUR", "USD"), ("USD", "EUR")}
    assert {(column, value) for _, column, value, _ in bench.rejected(outcome)} == {("rate", "0"), ("rate", "17x")}


@pytest.mark.parametrize("content", [DAILY, HISTORY, XML], ids=["daily csv", "history csv", "xml"])
def test_a_file_cut_anywhere_gives_no_wrong_rate(look: Look, content: bytes) -> None:
    """Cut inside a number 1.0831 would read 1.08; a file of many days that ends after a whole line is a shorter file."""
    whole = look("ecb_rates", content)
    for length in range(len(content)):
        found = look("ecb_rates", content[:length])
        assert isinstance(found, str) or found == whole[: len(found)], content[:length]


def test_sources_try_knows_the_rates(tmp_path: Path) -> None:
    """All three shapes."""
    for content in (DAILY, HISTORY, XML):
        path = tmp_path / "rates.dat"
        path.write_bytes(content)
        assert 'connector = "ecb_rates"' in propose(path).toml
