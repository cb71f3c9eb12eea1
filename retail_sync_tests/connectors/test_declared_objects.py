"""Every object of a declared CSV, and what a declared column may say. One contract for all objects, then the corners."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from retail_sync.connectors.declared_objects import OBJECTS
from retail_sync.settings import Source
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome

NOON = "2026-09-16 12:00"
_names = itertools.count(1)

# The least that each object needs, as one row of a file.
MINIMAL: dict[str, dict[str, str]] = {
    "bank_transactions": {"value_date": "2026-09-16", "amount": "-1.50", "currency": "EUR", "reference": "Fee"},
    "pos_sales": {"store": "S1", "receipt_id": "1001", "kind": "sale", "sold_at": NOON, "quantity": "0.333",
                  "currency": "EUR", "gross_amount": "2.14", "tax_amount": "0.14"},
    "pos_tenders": {"store": "S1", "receipt_id": "1001", "tender": "cash", "tendered_at": NOON, "currency": "EUR",
                    "amount": "2.14"},
    "pos_shifts": {"store": "S1", "shift_id": "Z1", "opened_at": NOON, "currency": "EUR", "opening_amount": "100"},
    "products": {"sku": "A-1", "currency": "EUR"},
    "prices": {"sku": "A-1", "channel": "shop", "valid_from": "2026-09-16", "currency": "EUR", "unit_price": "1.2345"},
    "customers": {"channel": "shop", "customer_number": "17850"},
    "locations": {"location_id": "L1", "kind": "store", "time_zone": "Europe/Berlin"},
    "listings": {"channel": "shop", "channel_sku": "B01", "sku": "A-1", "listed_at": NOON, "listed_quantity": "3"},
    "orders": {"channel": "shop", "order_id": "1", "ordered_at": NOON, "status": "paid", "currency": "EUR",
               "total_amount": "9.90"},
    "order_lines": {"channel": "shop", "order_id": "1", "quantity": "1", "currency": "EUR", "unit_price": "9.90"},
    "payments": {"channel": "shop", "kind": "charge", "paid_at": NOON, "currency": "EUR", "gross_amount": "9.90"},
    "payouts": {"channel": "shop", "payout_date": "2026-09-16", "currency": "EUR", "total_amount": "9.90"},
    "fulfilments": {"channel": "shop", "order_id": "1", "shipped_at": NOON, "sku": "A-1", "quantity": "1"},
    "returns": {"channel": "shop", "returned_at": NOON, "quantity": "1", "disposition": "restocked", "currency": "EUR",
                "refund_amount": "9.90"},
    "gift_card_events": {"channel": "shop", "gift_card_number": "6006-4912-77", "kind": "issued", "occurred_at": NOON,
                         "currency": "EUR", "amount": "25.00"},
    "vouchers": {"voucher_id": "V1", "business_date": "2026-09-16", "category": "tips_paid", "amount": "120.00",
                 "currency": "EUR"},
    "deferred_transactions": {"channel": "amazon", "snapshot_date": "2026-10-01", "transaction_id": "T1",
                              "category": "product_sales", "amount": "9.90", "currency": "EUR"},
    "stock_snapshots": {"snapshot_date": "2026-09-16", "location_id": "L1", "sku": "A-1", "quantity_on_hand": "-2",
                        "currency": "EUR"},
    "stock_movements": {"moved_at": NOON, "location_id": "L1", "sku": "A-1", "kind": "sale", "quantity": "-1",
                        "currency": "EUR"},
    "stock_counts": {"counted_at": NOON, "location_id": "L1", "sku": "A-1", "quantity": "5"},
    "fx_rates": {"rate_date": "2026-09-16", "from_currency": "USD", "to_currency": "EUR", "rate": "0.91234567"},
}  # fmt: skip

# What follows by itself (docs/settings.md, "follows by itself").
DEFAULTS: dict[str, dict[str, Any]] = {
    "bank_transactions": {"account": "DE-1"},
    "pos_sales": {"register": "-", "receipt_line_no": 1, "discount_amount": Decimal(0), "net_amount": Decimal(2)},
    "pos_tenders": {"register": "-", "tender_no": 1},
    "pos_shifts": {"register": "-", "paid_in_amount": Decimal(0), "paid_out_amount": Decimal(0), "closed_at": None},
    "products": {"is_active": True, "unit_cost": None},
    "orders": {"customer_id": None},
    "order_lines": {"order_line_no": 1},
    "payments": {"fee_amount": Decimal(0), "net_amount": Decimal("9.90")},
    "stock_counts": {"kind": "physical"},
    "vouchers": {
        "voucher_line_no": 1,
        "business_date": date(2026, 9, 16),
        "channel": None,
        "location": None,
        "memo": None,
    },
    "deferred_transactions": {"account": "DE-1", "transaction_line_no": 1, "order_id": None, "transaction_date": None},
}
DATED = [name for name, o in OBJECTS.items() if "business_date" in o.table.column_names and o.instant]


def source_of(object_name: str, columns: Mapping[str, Any] | None = None, **changes: Any) -> Source:
    """A source that reads each canonical column from a file column of its name, under a name of its own."""
    declared = {name: name for name in MINIMAL[object_name]} | dict(columns or {})
    values: dict[str, Any] = {
        "name": f"s{next(_names)}",
        "connector": "declared_csv",
        "object": object_name,
        "account": "DE-1",
        "date_format": "%Y-%m-%d %H:%M",
        "columns": declared,
    }
    return Source(**(values | changes))


def file_of(*rows: Mapping[str, str], delimiter: str = ",") -> bytes:
    """A CSV of these rows; cells are quoted where they hold the delimiter."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    return "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in line) + "\n" for line in lines
    ).encode()


