"""The embedded ledger's database refuses what must not happen, whoever asks: everything by raw SQL.

Each test is a way in which books have been falsified or spoilt by a writer that is not our code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.embedded_schema import line
from retail_sync.schemas.journal import EntryLine
from retail_sync_tests.ledger.bookkeeping import CHART, OCTOBER_14, Books, post_all, reversal, sale
from retail_sync_tests.ledger.raw_sql import (
    now,
    write_closing,
    write_entry,
    write_lines,
    write_seal,
    write_whole,
)

BALANCED = (("1000", 100), ("4000", -100))


@pytest.fixture
def stranger(books: Books, ledger: EmbeddedLedger) -> Iterator[Engine]:
    """Somebody else's connections to a ledger that holds settlement 1 and its reversal, and 2."""
    post_all(ledger, [sale(1), reversal(sale(1)), sale(2)])
    engine = books.stranger()
    yield engine
    engine.dispose()


@pytest.fixture
def sql(stranger: Engine) -> Iterator[Connection]:
    """One open transaction of the stranger, rolled back at the end."""
    with stranger.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "update entry set memo = 'paid' where id = 1",
        "update entry set key = 'free#1' where id = 1",
        "update line set home_minor = home_minor * 2",
        "update line set account = '1000' where entry_id = 1 and line_no = 1",
        "update seal set line_count = 9",
        "update period_event set action = 'reopen'",
        "delete from entry where id = 3",
        "delete from line where entry_id = 3",
        "delete from seal where entry_id = 3",
        "delete from period_event",
    ],
)
def test_what_is_booked_is_never_changed_or_deleted(ledger: EmbeddedLedger, sql: Connection, statement: str) -> None:
    """Corrections are reversals: history stays."""
    ledger.close_period("2026-09", "Ann", "books signed")
    with pytest.raises(DBAPIError, match="never changed or deleted"):
        sql.execute(text(statement))


@pytest.mark.parametrize("table", ["entry", "line", "seal", "period_event", "account"])
def test_no_table_is_emptied_at_once(books: Books, sql: Connection, table: str) -> None:
    """TRUNCATE fires no row triggers."""
    if books.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="never changed or deleted"):
        sql.execute(text(f"truncate {table} cascade"))


@pytest.mark.parametrize(
    "statement",
    [
        "insert or replace into entry select id + 3, key, token || 'x', body_hash, posting_date,"
        " memo, null, (select hash from entry where id = 3), body_hash, recorded_at from entry"
        " where id = 1",
        "insert or replace into entry select * from entry where id = 1",
        "insert or replace into line select entry_id, line_no, account, 1, 'USD', 1, 'USD', rate,"
        " role, channel, location, tax_code, memo from line where entry_id = 1",
        "insert or replace into seal select * from seal",
        "insert or replace into period_event select * from period_event",
        "update or replace entry set key = 'settlement:1#1' where id = 3",
        "update or ignore line set home_minor = 0",
    ],
)
def test_replacing_a_row_is_changing_it(ledger: EmbeddedLedger, books: Books, sql: Connection, statement: str) -> None:
    """SQLite's REPLACE deletes the row in its way without firing a delete trigger."""
    if not books.is_sqlite:
        pytest.skip("only SQLite has INSERT OR REPLACE")
    ledger.close_period("2026-09", "Ann", "books signed")
    with pytest.raises(DBAPIError, match="ledger refused"):
        sql.execute(text(statement))


@pytest.mark.parametrize(
    "legs",
    [
        (("1000", 100), ("4000", -99)),
        (("1000", 100), ("4000", 100)),
        (("1000", 0),),
        (),
    ],
)
def test_an_entry_that_does_not_balance_is_never_sealed(sql: Connection, legs: tuple) -> None:
    """Also one line of nothing, and no line at all, are not double entry."""
    with pytest.raises(DBAPIError, match=r"\[unbalanced\]"):
        write_whole(sql, legs)


def test_two_home_currencies_never_balance(sql: Connection) -> None:
    """100 dollars against 100 yen sum to zero as numbers only."""
    number = write_entry(sql)
    write_lines(sql, number, [("1000", 100)])
    write_lines(sql, number, [("4000", -100)], first=2, currency="JPY")
    with pytest.raises(DBAPIError, match=r"\[unbalanced\]"):
        write_seal(sql, number, 2)


def test_an_entry_without_its_seal_is_not_committed(stranger: Engine) -> None:
    """A writer that stops half way leaves nothing."""
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), stranger.begin() as connection:
        write_lines(connection, write_entry(connection), BALANCED)
    with stranger.connect() as connection:
        assert connection.scalar(text("select count(*) from entry")) == 3


def test_no_line_is_added_after_the_seal(sql: Connection) -> None:
    """Two more lines that balance would still change what was booked."""
    with pytest.raises(DBAPIError, match=r"\[sealed\]"):
        write_lines(sql, 3, BALANCED, first=4)


