"""Date order and decimal mark vary independently: decided once per file from all its values, or the file stops."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, get_args

import pytest

from retail_sync.settings import Source
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import START, LoadBench, Outcome, row, settlement
from retail_sync_tests.simulator import DateStyle, DecimalMark

# How the instants of a file may be written, beside the styles that the simulator knows.
InstantStyle = Literal["iso", "iso offset", "iso offset with fractions", "dotted", "day first", "month first"]
_WRITTEN: dict[str, str] = {
    "iso": "%Y-%m-%d %H:%M:%S UTC",
    "iso offset": "%Y-%m-%dT%H:%M:%S+00:00",
    "iso offset with fractions": "%Y-%m-%dT%H:%M:%S.000+00:00",
    "dotted": "%d.%m.%Y %H:%M:%S UTC",
    "day first": "%d/%m/%Y %H:%M:%S UTC",
    "month first": "%m/%d/%Y %H:%M:%S UTC",
}
_LATE = datetime(2026, 9, 23, 21, 5, 9, tzinfo=UTC)  # 23 can only be a day
_ROWS = (row("1141.18", posted_at=_LATE), row("-3.05", "Commission"), row("0.07", "Tax"))


def rewritten(content: bytes, style: InstantStyle) -> bytes:
    """The same file with each ISO instant written in another way."""
    return re.sub(
        rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        lambda found: (
            datetime.strptime(found.group().decode(), _WRITTEN["iso"])
            .replace(tzinfo=UTC)
            .strftime(_WRITTEN[style])
            .encode()
        ),
        content,
    )


def facts(bench: LoadBench, document: Outcome) -> list[tuple[object, ...]]:
    """What must not depend on how a file is written."""
    return bench.lines(document, "amount", "strftime(posted_at, '%Y-%m-%d %H:%M:%S')", "business_date")


EXPECTED = [
    (Decimal("1141.18"), "2026-09-23 21:05:09", date(2026, 9, 23)),
    (Decimal("-3.05"), "2026-09-14 07:00:00", date(2026, 9, 14)),
    (Decimal("0.07"), "2026-09-14 07:00:00", date(2026, 9, 14)),
]


@pytest.mark.parametrize("mark", get_args(DecimalMark))
@pytest.mark.parametrize("style", get_args(DateStyle))
def test_every_date_style_with_every_decimal_mark(bench: LoadBench, style: DateStyle, mark: DecimalMark) -> None:
    """A comma file read with a point is off by a factor of 100 (reference/marketplaces.md 1.4)."""
    document = bench.deliver(simulator.write_v2(settlement(*_ROWS), date_style=style, decimal_mark=mark))
    assert facts(bench, document) == EXPECTED
    assert document.is_complete
    assert document.detected.endswith(f"decimal mark {mark}")


@pytest.mark.parametrize("mark", get_args(DecimalMark))
@pytest.mark.parametrize("style", get_args(InstantStyle))
def test_instants_in_every_known_form(bench: LoadBench, style: InstantStyle, mark: DecimalMark) -> None:
    """Day-first and month-first instants are told apart by one day above 12 anywhere in the file."""
    written = simulator.write_v2(settlement(*_ROWS), decimal_mark=mark)
    document = bench.deliver(rewritten(written, style))
    assert facts(bench, document) == EXPECTED
    assert bench.header(document, "closing_date", "deposit_date") == (date(2026, 9, 28), date(2026, 9, 30))
    assert document.is_complete


def test_an_offset_is_honoured(bench: LoadBench) -> None:
    """`2026-09-14T01:30:00+02:00` is the evening before in UTC: dropping the offset would book the wrong day."""
    written = rewritten(simulator.write_v2(settlement(row("5.00"))), "iso offset")
    document = bench.deliver(written.replace(b"2026-09-14T07:00:00+00:00", b"2026-09-14T01:30:00+02:00"))
    assert facts(bench, document) == [(Decimal("5.00"), "2026-09-13 23:30:00", date(2026, 9, 13))]


def test_business_date_is_the_day_of_the_sources_zone(bench: LoadBench) -> None:
    """22:30 UTC is the next day in Berlin's summer and the same day in its winter: the zone decides, per instant."""
    berlin = Source(name="amazon", connector="amazon_settlement", time_zone="Europe/Berlin")
    content = simulator.write_v2(
        settlement(
            row("1.00", posted_at=datetime(2026, 9, 23, 22, 30, tzinfo=UTC)),  # 00:30 in summer time
            row("2.00", posted_at=datetime(2026, 10, 26, 22, 30, tzinfo=UTC)),  # 23:30 in winter time
        )
    )
    document = bench.deliver(content, berlin)
    assert bench.lines(document, "business_date") == [(date(2026, 9, 24),), (date(2026, 10, 26),)]


def ambiguous() -> bytes:
    """A file whose every slash date could be day/month or month/day."""
    early = datetime(2026, 9, 3, 8, 0, tzinfo=UTC)
    content = simulator.write_v2(
        settlement(
            row("5.00", posted_at=early), start_at=early, end_at=early.replace(day=10), deposit_at=early.replace(day=12)
        )
    )
    return rewritten(content, "day first")