def rows_of(bench: LoadBench, source: Source, *columns: str) -> list[tuple[Any, ...]]:
    """Canonical rows of the source, in the order of their keys."""
    return bench.connection.execute(
        f"select {', '.join(columns)} from canonical.{source.object} where source = ? order by all", [source.name]
    ).fetchall()


def only(bench: LoadBench, object_name: str, row: Mapping[str, str], *columns: str, **source: Any) -> tuple[Any, ...]:
    """Load one row over the minimal one and return what became of it."""
    declared = source_of(object_name, {name: name for name in row} | source.pop("columns", {}), **source)
    outcome = bench.deliver(file_of(MINIMAL[object_name] | row), declared)
    assert (outcome.status, outcome.rejected_count) == ("loaded", 0), (outcome.reason, bench.rejected(outcome))
    (found,) = rows_of(bench, declared, *columns)
    return found


def test_every_object_is_in_this_contract() -> None:
    """A new object needs its minimal row here."""
    assert MINIMAL.keys() == OBJECTS.keys()


@pytest.mark.parametrize("name", OBJECTS)
def test_the_minimal_block_loads_a_row(bench: LoadBench, name: str) -> None:
    """What is declared stands in the row, what is not follows by itself or is empty."""
    wanted = DEFAULTS.get(name, {})
    assert only(bench, name, {}, "line_no", *wanted) == (2, *wanted.values())


@pytest.mark.parametrize(("name", "column"), [(name, c) for name, o in OBJECTS.items() for c in o.required])
def test_each_required_column_is_asked_for(bench: LoadBench, name: str, column: str) -> None:
    """A block without it is refused, naming it."""
    source = source_of(name)
    lacking = source.model_copy(update={"columns": {k: v for k, v in source.columns.items() if k != column}})
    outcome = bench.deliver(file_of(MINIMAL[name]), lacking)
    assert (outcome.status, column in outcome.reason) == ("refused", True)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_newer_delivery_replaces_the_group_whole(bench: LoadBench, name: str, newest_first: bool) -> None:
    """The older file held two rows of the group, the newer one holds the first alone: one row is left, in either order."""
    source = source_of(name, {key: key for key in OBJECTS[name].table.key if key in OBJECTS[name].declarable})
    extra = _second_row(name)
    first = MINIMAL[name] | _keys(name)
    contents = {1: file_of(first, first | extra), 2: file_of(first)}
    for order in (2, 1) if newest_first else (1, 2):
        assert bench.deliver(contents[order], source, order=5000 + order).rejected_count == 0
    found = bench.connection.execute(
        f"select delivery_id from canonical.{name} where source = ?", [source.name]
    ).fetchall()
    alone = name == "customers" or set(extra) & set(
        OBJECTS[name].table.group
    )  # then the second row is a group of its own and stays
    assert len(found) == (2 if alone else 1)