@pytest.mark.parametrize(("first", "line_count"), [(1, 3), (2, 2)])
def test_a_seal_counts_the_lines_from_one(sql: Connection, first: int, line_count: int) -> None:
    """A missing first line or a wrong count would let a lost line go unseen."""
    number = write_entry(sql)
    write_lines(sql, number, BALANCED, first=first)
    with pytest.raises(DBAPIError, match=r"\[malformed\]"):
        write_seal(sql, number, line_count)


def test_lines_and_seals_belong_to_an_entry(sql: Connection) -> None:
    """The triggers look for it themselves: SQLite checks foreign keys only for who asks."""
    savepoint = sql.begin_nested()
    with pytest.raises(DBAPIError, match="belongs to no entry"):
        write_lines(sql, 99, BALANCED)
    savepoint.rollback()
    with pytest.raises(DBAPIError, match="no such entry"):
        write_seal(sql, 99, 2)


def test_a_seal_names_the_last_closing_there_is(ledger: EmbeddedLedger, sql: Connection) -> None:
    """Naming an older one would hide from `verify` that the month was closed already."""
    ledger.close_period("2026-09", "Ann", "books signed")
    number = write_entry(sql)
    write_lines(sql, number, BALANCED)
    with pytest.raises(DBAPIError, match="last period event"):
        sql.execute(text("insert into seal values (:id, 2, 0)"), {"id": number})


def test_an_entry_is_sealed_once(sql: Connection) -> None:
    """The seal is part of history too."""
    with pytest.raises(DBAPIError, match=r"\[sealed\]"):
        write_seal(sql, 3, 3)


def test_nothing_is_booked_into_a_closed_month(ledger: EmbeddedLedger, sql: Connection) -> None:
    """Signed figures do not move; a reopened month takes entries again, on the record."""
    ledger.close_period("2026-10", "Ann", "books signed")
    savepoint = sql.begin_nested()
    with pytest.raises(DBAPIError, match=r"\[closed_period\]"):
        write_whole(sql, BALANCED, posting_date="2026-10-31")
    savepoint.rollback()
    write_whole(sql, BALANCED, posting_date="2026-11-01")
    sql.commit()
    ledger.reopen_period("2026-10", "Ann", "late invoice")
    write_whole(sql, BALANCED, posting_date="2026-10-31")


@pytest.mark.parametrize(
    "wrong",
    [{"by": ""}, {"reason": " "}, {"month": "2026-13"}, {"month": "Oct 26"}, {"recorded_at": "soon"}],
    ids=str,
)
def test_closing_names_a_month_a_person_a_reason_and_a_time(sql: Connection, wrong: dict[str, str]) -> None:
    """Who prepares does not approve: an anonymous closing proves nothing."""
    with pytest.raises(DBAPIError):
        write_closing(sql, **({"month": "2026-10"} | wrong))


def test_closings_are_numbered_without_a_gap(sql: Connection) -> None:
    """A gap is how `verify` sees that one was taken away."""
    row = {"month": "2026-10", "at": now()}
    with pytest.raises(DBAPIError, match="numbered"):
        sql.execute(text("insert into period_event values (7, :month, 'close', 'Ann', 'signed', :at)"), row)


@pytest.mark.parametrize(("account", "code"), [("6999", "inactive"), ("8888", "unknown")])
def test_an_account_out_of_use_takes_no_lines(sql: Connection, account: str, code: str) -> None:
    """Neither one that was switched off nor one that never was."""
    with pytest.raises(DBAPIError, match=rf"\[{code}_account\]"):
        write_whole(sql, (("1000", 100), (account, -100)))


def test_an_account_with_lines_stays(sql: Connection) -> None:
    """Its code, too: lines elsewhere name it."""
    for statement in (
        "delete from account where code = '4000'",
        "update account set code = '4001' where code = '4000'",
    ):
        savepoint = sql.begin_nested()
        with pytest.raises(DBAPIError, match=r"\[sealed\]"):
            sql.execute(text(statement))
        savepoint.rollback()


def test_an_entry_is_reversed_once(sql: Connection) -> None:
    """Settlement 1 is reversed already."""
    with pytest.raises(DBAPIError, match=r"\[already_reversed\]"):
        write_entry(sql, reverses_id=1)


@pytest.mark.parametrize("reverses_id", [2, 4, 99])
def test_only_an_earlier_entry_that_is_no_reversal_is_reversed(sql: Connection, reverses_id: int) -> None:
    """Not a reversal, not itself, not what is not there."""
    with pytest.raises(DBAPIError, match=r"\[malformed\]"):
        write_entry(sql, reverses_id=reverses_id)