def test_ambiguous_slash_dates_stop_the_file(bench: LoadBench) -> None:
    """03/09 may be September or March: reading it either way would look right."""
    document = bench.deliver(ambiguous())
    assert document.status == "refused"
    assert "day/month or month/day" in document.reason
    assert "date_format" in document.remedy


@pytest.mark.parametrize(("declared", "month"), [("%d/%m/%Y %H:%M:%S UTC", 9), ("%m/%d/%Y %H:%M:%S UTC", 3)])
def test_a_declared_date_format_decides(bench: LoadBench, declared: str, month: int) -> None:
    """What the operator declares wins over detection, so that the stop above has a way out."""
    source = Source(name="amazon", connector="amazon_settlement", date_format=declared)
    document = bench.deliver(ambiguous(), source)
    assert [line[2] for line in facts(bench, document)] == [date(2026, month, 9 if month == 3 else 3)]


@pytest.mark.parametrize(
    "odd_one",
    ["23.09.2026 07:00:00 UTC", "23/09/2026 07:00:00 UTC", "2026-09-23T07:00:00+00:00"],
)
def test_mixed_date_forms_stop_the_file(bench: LoadBench, odd_one: str) -> None:
    """A file with dates in two forms was put together by hand; half of it would be read wrongly."""
    content = simulator.write_v2(settlement(row("5.00"), row("6.00")))
    document = bench.deliver(content.replace(b"2026-09-14 07:00:00 UTC", odd_one.encode(), 1))
    assert document.status == "refused"
    assert "more than one way" in document.reason


def test_contradicting_slash_dates_stop_the_file(bench: LoadBench) -> None:
    """23/09 can only be day first and 09/24 only month first: no single reading exists."""
    content = rewritten(
        simulator.write_v2(settlement(row("5.00", posted_at=_LATE), row("6.00", posted_at=_LATE))), "day first"
    )
    document = bench.deliver(content.replace(b"23/09/2026 21", b"09/23/2026 21", 1))
    assert (document.status, document.accepted_count) == ("refused", 0)
    assert "more than one way" in document.reason


def test_a_day_that_does_not_exist_is_one_bad_row(bench: LoadBench) -> None:
    """31 September is nobody's date: its row is rejected, the others are read."""
    content = simulator.write_v2(settlement(row("5.00"), row("6.00")))
    document = bench.deliver(content.replace(b"2026-09-14 07:00:00", b"2026-09-31 07:00:00", 1))
    assert [found[:2] for found in bench.rejected(document) if found[1] == "posted_at"] == [(3, "posted_at")]
    assert facts(bench, document) == [(Decimal("6.00"), "2026-09-14 07:00:00", date(2026, 9, 14))]


AMOUNTS = [  # amounts as written, then: how they are read, or None where the file stops
    (("1.50", "2,50"), None),
    (("1,234.50", "1.234,50"), None),
    (("1.234", "5"), None),
    (("1,234", "-7,891"), None),
    (("1.234", "10,50"), ("1234.00", "10.50")),
    (("1,234", "10.50"), ("1234.00", "10.50")),
    (("1.234.567,89", "-0,01"), ("1234567.89", "-0.01")),
    (("12", "-3"), ("12.00", "-3.00")),
    (("0,5", "1"), ("0.50", "1.00")),
]


@pytest.mark.parametrize(("written", "read"), AMOUNTS)
def test_the_decimal_mark_of_a_file(bench: LoadBench, written: tuple[str, str], read: tuple[str, str] | None) -> None:
    """`1.234` may be a thousand or one: other amounts decide, or the file stops; a mix stops it always."""
    document = bench.deliver(_with_amounts(*written))
    if read is None:
        assert (document.status, document.accepted_count) == ("refused", 0)
        assert re.search("decimal point .* decimal comma|thousands or decimals", document.reason)
    else:
        assert [line[0] for line in facts(bench, document)] == [Decimal(text) for text in read]


@pytest.mark.parametrize(
    ("mark", "written", "read"),
    [
        (",", ("1.234", "5"), ["1234.00", "5.00"]),
        (".", ("1,234", "5"), ["1234.00", "5.00"]),
        (".", ("1,234", "5,50"), ["1234.00"]),  # 5,50 is no amount with a decimal point: one bad row
    ],
)
def test_a_declared_decimal_mark_decides(
    bench: LoadBench, mark: DecimalMark, written: tuple[str, str], read: list[str]
) -> None:
    """What the operator declares is never overruled by what a file looks like."""
    source = Source(name="amazon", connector="amazon_settlement", decimal_mark=mark)
    document = bench.deliver(_with_amounts(*written), source)
    assert [line[0] for line in facts(bench, document)] == [Decimal(text) for text in read]


def _with_amounts(first: str, second: str) -> bytes:
    """Two lines with amounts as given, under a total that tells nothing about the decimal mark."""
    content = simulator.write_v2(settlement(row("77.77"), row("88.88", "Commission"), total=Decimal(1)))
    return content.replace(b"77.77", first.encode()).replace(b"88.88", second.encode())


def test_the_start_of_a_period_is_an_instant(bench: LoadBench) -> None:
    """The header's three dates are read like the lines': periods and deposits hang on them."""
    document = bench.deliver(simulator.write_v2(settlement(row("5.00"))))
    starts = bench.header(document, "epoch(period_start_at)", "epoch(period_end_at)")
    assert starts == (START.timestamp(), START.replace(day=28).timestamp())