def _keys(name: str) -> dict[str, str]:
    """Values for the key columns that the minimal row leaves to defaults."""
    wanted = OBJECTS[name]
    values = {
        "receipt_line_no": "1",
        "voucher_line_no": "1",
        "transaction_line_no": "1",
        "tender_no": "1",
        "order_line_no": "1",
        "register": "K1",
        "account": "DE-1",
        "payout_no": "1",
        "transaction_id": "T1",
        "payment_id": "T1",
        "fulfilment_id": "T1",
        "return_id": "T1",
        "movement_id": "T1",
        "event_id": "T1",
    }
    return {key: values[key] for key in wanted.table.key if key in values and key in wanted.declarable}


def _second_row(name: str) -> dict[str, str]:
    """What makes a second row beside the minimal one: another value of the last column of the key."""
    last = OBJECTS[name].table.key[-1]
    if last == "customer_id":
        return {"customer_number": "2"}
    others = {"counted_at": "2026-09-16 13:00", "valid_from": "2026-09-17", "to_currency": "GBP"}
    return {last: others.get(last, "2")}


def test_a_snapshot_of_another_place_or_day_stays(bench: LoadBench) -> None:
    """Only location and day of the newer snapshot are replaced."""
    source = source_of("stock_snapshots")
    row = MINIMAL["stock_snapshots"]
    bench.deliver(file_of(row, row | {"location_id": "L2"}, row | {"snapshot_date": "2026-09-15"}), source)
    bench.deliver(file_of(row | {"sku": "A-2"}), source)
    assert rows_of(bench, source, "cast(snapshot_date as varchar)", "location_id", "sku") == [
        ("2026-09-15", "L1", "A-1"), ("2026-09-16", "L1", "A-2"), ("2026-09-16", "L2", "A-1"),
    ]  # fmt: skip


def test_two_accounts_with_the_same_ids_stay_apart(bench: LoadBench) -> None:
    """Banks number each account by itself."""
    source = source_of("bank_transactions", {"account": "account", "transaction_id": "transaction_id"})
    row = MINIMAL["bank_transactions"] | {"transaction_id": "1"}
    for account in ("A", "B"):
        bench.deliver(file_of(row | {"account": account}), source)
    assert rows_of(bench, source, "account", "transaction_id") == [("A", "1"), ("B", "1")]


def test_a_row_without_the_banks_id_is_known_by_its_content(bench: LoadBench) -> None:
    """Some banks number payments and leave fees without a number."""
    source = source_of("bank_transactions", {"transaction_id": "transaction_id"})
    row = MINIMAL["bank_transactions"]
    bench.deliver(file_of(row | {"transaction_id": "T1"}, row, row), source)
    ids = [transaction_id for (transaction_id,) in rows_of(bench, source, "transaction_id")]
    assert [identity[:7] for identity in ids] == ["T1", "content", "content"]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "pair",
    [
        ({"order_id": "x"}, {"payout_id": "x"}),
        ({"order_id": "a|b", "payout_id": "c"}, {"order_id": "a", "payout_id": "b|c"}),
    ],
)
def test_rows_that_read_alike_in_a_row_are_two(bench: LoadBench, pair: tuple[dict[str, str], ...]) -> None:
    """An empty cell, or a separator inside one, does not make two payments one."""
    source = source_of("payments", {"order_id": "order_id", "payout_id": "payout_id"})
    outcome = bench.deliver(file_of(*(MINIMAL["payments"] | row for row in pair)), source)
    assert (outcome.accepted_count, outcome.rejected_count) == (2, 0)


def test_equal_rows_stay_as_many_as_they_are_and_case_matters(bench: LoadBench) -> None:
    """Two equal lines are two sales; 15056BL and 15056bl are two articles."""
    source = source_of("pos_sales", {"sku": "sku"})
    row = MINIMAL["pos_sales"]
    bench.deliver(file_of(*(row | {"sku": sku} for sku in ("15056BL", "15056bl", "15056bl"))), source)
    assert rows_of(bench, source, "receipt_line_no", "sku") == [(1, "15056BL"), (2, "15056bl"), (3, "15056bl")]


