"""A bank statement declared in the settings: read as declared, row by row, overlapping exports as one set of rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home, Source
from retail_sync_tests.connectors.loading_bench import LoadBench, canonical_rows

_HEADER = "Date,Account,Amount,Currency,Description"


def bank(**changes: Any) -> Source:
    """A declared source; each test gets an account of its own so that rows do not meet."""
    columns = {
        "value_date": "Date", "account": "Account", "amount": "Amount", "currency": "Currency", "reference": "Description",
    }  # fmt: skip
    values: dict[str, Any] = {
        "name": "bank",
        "connector": "declared_csv",
        "object": "bank_transactions",
        "date_format": "%Y-%m-%d",
        "columns": columns | changes.pop("columns", {}),
    }
    return Source(**(values | changes))


def statement(*lines: str, header: str = _HEADER) -> bytes:
    """A statement of these lines."""
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


READ = ("line_no", "account", "value_date", "amount", "currency", "reference")
DAY = date(2026, 9, 16)


def test_a_statement_is_read_as_declared(bench: LoadBench) -> None:
    """Date, account, amount, currency and text of each line, money in positive."""
    document = bench.deliver(
        statement("2026-09-16,DE-1,20.82,EUR,AMAZON PAYMENTS", "2026-09-16,DE-1,-5,EUR,Card fee"), bank()
    )
    assert bench.bank(document, *READ) == [
        (2, "DE-1", DAY, Decimal("20.82"), "EUR", "AMAZON PAYMENTS"),
        (3, "DE-1", DAY, Decimal("-5.00"), "EUR", "Card fee"),
    ]
    assert (document.is_complete, document.delivered_count) == (True, 2)


def test_quotes_delimiters_and_constants(bench: LoadBench) -> None:
    """A delimiter inside quotes is text; what a file does not say can be a constant of the source."""
    source = bank(
        delimiter=";",
        date_format="%d.%m.%Y",
        columns={
            "value_date": "Buchung",
            "amount": "Betrag",
            "account": "=DE-2",
            "currency": "=EUR",
            "reference": "Text",
        },
    )
    content = statement(
        '16.09.2026;"1.020,82";"AMAZON; ""EU"" S.à r.l."',
        "16.09.2026;-0,50;",
        header="Buchung;Betrag;Text",
    )
    assert bench.bank(bench.deliver(content, source), *READ[1:]) == [
        ("DE-2", DAY, Decimal("1020.82"), "EUR", 'AMAZON; "EU" S.à r.l.'),
        ("DE-2", DAY, Decimal("-0.50"), "EUR", ""),
    ]


def test_the_sources_account_stands_in_for_a_missing_one(bench: LoadBench) -> None:
    """Without an account in the file it is the one the source declares."""
    declared = bank(account="DE-3")
    source = declared.model_copy(
        update={"columns": {name: file for name, file in declared.columns.items() if name != "account"}}
    )
    document = bench.deliver(statement("2026-09-16,1.00,EUR,x", header="Date,Amount,Currency,Description"), source)
    assert bench.bank(document, "account") == [("DE-3",)]


def test_columns_that_are_not_declared_may_be_anything(bench: LoadBench) -> None:
    """A balance column, or columns in another order, change nothing: fields are found by name."""
    content = statement("77.00,x,EUR,1.00,DE-4,2026-09-16", header="Balance,Description,Currency,Amount,Account,Date")
    assert bench.bank(bench.deliver(content, bank()), *READ[1:]) == [("DE-4", DAY, Decimal("1.00"), "EUR", "x")]


REFUSED = {
    "missing_column": (statement("x", header="Date,Account,Currency,Description"), "no column 'Amount'"),
    "declared_column_twice": (statement("2026-09-16,D,1.00,2.00,EUR,x", header="Date,Account,Amount,Amount,Currency,Description"),
                              "'Amount'.* twice"),
    "mixed_marks": (statement('2026-09-16,D,"1,50",EUR,x', "2026-09-16,D,2.50,EUR,x"), "decimal point .* decimal comma"),
    "unclear_mark": (statement('2026-09-16,D,"1,234",EUR,x'), "thousands or decimals"),
    "open_quote": (statement('2026-09-16,D,1.00,EUR,"x', "2026-09-17,D,2.00,EUR,y"), "CSV is broken"),
    "text_after_quote": (statement('2026-09-16,D,1.00,EUR,"x"y'), "CSV is broken"),
    "huge_cell": (statement(f"2026-09-16,D,1.00,EUR,{'x' * 200_000}"), "CSV is broken"),
    "empty": (b"", "empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_statement_that_is_not_as_declared_is_refused(bench: LoadBench, case: str) -> None:
    """Reading the wrong column as the amount, or half a broken file, would put money where none is."""
    content, words = REFUSED[case]
    document = bench.deliver(content, bank())
    assert document.status == "refused"
    assert re.search(words, document.reason), document.reason


def test_a_statement_without_bookings_is_no_fault(bench: LoadBench) -> None:
    """A bank account may rest for a day: a header alone is a statement of nothing (faults.md, 26)."""
    document = bench.deliver(statement(), bank())
    assert (document.status, document.is_complete, document.delivered_count) == ("loaded", True, 0)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("$1,234.50", "1234.50"),
        ("-$5.00", "-5.00"),
        ("$-5.00", "-5.00"),
        ("($12.00)", "-12.00"),
        ("(12.00)", "-12.00"),
        ("12.00-", "-12.00"),
        ("\u22125.00", "-5.00"),  # a minus as typesetters write it
        ("€ 1.234,50", "1234.50"),
        ("1 234,56 €", "1234.56"),
        ("1\u202f234\u00a0567,89", "1234567.89"),  # blanks that do not break, between groups of thousands
    ],
)
def test_an_amount_is_read_as_accounting_programs_write_it(bench: LoadBench, written: str, amount: str) -> None:
    """Currency sign, brackets, a minus behind, blanks between groups: decoration of a number, and nothing to guess."""
    document = bench.deliver(statement(f'2026-09-16,D,"{written}",EUR,x'), bank())
    assert bench.bank(document, "amount") == [(Decimal(amount),)]


REJECTED = {
    "other_date_format": ("16.09.2026,D,1.00,EUR,x", "value_date"),
    "no_such_day": ("2026-09-31,D,1.00,EUR,x", "value_date"),
    "short_row": ("2026-09-16,D,1.00,EUR", "line"),
    "long_row": ("2026-09-16,D,1.00,EUR,x,y", "line"),
    "no_amount": ("2026-09-16,D,,EUR,x", "amount"),
    "exponent": ("2026-09-16,D,1e3,EUR,x", "amount"),
    "two_signs": ("2026-09-16,D,-(1.00),EUR,x", "amount"),
    "open_bracket": ("2026-09-16,D,(1.00,EUR,x", "amount"),
    "percent": ("2026-09-16,D,1.00%,EUR,x", "amount"),
    "blank_in_cents": ("2026-09-16,D,1. 00,EUR,x", "amount"),
    "a_dash_for_nothing": ("2026-09-16,D,-,EUR,x", "amount"),
    "too_many_decimals": ("2026-09-16,D,1.005,EUR,x", "amount"),
    "fraction_of_a_yen": ("2026-09-16,D,100.5,JPY,x", "amount"),
    "no_currency": ("2026-09-16,D,1.00,,x", "currency"),
    "currency_sign": ("2026-09-16,D,1.00,€,x", "currency"),
    "line_break_in_text": ('2026-09-16,D,1.00,EUR,"x\ny"', "reference"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_a_row_that_cannot_be_read_is_named(bench: LoadBench, case: str) -> None:
    """The bad row is rejected with its line; the good ones around it count."""
    line, column = REJECTED[case]
    document = bench.deliver(
        statement(f"2026-09-15,{case},7.25,EUR,before", line, f"2026-09-17,{case},8.25,EUR,after"), bank()
    )
    assert [(number, name) for number, name, *_ in bench.rejected(document)] == [(3, column)]
    assert bench.bank(document, "amount") == [(Decimal("7.25"),), (Decimal("8.25"),)]
    assert (document.is_complete, document.rejected_count) == (False, 1)


def test_a_day_that_was_declared_otherwise_says_how(bench: LoadBench) -> None:
    """The remedy is a setting, so the reason names it."""
    document = bench.deliver(statement("17.09.2026,D,1.00,EUR,declared otherwise"), bank())
    assert [row[1:] for row in bench.rejected(document)] == [
        ("value_date", "17.09.2026", "cannot be read as a day (date_format %Y-%m-%d)")
    ]


def test_line_numbers_count_the_breaks_inside_quotes(bench: LoadBench) -> None:
    """After a cell of two lines the next row is where an editor shows it."""
    content = statement('2026-09-16,L,1.00,EUR,"x\ny"', "", "2026-09-16,L,oops,EUR,x", "2026-09-16,L,2.50,EUR,x")
    document = bench.deliver(content, bank())
    assert [(number, name) for number, name, *_ in bench.rejected(document)] == [(2, "reference"), (5, "amount")]
    assert bench.bank(document, "line_no") == [(6,)]


def test_decimals_that_are_zero_lose_nothing(bench: LoadBench) -> None:
    """Some banks write four decimals always: 10.5000 EUR is 10.50, and 100.00 JPY is 100."""
    document = bench.deliver(statement("2026-09-16,Z,10.5000,EUR,x", "2026-09-16,Z,100.00,JPY,x"), bank())
    assert bench.bank(document, "amount") == [(Decimal("10.50"),), (Decimal(100),)]


def test_overlapping_exports_are_one_set_of_rows(bench: LoadBench) -> None:
    """Statements are exported again with days in common: what is in both is one row, and two equal payments stay two."""
    monday = "2026-09-14,O,5.00,EUR,Refill"
    tuesday = ("2026-09-15,O,7.00,EUR,Coffee", "2026-09-15,O,7.00,EUR,Coffee", "2026-09-15,O,9.00,EUR,Tea")
    wednesday = "2026-09-16,O,8.00,EUR,Cake"
    first = bench.deliver(statement(monday, *tuesday), bank())
    second = bench.deliver(statement(*tuesday, wednesday), bank())
    found = bench.connection.execute(
        "select value_date, amount, reference from canonical.bank_transactions where account = 'O' order by all"
    ).fetchall()
    assert [f"{day},O,{amount:.2f},EUR,{reference}" for day, amount, reference in found] == [
        monday,
        *tuesday,
        wednesday,
    ]
    assert (len(bench.bank(first, "amount")), len(bench.bank(second, "amount"))) == (1, 4)


@pytest.mark.parametrize("first", [0, 1])
def test_overlapping_exports_in_either_order_of_loading(bench: LoadBench, first: int) -> None:
    """The newer export owns a shared row whichever is loaded first (DESIGN section 9)."""
    account = f"P{first}"
    contents = [
        statement(f"2026-09-14,{account},{n}.25,EUR,own", f"2026-09-15,{account},7.00,EUR,shared") for n in (1, 2)
    ]
    outcomes = {place: bench.deliver(contents[place], bank(), order=1000 + place) for place in (first, 1 - first)}
    assert bench.bank(outcomes[0], "reference") == [("own",)]
    assert bench.bank(outcomes[1], "reference") == [("own",), ("shared",)]


def test_the_banks_own_id_identifies_a_row(bench: LoadBench) -> None:
    """With an id a corrected text or amount replaces the row.

    The same id twice in one file is a fault of that file: which of the two is right nobody knows, so the row of the earlier
    file stays.
    """
    source = bank(columns={"transaction_id": "Id"})
    header = f"Id,{_HEADER}"
    first = bench.deliver(statement("T1,2026-09-16,I,1.00,EUR,x", "T2,2026-09-16,I,2.00,EUR,x", header=header), source)
    second = bench.deliver(
        statement(
            "T1,2026-09-16,I,1.10,EUR,x",
            "T1,2026-09-16,I,3.00,EUR,again",
            "T2,2026-09-16,I,2.10,EUR,corrected",
            header=header,
        ),
        source,
    )
    assert bench.bank(first, "transaction_id", "amount") == [("T1", Decimal("1.00"))]
    assert bench.bank(second, "transaction_id", "amount") == [("T2", Decimal("2.10"))]
    assert [(line, column) for line, column, *_ in bench.rejected(second)] == [(3, "transaction_id")]
    assert "second time" in bench.rejected(second)[0][3]


BLOCKS = {
    "date_format": ({"date_format": "auto"}, "date_format must be declared"),
    "object": ({"object": "shoes"}, "object 'shoes' is not known"),
    "unknown_column": ({"columns": {"iban": "IBAN"}}, "no use for iban"),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_a_block_that_cannot_work_is_told_of_by_its_source(bench: LoadBench, case: str) -> None:
    """The file is not to blame: the message names the source and what its block lacks."""
    changes, words = BLOCKS[case]
    outcome = bench.deliver(statement("2026-09-16,D,1.00,EUR,x"), bank(**changes))
    assert outcome.status == "refused"
    assert re.search(f"source bank: .*{words}", outcome.reason)


def test_next_months_statement_makes_nothing_good(make_home: Callable[..., Home]) -> None:
    """Every month's download is called statement.csv: February's says nothing about what January's was refused for."""
    pipeline = Pipeline(make_home(), "test")

    def deliver(name: str, content: bytes) -> list[tuple[str, str]]:
        (pipeline.home.root / name).write_bytes(content)
        pipeline.ingest([str(pipeline.home.root / name)], "bank")
        pipeline.load()
        return [(problem.code, problem.subject) for problem in pipeline.exceptions.open()]

    refused = [("delivery_refused", "bank/statement.csv")]
    assert deliver("statement.csv", b"<html>Please sign in</html>\n") == refused
    assert deliver("statement.csv", statement("2026-02-15,D,7.25,EUR,x")) == refused
    (problem,) = pipeline.exceptions.open()
    mark = hashlib.sha256(b"<html>Please sign in</html>\n").hexdigest()[:8]
    assert f"statement-{mark}.csv" in problem.remedy
    assert deliver(f"January {mark}.csv", statement("2026-01-15,D,8.25,EUR,y")) == []

    unread = [("delivery_rows_rejected", "bank/statement.csv")]
    assert deliver("statement.csv", statement("2026-03-15,D,1.00,EUR,x", "2026-03-16,D,?,EUR,y")) == unread
    assert deliver("statement.csv", statement("2026-04-15,D,2.00,EUR,x")) == unread
    assert deliver("march.csv", statement("2026-03-15,D,1.00,EUR,x", "2026-03-16,D,3.00,EUR,y")) == []


def test_a_rejected_bank_row_is_reported_until_it_comes_right(make_home: Callable[..., Home]) -> None:
    """No settlement's break tells of a bank row: without an exception a lost deposit would look like a late one."""
    pipeline = Pipeline(make_home(), "test")
    file = pipeline.home.root / "september.csv"
    for amount, open_codes in (("20,82,1", ["delivery_rows_rejected"]), ("20.82", [])):
        file.write_bytes(statement("2026-09-15,D,7.25,EUR,x", f'2026-09-16,D,"{amount}",EUR,AMAZON'))
        pipeline.ingest([str(file)], "bank")
        pipeline.load()
        assert [problem.code for problem in pipeline.exceptions.open()] == open_codes
        for problem in pipeline.exceptions.open():
            assert "september.csv" in str(problem.message)
            assert "line 3, amount" in str(problem.message)
    amounts = {line[3] for line in canonical_rows(pipeline)["bank_transactions"]}
    assert amounts == {Decimal("7.25"), Decimal("20.82")}