@pytest.mark.parametrize(
    "legs",
    [
        (("4000", 10_000), ("6000", -1_000), ("1120", -8_999), ("1000", -1)),
        (("4000", 9_000), ("6000", -900), ("1120", -8_100)),
        (("4000", 10_000), ("1120", -10_000)),
    ],
)
def test_a_reversal_is_its_original_turned_round(sql: Connection, legs: tuple) -> None:
    """A partial or padded reversal would leave a rest nobody explains."""
    with pytest.raises(DBAPIError, match="turned round"):
        write_whole(sql, legs, reverses_id=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 7},
        {"prev_hash": "0" * 64},
        {"key": "settlement:1#1"},
        {"key": "two\nlines"},
        {"token": ""},
        {"hash": "short"},
        {"posting_date": "2026-02-30"},
        {"recorded_at": "soon"},
    ],
    ids=str,
)
def test_an_entry_continues_the_chain_with_values_of_its_own(sql: Connection, wrong: dict) -> None:
    """A gap, a fork, a used key or a broken value would make the chain ambiguous."""
    with pytest.raises(DBAPIError):
        write_entry(sql, **wrong)


@pytest.mark.parametrize("minor", [1.5, 10**15 + 1])
def test_an_amount_is_a_whole_number_that_fits(books: Books, sql: Connection, minor: float) -> None:
    """Half a cent does not exist; PostgreSQL would round it, so there it is refused by our code."""
    if isinstance(minor, float) and not books.is_sqlite:
        pytest.skip("PostgreSQL rounds a fraction before any rule of ours sees it")
    number = write_entry(sql)
    with pytest.raises(DBAPIError):
        write_lines(sql, number, [("1000", minor)])


def test_an_old_snapshot_cannot_write(books: Books, stranger: Engine) -> None:
    """A transaction that began before a month was closed would not see the closing."""
    if books.is_sqlite:
        pytest.skip("SQLite refuses to write from an old snapshot by itself")
    old = stranger.execution_options(isolation_level="REPEATABLE READ")
    with old.connect() as connection, pytest.raises(DBAPIError, match="read committed"):
        write_entry(connection)


def test_a_temporary_table_does_not_stand_in_for_the_ledgers(sql: Connection) -> None:
    """Anybody may create a table `account` of their own, with the inactive account active in it."""
    sql.execute(text("create temporary table account (code text, is_active integer)"))
    sql.execute(text("insert into account values ('6999', 1), ('1000', 1)"))
    with pytest.raises(DBAPIError, match=r"\[inactive_account\]"):
        write_whole(sql, (("1000", 100), ("6999", -100)))


def test_closing_a_month_waits_for_a_posting_under_way(books: Books, stranger: Engine) -> None:
    """Else an entry could turn up in a month after its figures were signed."""
    with stranger.connect() as posting, stranger.connect() as closing:
        write_whole(posting, BALANCED)
        patience = "pragma busy_timeout = 100" if books.is_sqlite else "set lock_timeout = 100"
        closing.execute(text(patience))
        with pytest.raises(OperationalError):
            write_closing(closing, "2026-10")


def test_the_ledger_keeps_every_field_of_a_line() -> None:
    """A field added to the entry line needs a column here, in the same place."""
    assert [column.name for column in line.c][2:] == list(EntryLine.__dataclass_fields__)


def test_installing_again_changes_the_chart_and_nothing_else(
    books: Books, ledger: EmbeddedLedger, stranger: Engine
) -> None:
    """The chart is installed at every start; what left the file stays in the ledger."""
    renamed = [replace(CHART[0], name="Bank USD", is_active=False)]
    assert ledger.install(renamed) == []
    with stranger.connect() as connection:
        held = connection.execute(text("select code, name, is_active from account order by code"))
        rows = [tuple(row) for row in held]
    assert rows[0] == ("1000", "Bank USD", False)
    assert len(rows) == len(CHART)
    assert ledger.entry_count() == 3
    assert list(ledger.verify()) == []


def test_the_ledger_is_read_back_in_the_order_it_was_booked(ledger: EmbeddedLedger, stranger: Engine) -> None:
    """In slices too: export and drift watch read millions of entries."""
    keys = [posted.entry.key for posted in ledger.entries()]
    assert keys == ["settlement:1#1", "settlement:1#1R", "settlement:2#1"]
    assert [posted.remote_id for posted in ledger.entries(after_id=1, limit=1)] == ["2"]


def test_an_accounts_changes_by_day_leave_out_what_they_are_told_to(ledger: EmbeddedLedger) -> None:
    """Three sales of 100.00 take 10.00 in fees each: two on one day, the third of somebody else's key."""
    before = ledger.head()
    foreign = replace(sale(3, on=date(2026, 11, 2)), key="stock_of_somebody#1")
    post_all(ledger, [sale(1), sale(2), foreign])
    assert ledger.daily_changes("6000") == [(OCTOBER_14, "USD", 2_000), (date(2026, 11, 2), "USD", 1_000)]
    assert ledger.daily_changes("6000", leaving_out="stock_") == [(OCTOBER_14, "USD", 2_000)]
    assert ledger.daily_changes("1000") == []
    after = ledger.head()
    assert after != before
    post_all(ledger, [sale(1)])  # is there already
    assert ledger.head() == after