@pytest.mark.parametrize(("ended", "accepted"), [(True, 1), (False, 2)])
def test_an_unterminated_last_line(bench: LoadBench, ended: bool, accepted: int) -> None:
    """It may be cut off: 12 may have been 120. Rejected, unless the source never ends its lines."""
    row = MINIMAL["bank_transactions"]
    outcome = bench.deliver(
        file_of(row, row).removesuffix(b"\n"), source_of("bank_transactions", last_line_ended=ended)
    )
    assert (outcome.accepted_count, outcome.rejected_count) == (accepted, 2 - accepted)
    if ended:
        assert [(line, name) for line, name, *_ in bench.rejected(outcome)] == [(3, "line")]


ARITHMETIC = {
    "product": ("[a] * [b]", {"a": "2", "b": "1.25"}, "2.50"),
    "over_a_million": ("[a] * [b]", {"a": "1000", "b": "98765.43"}, "98765430"),
    "largest": ("[a] * [b]", {"a": "99999999", "b": "999999.99"}, "99999998000000.01"),
    "twice_minus": ("[a]--[b]", {"a": "1", "b": "2"}, "3"),
    "minus_minus_brackets": ("-(-[a]) - (- [b])", {"a": "1", "b": "2"}, "3"),
    "precedence": ("[a] + [b] * 2", {"a": "1", "b": "2"}, "5"),
    "brackets": ("([a] + [b]) * 2", {"a": "1", "b": "2"}, "6"),
    "two_products": ("[a] * [b] - [b] * 0.5", {"a": "3", "b": "2"}, "5"),
    "three_factors": ("[a] * [b] * 1.19", {"a": "3", "b": "2.35"}, "8.39"),
    "half_up": ("[a] * [b]", {"a": "0.333", "b": "12.50"}, "4.16"),
    "half_away": ("[a] * [b]", {"a": "-1", "b": "0.125"}, "-0.13"),
    "constant_first": ("0.5 * [a]", {"a": "3"}, "1.5"),
    "name_with_signs": ("[Net + tax (EUR)] - 1", {"Net + tax (EUR)": "3"}, "2"),
}


@pytest.mark.parametrize("case", ARITHMETIC)
def test_arithmetic(bench: LoadBench, case: str) -> None:
    """Worked by hand; money is rounded half away from zero to the cent."""
    expression, cells, wanted = ARITHMETIC[case]
    assert _computed(bench, expression, cells) == (Decimal(wanted),)


def _computed(bench: LoadBench, expression: str, cells: dict[str, str], currency: str = "EUR") -> tuple[Any, ...]:
    source = source_of("bank_transactions", {"amount": expression})
    outcome = bench.deliver(file_of(MINIMAL["bank_transactions"] | {"currency": currency} | cells), source)
    assert outcome.rejected_count == 0, (outcome.reason, bench.rejected(outcome))
    (found,) = rows_of(bench, source, "amount")
    return found


@pytest.mark.parametrize(("currency", "wanted"), [("JPY", "2"), ("EUR", "2.50"), ("KWD", "2.499"), ("CLF", "2.4988")])
def test_a_computed_amount_has_the_currencys_digits(bench: LoadBench, currency: str, wanted: str) -> None:
    """2.49875: the same product in currencies of 0, 2, 3 and 4 digits."""
    assert _computed(bench, "[a] * [b]", {"a": "1.25", "b": "1.999"}, currency) == (Decimal(wanted),)


@pytest.mark.parametrize("cells", [{"a": "x", "b": "1"}, {"a": "", "b": "1"}, {"a": "999999999999", "b": "999999999999"},
                                   {"a": "1e3", "b": "1"}])  # fmt: skip
def test_what_cannot_be_computed_rejects_its_row(bench: LoadBench, cells: dict[str, str]) -> None:
    """Text, nothing, or more digits than an amount has: the row is named with its cells, the others load."""
    source = source_of("bank_transactions", {"amount": "[a] * [b]"})
    row = MINIMAL["bank_transactions"]
    outcome = bench.deliver(file_of(row | cells, row | {"a": "2", "b": "3"}), source)
    ((line, column, value, _),) = bench.rejected(outcome)
    assert (line, column, value) == (2, "amount", f"{cells['a']} and {cells['b']}")
    assert rows_of(bench, source, "amount") == [(Decimal(6),)]


