"""A settlement that lost, gained or changed anything never counts as complete, and never displaces a good copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from retail_sync.connectors.amazon_settlement import AmazonSettlement
from retail_sync.connectors.documents import open_text
from retail_sync.core.errors import DeliveryRefused
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Source
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import (
    LoadBench,
    canonical_rows,
    cells,
    flat_file,
    row,
    settlement,
    with_cell,
)
from retail_sync_tests.simulator import Settlement

_SOURCE = Source(name="amazon", connector="amazon_settlement")
_CELLS = {"order_id": "", "order_item_code": "", "marketplace": "", "sku": "S"}


def tiny(settlement_id: str) -> Settlement:
    """A settlement of two short lines; the last one sells 12 units."""
    fee = row("-9.00", "Fee", transaction_type="other", amount_type="other", quantity=None, **_CELLS)
    return settlement(fee, row("24.50", quantity=12, **_CELLS), marketplace="", settlement_id=settlement_id)


V2 = simulator.write_v2(tiny("7"), promotion_column=False)  # the last cell of the last line is its quantity, 12
V1 = simulator.write_v1(tiny("8"))


@pytest.fixture
def looks_whole(tmp_path: Path) -> Iterator[Callable[[bytes], bool]]:
    """Whether nothing is refused or rejected yet when the connector has read the file: a first look, 20 ms a cut."""
    connector = AmazonSettlement()
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute("pragma disable_optimizer")

    def look(content: bytes) -> bool:
        try:
            document = open_text(
                [content], tmp_path / "cut.txt", encoding="auto", japanese=connector.japanese_marker, max_bytes=1 << 20
            )
            connector.check_header(document.header, _SOURCE)
            connector.stage(connection, document, _SOURCE, "first-look")
        except DeliveryRefused:
            return False
        return connection.execute("select count(*) from staged_rejected").fetchone() == (0,)

    yield look
    connection.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("whole", "first_cut"),
    [(V2, 0), (V1, V1.rindex(b"\n", 0, -1))],
    ids=["v2_every_byte", "v1_every_byte_of_the_last_line"],
)
def test_a_cut_file_never_counts_as_complete(
    bench: LoadBench, looks_whole: Callable[[bytes], bool], whole: bytes, first_cut: int
) -> None:
    """A download that stopped anywhere must not be booked: complete means that every value of the whole file is there."""
    values = (
        "line_no",
        "component",
        "amount",
        "quantity",
        "sku",
        "posted_at",
        "amount_description",
        "transaction_type",
    )
    expected = bench.lines(bench.deliver(whole), *values)
    assert len(expected) == 2

    complete = []
    for length in range(first_cut, len(whole)):
        if not looks_whole(whole[:length]):
            continue
        document = bench.deliver(whole[:length])
        if document.is_complete:
            complete.append((length, bench.lines(document, *values)))
    assert [length for length, lines in complete if lines != expected] == []
    assert all(length >= len(whole) - 1 for length, _ in complete)


def test_a_missing_last_line_end_matters_only_where_a_value_may_be_cut(bench: LoadBench) -> None:
    """With `promotion-id` last nothing that is read can be cut; with the quantity last, 12 units may have become 1."""
    by_promotion = bench.deliver(simulator.write_v2(tiny("9"))[:-1])
    by_quantity = bench.deliver(simulator.write_v2(tiny("10"), promotion_column=False)[:-2])
    assert by_promotion.is_complete
    assert not by_quantity.is_complete
    ((line, column, _, reason),) = bench.rejected(by_quantity)
    assert (line, column) == (4, "line")
    assert "no line end" in reason


@pytest.mark.long
def test_every_changed_amount_is_noticed(bench: LoadBench) -> None:
    """One digit changed in any amount, the total included, and the lines no longer sum to the total (faults.md, 31)."""
    content = simulator.write_v2(
        settlement(row("24.50"), row("-3.68", "Commission"), row("-0.09", "Tax"), row("1000.00"))
    )
    table = cells(content)
    places = [(2, "total-amount"), *((line, "amount") for line in range(3, 7))]
    for line, column in places:
        text = table[line - 1][table[0].index(column)]
        for place in (index for index, character in enumerate(text) if character.isdigit()):
            digit = str((int(text[place]) + 1) % 10)
            mutant = text[:place] + digit + text[place + 1 :]
            document = bench.deliver(with_cell(content, line, column, mutant))
            by = Decimal(mutant) - Decimal(text)
            assert document.control_difference == (-by if line == 2 else by), mutant
            assert not document.is_complete, mutant
    assert bench.deliver(content).is_complete


@pytest.mark.parametrize("line", [2, 3, 4, 5])
def test_a_line_removed_or_repeated_is_noticed(bench: LoadBench, line: int) -> None:
    """A page lost or sent twice leaves every line readable: only the total tells."""
    table = cells(simulator.write_v2(settlement(row("24.50"), row("-3.68", "Commission"), row("-0.09", "Tax"))))
    removed = bench.deliver(flat_file([*table[: line - 1], *table[line:]]))
    repeated = bench.deliver(flat_file([*table[:line], table[line - 1], *table[line:]]))
    assert (removed.is_complete, repeated.is_complete) == (False, False)
    if line > 2:
        amount = Decimal(table[line - 1][table[0].index("amount")])
        assert (removed.control_difference, repeated.control_difference) == (-amount, amount)


def damaged(table: list[list[str]]) -> dict[str, bytes]:
    """The same settlement with one fault each."""
    amount = table[0].index("amount")
    other_amount = [*table[2][:amount], "24.60", *table[2][amount + 1 :]]
    return {
        "extra_field": flat_file([*table[:2], [*table[2], ""], table[3]]),
        "missing_field": flat_file([*table[:2], table[2][:-1], table[3]]),
        "changed_digit": flat_file([*table[:2], other_amount, table[3]]),
        "removed_line": flat_file(table[:3]),
        "repeated_line": flat_file([*table, table[3]]),
        "removed_header": flat_file([table[0], *table[2:]]),
    }


WORDS = {
    # case: exception code and words when this copy is the only one
    "extra_field": ("rows_rejected", "line 3", "25 fields where the header has 24"),
    "missing_field": ("rows_rejected", "line 3", "23 fields where the header has 24"),
    "changed_digit": ("settlement_does_not_foot", "0.10 EUR more"),
    "removed_line": ("settlement_does_not_foot", "3.68 EUR more"),
    "repeated_line": ("settlement_does_not_foot", "3.68 EUR less"),
    "removed_header": ("settlement_header_missing", "20.82"),
}


def deliver(pipeline: Pipeline, name: str, content: bytes) -> None:
    """Take a file in under this name, load it and reconcile."""
    file = pipeline.home.root / name
    file.write_bytes(content)
    pipeline.ingest([str(file)], "amazon")
    pipeline.load()
    pipeline.reconcile()


def problems(pipeline: Pipeline) -> dict[tuple[object, object], str]:
    """Open exceptions by code and subject, with message."""
    return {(found.code, found.subject): str(found.message) for found in pipeline.exceptions.open()}


@pytest.mark.long
@pytest.mark.parametrize("case", WORDS)
def test_a_damaged_settlement_is_reported_until_the_good_one_comes(pipeline: Pipeline, case: str) -> None:
    """Damage becomes a sentence with the settlement and the line or the amount; the good file alone ends it."""
    good = settlement(row("24.50"), row("-3.68", "Commission"))
    table = cells(simulator.write_v2(good))
    code, *words = WORDS[case]

    deliver(pipeline, "first.txt", damaged(table)[case])
    message = problems(pipeline)[code, good.settlement_id]
    assert all(word in message for word in words), message

    deliver(pipeline, "second.txt", flat_file(table))
    assert not problems(pipeline)
    assert [line[3] for line in canonical_rows(pipeline)["settlements"]] == ["EUR"]


@pytest.mark.long
def test_a_damaged_copy_never_displaces_a_good_one(pipeline: Pipeline) -> None:
    """Every damaged re-issue is set aside with a warning that names it; nothing canonical changes."""
    good = settlement(row("24.50"), row("-3.68", "Commission"))
    table = cells(simulator.write_v2(good))
    deliver(pipeline, "good.txt", flat_file(table))
    before = canonical_rows(pipeline)

    for case, content in damaged(table).items():
        deliver(pipeline, f"{case}.txt", content)
    assert canonical_rows(pipeline) == before
    found = problems(pipeline)
    assert found.keys() == {("delivery_set_aside", f"amazon/{case}.txt") for case in WORDS}
    assert all(good.settlement_id in message for message in found.values())

    corrected = settlement(row("24.50"), settlement_id=good.settlement_id)
    deliver(pipeline, "corrected.txt", simulator.write_v2(corrected))
    assert not problems(pipeline)
