"""One model, two judges: the SQL that splits a batch and pandera that proves the result must never disagree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandera.ibis as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from retail_sync.schemas import tables
from retail_sync.schemas.contract import (
    Column,
    RowRule,
    Table,
    code_digest,
    contract_hash,
    prove,
    reject_predicates,
    violation,
)
from retail_sync.schemas.tables import TABLES
from retail_sync.schemas.types import CURRENCY, KEY, TEXT, Money, Rate

# Ibis 12 calls a method that DuckDB 1.5 is about to rename, and reads an option that pandas 3 is about to drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]

CHECKED = [(table, column, check) for table in TABLES for column in table.columns for check in column.checks]
_QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An open connection with a catalogue called `warehouse`, as `prove` expects."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("create schema warehouse.raw")
    connection.execute("use warehouse")
    yield connection
    connection.close()


def test_every_check_has_a_translation() -> None:
    """A check that only pandera knows would reject nothing and then fail the proof of a whole load."""
    assert CHECKED
    for _, column, (name, arguments) in CHECKED:
        assert column.name in violation(column, name, arguments)


def test_every_check_in_use_is_compared_below() -> None:
    """A new pattern or bound in the contracts has to be added to the comparisons of this module."""
    used = {(name, str(value)) for _, _, (name, arguments) in CHECKED for value in arguments.values() if name != "isin"}
    assert used == {("str_matches", pattern) for pattern in (CURRENCY, KEY, TEXT)} | {
        ("greater_than_or_equal_to", "1"),
        ("greater_than", "0"),
    }


def test_an_unknown_check_is_a_programmers_error() -> None:
    """Adding a check without its translation must fail at once, not let rows through."""
    with pytest.raises(TypeError, match="str_length"):
        violation(Column("x", "varchar", nullable=False, description="", checks=()), "str_length", {})


def judged(
    engine: duckdb.DuckDBPyConnection, model: type[pa.DataFrameModel], values: list[Any]
) -> tuple[set[Any], set[Any]]:
    """The values that the generated predicate rejects, and those that pandera reports, of a table of one column x."""
    (column,) = Table("raw", "judged", model, ("x",), "run").columns
    ((name, arguments),) = column.checks
    engine.execute(f"create or replace table raw.judged (x {column.sql_type})")
    engine.executemany("insert into raw.judged values (?)", [[value] for value in values])
    by_sql = engine.execute(f"select x from raw.judged where {violation(column, name, arguments)}").fetchall()
    relation = ibis.duckdb.from_connection(engine).table("judged", database=("warehouse", "raw"))
    try:
        model.to_schema().validate(relation, lazy=True)
    except SchemaErrors as errors:
        cases = [case["x"] for error in errors.schema_errors for case in error.failure_cases["failure_case"]]
    else:
        cases = []
    return {value for (value,) in by_sql}, set(cases)


def matching(pattern: str) -> type[pa.DataFrameModel]:
    """A contract of one text column with one pattern."""

    class Model(pa.DataFrameModel):
        x: str = pa.Field(str_matches=pattern)

    return Model


_PATTERNS = {name: matching(pattern) for name, pattern in {"currency": CURRENCY, "key": KEY, "text": TEXT}.items()}
_EDGES = ["", "EUR", "EUR\n", "\nEUR", "a\x00b", "e\u0301" * 100, "k" * 200, "k" * 201, "n" * 1000, "n" * 1001]
_TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.text("AZ\n\t\x00\x1f\x7f\x80é👍̈ ", max_size=4),
    st.text("ABCz", min_size=2, max_size=4),
    st.integers(998, 1002).map(lambda length: "é" * length),
)


@pytest.mark.parametrize("name", _PATTERNS)
@given(values=st.lists(_TEXTS, min_size=1, max_size=25, unique=True))
@example(values=_EDGES)
@_QUICK
def test_both_judges_agree_on_text(engine: duckdb.DuckDBPyConnection, name: str, values: list[str]) -> None:
    """A text that one accepts and the other does not either blocks a good load or passes a bad row."""
    by_sql, by_pandera = judged(engine, _PATTERNS[name], values)
    assert by_sql == by_pandera


def test_the_edges_of_text_are_where_the_contract_puts_them(engine: duckdb.DuckDBPyConnection) -> None:
    """Agreeing is not enough: lengths count characters, and a line break at the end is not part of a currency."""
    rejected = {name: judged(engine, model, _EDGES)[0] for name, model in _PATTERNS.items()}
    assert set(_EDGES) - rejected["currency"] == {"EUR"}
    assert set(_EDGES) - rejected["key"] == {"EUR", "e\u0301" * 100, "k" * 200}
    assert rejected["text"] == {"EUR\n", "\nEUR", "a\x00b", "n" * 1001}


def _closed_lists() -> dict[str, list[str]]:
    return {
        f"{t.name}.{c.name}": arguments["allowed_values"] for t, c, (check, arguments) in CHECKED if check == "isin"
    }


@pytest.mark.parametrize("name", _closed_lists())
def test_both_judges_agree_on_closed_lists(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    """Every word of the list is accepted and its neighbours are not, by both."""
    words = _closed_lists()[name]
    neighbours = {words[0].upper(), f" {words[0]}", f"{words[0]}s", "", "'", "o'neill"} - set(words)

    class Model(pa.DataFrameModel):
        x: str = pa.Field(isin=words)

    assert judged(engine, Model, [*words, *neighbours]) == (neighbours, neighbours)


@given(values=st.lists(st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique=True))
@_QUICK
def test_both_judges_agree_on_counts(engine: duckdb.DuckDBPyConnection, values: list[int]) -> None:
    """Line numbers begin at 1: zero and below are rejected by both."""

    class Model(pa.DataFrameModel):
        x: int = pa.Field(ge=1)

    rejected = {value for value in values if value < 1}
    assert judged(engine, Model, values) == (rejected, rejected)


def test_a_rate_is_positive_for_both(engine: duckdb.DuckDBPyConnection) -> None:
    """A rate of nothing would turn an amount into nothing."""

    class Model(pa.DataFrameModel):
        x: Rate = pa.Field(gt=0)

    values = [Decimal(text) for text in ("-1.00000000", "0.00000000", "0.00000001", "1.10000000")]
    assert judged(engine, Model, values) == (set(values[:2]), set(values[:2]))


class Sample(pa.DataFrameModel):
    """Rows with a key and an amount."""

    row_key: str = pa.Field(str_matches=KEY)
    amount: Money = pa.Field()
    note: str = pa.Field(str_matches=TEXT, nullable=True)


SAMPLE = Table("raw", "sample", Sample, ("row_key",), "run")
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "", "k" * 201, "a\tb", None]),
        st.sampled_from(["1.50", "", " ", "x", None]),
        st.sampled_from(["note", "", "n" * 1001, "a\nb", None]),
    ),
    min_size=1,
    max_size=8,
)


@given(rows=_ROWS)
@_QUICK
def test_what_the_predicates_leave_pandera_proves(
    engine: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]
) -> None:
    """The loader rejects by predicate, the blocking check proves: between them no row is lost and none is wrong."""
    engine.execute(f"create or replace table raw.sample ({SAMPLE.ddl().partition('(')[2].replace(' not null', '')}")
    engine.execute(
        "create or replace temp table batch (row_key varchar, amount__raw varchar, note varchar, amount decimal(18, 4))"
    )
    for key, amount, note in rows:
        value = Decimal(amount) if amount == "1.50" else None
        engine.execute("insert into batch values (?, ?, ?, ?)", [key, amount, note, value])
    rejections = reject_predicates(SAMPLE, frozenset({"row_key", "amount__raw", "note", "amount"}))
    broken = " or ".join(f"coalesce({rejection.predicate}, false)" for rejection in rejections)
    engine.execute(f"insert into raw.sample select row_key, amount, note from batch where not ({broken})")

    accepted = engine.execute("select row_key, note from raw.sample order by all").fetchall()
    good = [row for row in rows if row[0] == "a" and row[1] == "1.50" and row[2] in ("note", "", None)]
    assert sorted(map(str, accepted)) == sorted(str((row[0], row[2])) for row in good)
    assert prove(engine, [SAMPLE]) == {}


def test_the_proof_names_what_is_wrong(engine: duckdb.DuckDBPyConnection) -> None:
    """A row that got past the loader blocks, with table, column and rule in one sentence."""
    engine.execute("create or replace table raw.sample (row_key varchar, amount decimal(18, 4), note varchar)")
    engine.execute("insert into raw.sample values ('a', 1, null), ('', 2, null)")
    ((sentence,),) = prove(engine, [SAMPLE]).values()
    assert "raw.sample.row_key" in sentence


RULED = replace(SAMPLE, rules=(RowRule("amount", "note = 'owed' and amount > 0", "is owed and not negative"),))


def test_a_rule_over_columns_rejects_and_proves(engine: duckdb.DuckDBPyConnection) -> None:
    """The loader names the row with its reason; one that got past it blocks; where a column is empty the rule says nothing."""
    engine.execute("create or replace table raw.sample (row_key varchar, amount decimal(18, 4), note varchar)")
    engine.execute(
        "insert into raw.sample values ('a', 1, 'owed'), ('b', -1, 'owed'), ('c', 1, 'paid'), ('d', 1, null)"
    )
    (rejection,) = (r for r in reject_predicates(RULED, frozenset()) if r.reason == "is owed and not negative")
    named = engine.execute(f"select row_key from raw.sample where coalesce({rejection.predicate}, false)").fetchall()
    assert (rejection.column, named) == ("amount", [("a",)])
    assert prove(engine, [RULED]) == {"sample": ["raw.sample.amount is owed and not negative: 1 rows"]}
    assert prove(engine, [SAMPLE]) == {}
    assert contract_hash((RULED,)) != contract_hash((SAMPLE,))


def test_a_null_where_none_may_be_is_two_different_reasons() -> None:
    """Missing text and unreadable text need different remedies, and only one of them applies to a row."""
    reasons = {
        (rejection.column, rejection.reason): rejection.predicate
        for rejection in reject_predicates(SAMPLE, frozenset({"row_key", "amount", "amount__raw", "note"}))
    }
    assert ("amount", "is missing") in reasons
    assert ("amount", "cannot be read as a number with at most 4 decimals") in reasons
    assert ("note", "is missing") not in reasons


def test_the_contract_hash_follows_the_contract() -> None:
    """A changed contract rebuilds the warehouse; an unchanged one must not."""
    assert contract_hash(TABLES) == contract_hash(TABLES)
    assert contract_hash(TABLES) != contract_hash(TABLES[1:])
    assert contract_hash(TABLES) != contract_hash(TABLES, "create view v as select 1")


def test_the_contract_hash_follows_every_check() -> None:
    """A tightened pattern or list changes no DDL, but rows in force may break it: an upgraded home must be derived anew."""

    class Tightened(Sample):
        note: str = pa.Field(str_matches=KEY, nullable=True)

    tightened = replace(SAMPLE, model=Tightened)
    assert tightened.ddl() == SAMPLE.ddl()
    assert contract_hash((tightened,)) != contract_hash((SAMPLE,))


def test_the_code_digest_follows_names_and_bytes_of_programs_only(tmp_path: Path) -> None:
    """A mended query gives other rows; a compiled file or a note beside it does not."""
    folder = tmp_path / "reconcile"
    folder.mkdir()
    (folder / "totals.sql").write_text("select 1")
    before = code_digest(folder)
    (folder / "totals.pyc").write_bytes(b"compiled")
    assert code_digest(folder) == before
    (folder / "totals.sql").write_text("select 2")
    changed = code_digest(folder)
    (folder / "totals.sql").rename(folder / "total.sql")
    assert len({before, changed, code_digest(folder)}) == 3


def test_a_changed_query_derives_the_warehouse_anew(
    engine: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgraded home and one that was rebuilt must hold the same rows."""
    engine.execute("drop schema raw cascade")
    assert tables.prepare(engine) is False  # nothing was there
    engine.execute("insert into raw.applied values ('match_rules', 'x')")
    assert tables.prepare(engine) is False
    monkeypatch.setattr(tables, "_deriving_code", lambda: "a later release")
    assert tables.prepare(engine) is True
    assert engine.execute("select name from raw.applied order by name").fetchall() == [("code",), ("contract",)]