WRONG = {
    "ends_early": ("[a] *", "ends where"),
    "empty": ("[a] + ()", "where a column or a number is missing"),
    "call": ("[a] (2)", r"stands where \+ - \* may"),
    "open_bracket": ("([a] + 1", "bracket is not closed"),
    "division": ("[a] / 2", "no .column., number or one of"),
    "power": ("[a] ** 2", "is missing"),
    "sql": ("[a]; drop table x", "no .column., number or one of"),
    "comment": ("[a] /* x */", "no .column., number or one of"),
    "four_factors": ("[a] * [a] * [a] * [a]", "more than 3"),
    "endless": ("[a]" + " + [a]" * 60, "at most 100 parts"),
    "unknown_column": ("[a] + [nothing]", "no column 'nothing'"),
    "constant_no_number": ("=1,50", "is no number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_expression_is_refused_in_words(bench: LoadBench, case: str) -> None:
    """The block is to blame, and the message says where in it."""
    expression, words = WRONG[case]
    source = source_of("bank_transactions", {"amount": expression})
    outcome = bench.deliver(file_of(MINIMAL["bank_transactions"] | {"a": "1"}), source)
    assert outcome.status == "refused"
    assert re.search(words, outcome.reason), outcome.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"columns": {"kind": {"from": "kind", "patterns": [["(", "sale"]]}}}, "not understood"),
        ({"columns": {"kind": {"from": "kind", "patterns": [["^(?!x)", "sale"]]}}}, "not understood"),
        ({"date_format": "%Y-%m-%d %Q"}, "date_format: '%Y-%m-%d %Q' is not understood"),
        ({"columns": {"quantity": {"from": "[quantity] * 2", "otherwise": "1"}}}, "cannot be translated"),
    ],
)
def test_a_block_that_the_engine_does_not_understand(bench: LoadBench, changes: dict[str, Any], words: str) -> None:
    """Words, not an error of the database; other files load."""
    source = source_of("pos_sales", **changes)
    outcome = bench.deliver(file_of(MINIMAL["pos_sales"]), source)
    assert outcome.status == "refused"
    assert words in outcome.reason


def test_words_are_translated_and_unknown_ones_named(bench: LoadBench) -> None:
    """R is a return by its word, C... by its pattern; a word that is in no list rejects its row and is shown."""
    kind = {"from": "kind", "values": {"S": "sale", "R": "return"}, "patterns": [["^C", "return"]]}
    source = source_of("pos_sales", {"kind": kind, "receipt_id": "receipt_id"})
    sold = MINIMAL["pos_sales"]
    back = sold | {"quantity": "-0.333", "gross_amount": "-2.14", "tax_amount": "-0.14"}
    words = {"S": sold, "R": back, "C77": back, "X": sold}
    rows = (row | {"kind": word, "receipt_id": word} for word, row in words.items())
    outcome = bench.deliver(file_of(*rows), source)
    assert rows_of(bench, source, "receipt_id", "kind") == [("C77", "return"), ("R", "return"), ("S", "sale")]
    assert [(line, column, value) for line, column, value, _ in bench.rejected(outcome)] == [(5, "kind", "X")]


def test_an_untranslated_word_is_never_dropped_in_silence(bench: LoadBench) -> None:
    """Also where the column may be empty: only what is empty, or translated to nothing, is empty."""
    source = source_of("products", {"unit": {"from": "unit", "values": {"Stk": "piece", "-": ""}}})
    rows = [{"sku": unit or "none", "currency": "EUR", "unit": unit} for unit in ("Stk", "-", "", "Karton")]
    outcome = bench.deliver(file_of(*rows), source)
    assert rows_of(bench, source, "sku", "unit") == [("-", None), ("Stk", "piece"), ("none", None)]
    assert [value for _, _, value, _ in bench.rejected(outcome)] == ["Karton"]


def test_texts_are_put_together(bench: LoadBench) -> None:
    """Two columns and what stands between them."""
    source = source_of("pos_sales", {"store": "S[shop]-[till]"})
    bench.deliver(file_of(MINIMAL["pos_sales"] | {"shop": "7", "till": "2"}), source)
    assert rows_of(bench, source, "store") == [("S7-2",)]


