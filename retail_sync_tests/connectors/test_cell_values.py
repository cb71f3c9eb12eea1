"""What one cell may hold: a strict reading, or a reject with its place. Nothing is coerced, rounded or emptied in silence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.settings import Source
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome, cells, flat_file, row, settlement, with_cell

_POINT = Source(name="amazon", connector="amazon_settlement", decimal_mark=".")


def deliver_amounts(bench: LoadBench, texts: list[str], currency: str, source: Source | None = _POINT) -> Outcome:
    """One file with a line per amount text, from line 3 on."""
    table = cells(simulator.write_v2(settlement(*[row("1.00")] * len(texts), currency=currency, total=Decimal(1))))
    place = table[0].index("amount")
    for line, text in zip(table[2:], texts, strict=True):
        line[place] = text
    return bench.deliver(flat_file(table), source)


def amounts_by_line(bench: LoadBench, document: Outcome) -> dict[int, Decimal | None]:
    """Amount of each accepted line, None for each rejected one."""
    accepted = dict(bench.lines(document, "line_no", "amount"))
    rejected = {line: None for line, column, *_ in bench.rejected(document) if column == "amount"}
    assert not accepted.keys() & rejected.keys()
    return accepted | rejected


AMOUNTS = [  # currency, text, what it is (None: a reject)
    ("EUR", "12.00", "12.00"),
    ("EUR", " 12.00 ", "12.00"),
    ("EUR", "-0.00", "0.00"),
    ("EUR", "14.9", "14.9"),
    ("EUR", "17", "17"),
    ("EUR", "1,234.56", "1234.56"),
    ("EUR", "-1,234,567.89", "-1234567.89"),
    ("EUR", "9999999999999.99", "9999999999999.99"),
    ("EUR", "10000000000000", None),  # 10^13: no settlement is that large
    ("EUR", "1" + "0" * 36, None),
    ("EUR", "1.005", None),  # a cast would round it
    ("EUR", "1e3", None),  # a cast would make it 1000
    ("EUR", "NaN", None),
    ("EUR", "Infinity", None),
    ("EUR", "(1.00)", None),
    ("EUR", "1.00-", None),
    ("EUR", "+1.00", None),
    ("EUR", "--1.00", None),
    ("EUR", "€1.00", None),
    ("EUR", "1 234.56", None),
    ("EUR", "12,34.56", None),
    ("EUR", "1.2.3", None),
    ("EUR", ".50", None),
    ("EUR", "5.", None),
    ("EUR", "0x10", None),
    ("EUR", "١٢", None),  # Arabic-Indic digits
    ("EUR", "", None),
    ("JPY", "1980", "1980"),
    ("JPY", "-1,980", "-1980"),
    ("JPY", "100.5", None),
    ("JPY", "100.0", None),
    ("KWD", "1.234", "1.234"),
    ("KWD", "1234.5", "1234.5"),
    ("KWD", "1.2345", None),
]


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_which_amounts_are_read(bench: LoadBench, currency: str) -> None:
    """Each text is read to the last digit in its currency, or rejected in its line; no cast decides."""
    cases = [(text, None if value is None else Decimal(value)) for code, text, value in AMOUNTS if code == currency]
    document = deliver_amounts(bench, [text for text, _ in cases], currency)
    found = amounts_by_line(bench, document)
    assert {text: found[line] for line, (text, _) in enumerate(cases, 3)} == dict(cases)


@given(minor=st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=30), mark=st.sampled_from(".,"))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_amounts_survive_writing_and_reading(bench: LoadBench, minor: list[int], mark: str) -> None:
    """Whatever amounts a file holds, with thousands groups or without, they come out as they went in."""
    amounts = [Decimal(value).scaleb(-2) for value in [*minor, 10]]  # 0.10 tells the decimal mark
    texts = [f"{amount:,f}" if number % 2 else f"{amount:f}" for number, amount in enumerate(amounts)]
    swapped = [text.translate(str.maketrans(".,", ",.")) if mark == "," else text for text in texts]
    document = deliver_amounts(bench, swapped, "EUR", None)
    assert list(amounts_by_line(bench, document).values()) == amounts


@pytest.mark.parametrize(("written", "read"), [("0.500", "0.500"), ("1234.500", "1234.500"), ("1,234.500", "1234.500")])
def test_three_decimals_are_recognised_where_nothing_else_is_possible(
    bench: LoadBench, written: str, read: str
) -> None:
    """A dinar file has three decimals everywhere: `0.500` and `1234.500` cannot be thousands, so the file need not stop."""
    document = deliver_amounts(bench, [written, "1.234"], "KWD", None)
    assert list(amounts_by_line(bench, document).values()) == [Decimal(read), Decimal("1.234")]


@pytest.mark.parametrize("write", [simulator.write_v2, simulator.write_v1])
@pytest.mark.parametrize(
    "sku", ["00123", "1E5", "2024-01-02", "ABC-Ä é", "abc", "ABC", '"quoted"', "=1+1", " led ", "NULL", "-"]
)
def test_skus_are_kept_byte_for_byte(bench: LoadBench, sku: str, write: object) -> None:
    """A reader that guesses types makes 100000.0 of `1E5` and a date of `2024-01-02` (faults.md 0.3)."""
    document = bench.deliver(write(settlement(row("5.00", sku=sku))))  # type: ignore[operator]
    assert bench.lines(document, "sku") == [(sku,)]


@pytest.mark.parametrize("text", ["N/A", "1.5", "two", "1e1", "٣"])
def test_a_quantity_that_is_no_number_is_a_reject(bench: LoadBench, text: str) -> None:
    """Read as null, the units of an item would be missing without anybody knowing."""
    content = simulator.write_v2(settlement(row("5.00"), row("-1.00", "Commission")))
    document = bench.deliver(with_cell(content, 3, "quantity-purchased", text))
    assert [(line, column, value) for line, column, value, _ in bench.rejected(document)] == [(3, "quantity", text)]
    assert [line[0] for line in bench.lines(document, "amount")] == [Decimal("-1.00")]


def test_a_quantity_that_is_no_number_is_a_reject_in_v1(bench: LoadBench) -> None:
    """V1 states the quantity on a line of its own; what cannot be read there is rejected with the line it belongs to."""
    content = simulator.write_v1(settlement(row("5.00"), row("-1.00", "Commission")))
    document = bench.deliver(with_cell(content, 3, "quantity-purchased", "N/A"))
    assert [(line, column, value) for line, column, value, _ in bench.rejected(document)] == [(4, "quantity", "N/A")]


@pytest.mark.parametrize(
    ("column", "value", "rejected_as"),
    [
        ("posted-date-time", "", "posted_at"),
        ("posted-date-time", "yesterday", "posted_at"),
        ("posted-date-time", "0000-00-00 00:00:00 UTC", "posted_at"),
        ("sku", "x" * 1001, "sku"),
        ("transaction-type", "y" * 1001, "transaction_type"),
    ],
)
def test_a_bad_cell_costs_its_row_only(bench: LoadBench, column: str, value: str, rejected_as: str) -> None:
    """One broken cell is one rejected row with its place; the document then cannot count as complete."""
    content = simulator.write_v2(settlement(row("5.00"), row("6.00")))
    document = bench.deliver(with_cell(content, 4, column, value))
    assert {(line, name) for line, name, *_ in bench.rejected(document)} >= {(4, rejected_as)}
    assert {line for line, *_ in bench.rejected(document)} == {4}
    assert (document.is_complete, document.rejected_count) == (False, 1)
    assert bench.lines(document, "line_no") == [(3,)]


@pytest.mark.parametrize(("column", "value"), [("total-amount", "twelve"), ("deposit-date", ""), ("currency", "euro")])
def test_a_bad_header_row_is_a_reject(bench: LoadBench, column: str, value: str) -> None:
    """Without a readable total, deposit day or currency there is nothing to hold the lines against."""
    document = bench.deliver(with_cell(simulator.write_v2(settlement(row("5.00"))), 2, column, value))
    assert {line for line, *_ in bench.rejected(document)} == {2}
    assert not document.is_complete