def test_constants_have_a_point_in_a_comma_file(bench: LoadBench) -> None:
    """The block is ours, the file is theirs: a rate of 0.19 is a rate in both."""
    source = source_of("pos_sales", {"tax_rate": "=0.19"}, delimiter=";")
    source = source.model_copy(update={"columns": {k: v for k, v in source.columns.items() if k != "tax_amount"}})
    row = MINIMAL["pos_sales"] | {"gross_amount": "1.190,00", "quantity": "1,5"}
    bench.deliver(file_of(row, delimiter=";"), source)
    assert rows_of(bench, source, "quantity", "tax_amount") == [(Decimal("1.5"), Decimal(190))]


@pytest.mark.parametrize("value", ["16.09.26", "1.1.0026", "31.02.2026", "2026/09/16"])
def test_days_that_are_not_as_declared_are_rejected(bench: LoadBench, value: str) -> None:
    """A year of two digits is not the year 26."""
    source = source_of("bank_transactions", date_format="%d.%m.%Y")
    outcome = bench.deliver(file_of(MINIMAL["bank_transactions"] | {"value_date": value}), source)
    assert [(column, shown) for _, column, shown, _ in bench.rejected(outcome)] == [("value_date", value)]


def test_days_beside_instants_with_an_offset(bench: LoadBench) -> None:
    """A payout's day has no clock: it is that day, whatever offset the instants carry."""
    cells = {"paid_at": "2026-09-16 23:30:00 +0400", "payout_date": "2026-09-18"}
    found = only(bench, "payments", cells, "paid_at", "payout_date", date_format="%Y-%m-%d %H:%M:%S %z")
    assert found == (datetime(2026, 9, 16, 19, 30, tzinfo=UTC), date(2026, 9, 18))


def test_days_written_like_the_instants(bench: LoadBench) -> None:
    """16.09.2026 12:00 and 18.09.2026 in one file: the day is the declared format without its time."""
    cells = {"paid_at": "16.09.2026 12:00", "payout_date": "18.09.2026"}
    assert only(bench, "payments", cells, "payout_date", date_format="%d.%m.%Y %H:%M") == (date(2026, 9, 18),)


def test_what_a_customer_saw_has_its_own_currency(bench: LoadBench) -> None:
    """1.234 KWD seen, paid out in EUR: three decimals are right."""
    cells = {"presentment_amount": "1.234", "presentment_currency": "KWD"}
    assert only(bench, "payments", cells, "presentment_amount") == (Decimal("1.234"),)


def test_a_customer_is_never_named(bench: LoadBench) -> None:
    """The same number gives the same pseudonym in both objects, and the number stands nowhere."""
    name = f"s{next(_names)}"
    found = []
    for object_name in ("customers", "orders"):
        row = MINIMAL[object_name] | {"customer_number": "max@example.org"}
        source = source_of(object_name, {"customer_number": "customer_number"}, name=name)
        bench.deliver(file_of(row), source)
        found += rows_of(bench, source, "customer_id")
    assert found[0] == found[1]
    assert re.fullmatch("[0-9a-f]{16}", found[0][0])


SHOWN = {
    "the same column": {"event_id": "gift_card_number"},
    "inside a text": {"event_id": "[kind]-[gift_card_number]"},
    "translated": {"event_id": {"from": "gift_card_number", "otherwise": "x"}},
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_is_hashed_is_read_by_no_other_column(bench: LoadBench, case: str) -> None:
    """The number of a gift card is money: a block that would keep it under another name is refused."""
    outcome = bench.deliver(file_of(MINIMAL["gift_card_events"]), source_of("gift_card_events", SHOWN[case]))
    assert (outcome.status, outcome.accepted_count) == ("refused", 0)
    assert "event_id must not read 'gift_card_number', of which only a hash is kept" in outcome.reason


@pytest.mark.parametrize("object_name", ["customers", "gift_card_events"])
def test_a_broken_line_does_not_show_what_is_hashed(bench: LoadBench, object_name: str) -> None:
    """It is rejected like any other, and its text stays in the raw archive alone."""
    outcome = bench.deliver(file_of(MINIMAL[object_name]) + b"5555\n", source_of(object_name))
    ((line, _, value, _),) = bench.rejected(outcome)
    assert (line, "5555" in value) == (3, False)


# (zone, local clock, hour the day starts) -> UTC, business date. 2026: Berlin changes on 29 March and 25 October, New York
# on 8 March and 1 November; worked by hand from the offsets.
CLOCKS = {
    "berlin_before_spring": ("Europe/Berlin", "2026-03-29 01:59", "00:00", "2026-03-29 00:59", "2026-03-29"),
    "berlin_after_spring": ("Europe/Berlin", "2026-03-29 03:00", "00:00", "2026-03-29 01:00", "2026-03-29"),
    "berlin_23_hours_end": ("Europe/Berlin", "2026-03-29 23:59", "00:00", "2026-03-29 21:59", "2026-03-29"),
    "berlin_25_hours_start": ("Europe/Berlin", "2026-10-25 00:00", "00:00", "2026-10-24 22:00", "2026-10-25"),
    "berlin_25_hours_end": ("Europe/Berlin", "2026-10-25 23:59", "00:00", "2026-10-25 22:59", "2026-10-25"),
    "berlin_night": ("Europe/Berlin", "2026-03-29 03:59", "04:00", "2026-03-29 01:59", "2026-03-28"),
    "berlin_opens": ("Europe/Berlin", "2026-03-29 04:00", "04:00", "2026-03-29 02:00", "2026-03-29"),
    "berlin_autumn_night": ("Europe/Berlin", "2026-10-25 03:59", "04:00", "2026-10-25 02:59", "2026-10-24"),
    "berlin_autumn_opens": ("Europe/Berlin", "2026-10-25 04:00", "04:00", "2026-10-25 03:00", "2026-10-25"),
    "new_york_23_hours_end": ("America/New_York", "2026-03-08 23:59", "00:00", "2026-03-09 03:59", "2026-03-08"),
    "new_york_25_hours_end": ("America/New_York", "2026-11-01 23:59", "00:00", "2026-11-02 04:59", "2026-11-01"),
    "new_york_night": ("America/New_York", "2026-11-01 03:59", "04:00", "2026-11-01 08:59", "2026-10-31"),
    "new_york_opens": ("America/New_York", "2026-11-01 04:00", "04:00", "2026-11-01 09:00", "2026-11-01"),
}


@pytest.mark.parametrize("name", DATED)
@pytest.mark.parametrize("case", CLOCKS)
def test_the_local_day_owns_the_event(bench: LoadBench, name: str, case: str) -> None:
    """On days of 23 and 25 hours too, and where the store's day begins at four."""
    zone, local, starts, utc, day = CLOCKS[case]
    instant = next(c.name for c in OBJECTS[name].table.columns if c.sql_type == "timestamp with time zone")
    found = only(bench, name, {instant: local}, f"strftime({instant}, '%Y-%m-%d %H:%M')", "cast(business_date as varchar)",
                 time_zone=zone, day_starts_at=starts)  # fmt: skip
    assert found == (utc, day)


def test_each_store_has_its_clock(bench: LoadBench) -> None:
    """23:30 in New York and in Berlin; a store that is not listed has the source's zone."""
    source = source_of(
        "pos_sales", time_zone="Europe/London", time_zones={"NY": "America/New_York", "B": "Europe/Berlin"}
    )
    row = MINIMAL["pos_sales"] | {"sold_at": "2026-09-16 23:30"}
    bench.deliver(file_of(*(row | {"store": store} for store in ("NY", "B", "LON"))), source)
    assert rows_of(bench, source, "store", "strftime(sold_at, '%d %H:%M')", "cast(business_date as varchar)") == [
        ("B", "16 21:30", "2026-09-16"), ("LON", "16 22:30", "2026-09-16"), ("NY", "17 03:30", "2026-09-16"),
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", ['"', "\n", "a", " "])
def test_a_delimiter_that_cannot_be_one(delimiter: str) -> None:
    """Told when the settings are read, before any file comes."""
    with pytest.raises(ValueError, match="cannot stand between"):
        source_of("products", delimiter=delimiter)


def test_a_broken_header_is_refused(bench: LoadBench) -> None:
    """A quote that never ends in the first line."""
    outcome: Outcome = bench.deliver(b'"sku,currency\nA,EUR\n', source_of("products"))
    assert outcome.status == "refused"
