"""What `verify` finds when somebody took the database's rules away, or never obeyed them.

Each test falsifies a sound ledger of settlements 1 to 5 in one way and names the check that notices.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.embedded_chain import GENESIS, chain_hash
from retail_sync_tests.ledger.bookkeeping import CHART, Books, post_all, reversal, sale, token
from retail_sync_tests.ledger.raw_sql import (
    take_the_rules_away,
    write_closing,
    write_entry,
    write_lines,
    write_whole,
)

Falsify = Callable[..., None]


@pytest.fixture
def ledger(books: Books) -> Iterator[EmbeddedLedger]:
    """A sound ledger of five settlements, the first of them reversed."""
    opened = books.installed()
    post_all(opened, [sale(1), reversal(sale(1)), *(sale(number) for number in range(2, 6))])
    yield opened
    opened.close()


@pytest.fixture
def falsify(books: Books, ledger: EmbeddedLedger) -> Iterator[Falsify]:
    """Run statements as the database's owner, triggers silent and foreign keys ignored."""
    engine = books.stranger(foreign_keys=False)

    def run(*statements: str | Callable[[Connection], object]) -> None:
        with engine.begin() as connection:
            if not books.is_sqlite:
                connection.execute(text("set session_replication_role = replica"))
            take_the_rules_away(connection)
            for statement in statements:
                if callable(statement):
                    statement(connection)
                else:
                    connection.execute(text(statement))

    yield run
    engine.dispose()


def checks(ledger: EmbeddedLedger) -> set[str]:
    """Return which checks found something, beside the missing triggers themselves."""
    found = list(ledger.verify())
    assert all(finding.message for finding in found)
    return {finding.check for finding in found} - {"trigger"}


def test_missing_rules_are_found_put_back_and_reported(ledger: EmbeddedLedger, falsify: Falsify) -> None:
    """Who takes the rules away has a reason: putting them back in silence would hide it."""
    falsify()
    found = list(ledger.verify())
    assert {finding.check for finding in found} == {"trigger"}
    assert len(found) >= 13
    restored = ledger.install(CHART)
    assert list(restored) == found
    assert list(ledger.verify()) == []
    assert list(ledger.install(CHART)) == []


@pytest.mark.services
def test_a_rule_emptied_or_disabled_is_found(postgresql_books: Books) -> None:
    """A trigger that is there and does nothing is worse than none."""
    ledger = postgresql_books.installed()
    stranger = postgresql_books.stranger()
    harmless = "language plpgsql as 'begin return new; end'"
    with stranger.begin() as connection:
        connection.execute(text(f"create or replace function ledger_check_seal() returns trigger {harmless}"))
        connection.execute(text("alter table line disable trigger line_change"))
        connection.execute(text("alter table entry drop constraint entry_is_sealed"))
    messages = " ".join(finding.message for finding in ledger.verify())
    assert "ledger_check_seal" in messages
    assert "line_change" in messages
    assert "every entry is sealed" in messages
    ledger.close()
    stranger.dispose()


@pytest.mark.parametrize(
    ("statements", "noticed"),
    [
        (["update line set home_minor = home_minor + 1 where entry_id = 3"], {"body", "balance"}),
        (["update line set account = '1000' where entry_id = 3 and line_no = 2"], {"body"}),
        (["update line set memo = 'x' where entry_id = 3 and line_no = 2"], {"body"}),
        (["update entry set posting_date = '2026-12-01' where id = 3"], {"body"}),
        (["update entry set body_hash = replace(body_hash, 'a', 'b') where id = 3"], {"body", "hash"}),
        (["update entry set key = 'other#1' where id = 3"], {"hash"}),
        (["update entry set token = 'other' where id = 3"], {"hash"}),
        (["delete from line where entry_id = 3 and line_no = 3"], {"body", "balance", "unsealed"}),
        (["delete from seal where entry_id = 3"], {"unsealed"}),
        (
            [f"delete from {table} where {column} = 3" for table, column in
             (("line", "entry_id"), ("seal", "entry_id"), ("entry", "id"))],
            {"gap", "chain", "external_head"},
        ),
        (["delete from entry where id = 6"], {"stray", "external_head"}),
        (["update line set account = '7777' where entry_id = 3 and line_no = 2"], {"stray", "body"}),
        (
            ["update line set home_minor = 2 * home_minor, transaction_minor = 2 * transaction_minor"
             " where entry_id = 1"],
            {"body", "reversal"},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_change_behind_the_ledgers_back_is_found(
    ledger: EmbeddedLedger, falsify: Falsify, statements: list[str], noticed: set[str]
) -> None:
    """Every field of an entry is under its hash, and every entry under the next one's."""
    falsify(*statements)
    assert checks(ledger) == noticed


def test_a_tail_cut_off_is_found_by_the_heads_outside(ledger: EmbeddedLedger, falsify: Falsify) -> None:
    """A shorter chain is a whole chain: only what was written elsewhere tells."""
    falsify(
        "delete from line where entry_id > 4",
        "delete from seal where entry_id > 4",
        "delete from entry where id > 4",
    )
    assert checks(ledger) == {"external_head"}


def test_a_chain_rewritten_without_a_fault_is_found_by_the_heads_outside(
    ledger: EmbeddedLedger, falsify: Falsify
) -> None:
    """The owner can recompute every hash; he cannot make the old heads come true again."""

    def rewrite(connection: Connection) -> None:
        prev_hash = GENESIS
        for posted in list(ledger.entries()):
            entry = posted.entry
            if entry.key == sale(3).key:
                entry = replace(entry, memo="something else")
            this_hash = chain_hash(prev_hash, entry.key, entry.body_hash, posted.token)
            connection.execute(
                text(
                    "update entry set memo = :memo, body_hash = :body_hash, prev_hash = :prev_hash,"
                    " hash = :hash where id = :id"
                ),
                {
                    "memo": entry.memo,
                    "body_hash": entry.body_hash,
                    "prev_hash": prev_hash,
                    "hash": this_hash,
                    "id": int(posted.remote_id),
                },
            )
            prev_hash = this_hash

    falsify(rewrite)
    assert checks(ledger) == {"external_head"}


def test_an_unbalanced_entry_let_in_without_rules_is_found(ledger: EmbeddedLedger, falsify: Falsify) -> None:
    """Put in with a proper hash and seal, but its body hash is not one and it does not balance."""
    falsify(lambda connection: write_whole(connection, (("1000", 100), ("4000", -90))))
    assert checks(ledger) == {"balance", "body"}


def test_a_booking_into_a_closed_month_is_found_whatever_the_clock_says(
    ledger: EmbeddedLedger, falsify: Falsify
) -> None:
    """Entries booked before the closing are in order, also when both carry the same time."""
    ledger.close_period("2026-10", "Ann", "books signed")
    assert checks(ledger) == set()
    falsify(lambda connection: write_whole(connection, (("1000", 100), ("4000", -100))))
    assert checks(ledger) == {"closed_period", "body"}


@pytest.mark.parametrize("lost", [1, 2])
def test_a_closing_taken_away_is_found(ledger: EmbeddedLedger, falsify: Falsify, lost: int) -> None:
    """Opening a month without a trace lets anything in; the last one counts once something was booked."""
    ledger.close_period("2026-08", "Ann", "books signed")
    ledger.close_period("2026-09", "Ann", "books signed")
    ledger.post(sale(6), token(sale(6)))
    falsify(f"delete from period_event where id = {lost}")
    assert checks(ledger) == {"period_gap"}


def test_an_entry_left_unsealed_by_a_careless_writer_is_found(sqlite_books: Books) -> None:
    """SQLite checks foreign keys only for who asks; all triggers were in force here."""
    ledger = sqlite_books.installed()
    post_all(ledger, [sale(1)])
    careless = sqlite_books.stranger(foreign_keys=False)
    with careless.begin() as connection:
        write_lines(connection, write_entry(connection), [("1000", 100), ("4000", -90)])
    careless.dispose()
    assert {finding.check for finding in ledger.verify()} == {"unsealed", "balance", "body"}
    ledger.close()


def test_a_broken_value_is_a_finding_and_no_crash(sqlite_books: Books) -> None:
    """A date that is none could not even be read back."""
    ledger = sqlite_books.installed()
    post_all(ledger, [sale(1)])
    owner = sqlite_books.stranger()
    with owner.begin() as connection:
        take_the_rules_away(connection)
        connection.execute(text("update entry set posting_date = 'soon'"))
    owner.dispose()
    assert [finding.check for finding in ledger.verify()] == ["unreadable"]
    ledger.close()


def test_the_hash_is_the_text_that_is_documented(books: Books, ledger: EmbeddedLedger) -> None:
    """An auditor repeats it without our code, from the prior head on."""
    heads = [json.loads(line) for line in books.heads_path.read_text().splitlines()]
    assert [head["entries"] for head in heads] == [0, 1, 2, 3, 4, 5, 6]
    entry = sale(1)
    words = "\n".join(("0" * 64, entry.key, entry.body_hash, token(entry)))
    assert heads[1]["head"] == hashlib.sha256(words.encode()).hexdigest()
    by_shell = ["printf", "%s\\n%s\\n%s\\n%s", heads[5]["head"], sale(5).key, sale(5).body_hash, token(sale(5))]
    printed = subprocess.run(by_shell, capture_output=True, check=True).stdout
    assert heads[6]["head"] == hashlib.sha256(printed).hexdigest()


@pytest.mark.parametrize("torn", ['{"entries": 6, "he', "{", '{"entries": 6, "head": "00"'])
def test_a_head_cut_short_by_a_crash_breaks_nothing(books: Books, ledger: EmbeddedLedger, torn: str) -> None:
    """The next head starts on a line of its own, and the torn one stays harmless."""
    with books.heads_path.open("a") as file:
        file.write(torn)
    assert list(ledger.verify()) == []
    ledger.post(sale(6), token(sale(6)))
    assert list(ledger.verify()) == []
    last = json.loads(books.heads_path.read_text().splitlines()[-1])
    assert last["entries"] == 7


@pytest.mark.parametrize(
    "written",
    [
        '{"entries": 6, "head": "' + "0" * 64 + '"}',
        '{"entries": 99, "head": "' + "0" * 64 + '"}',
        '{"entries": 99999999999999999999, "head": ""}',
        '{"entries": "many"}',
        "{}",
    ],
)
def test_a_head_that_is_not_in_the_chain_is_found(books: Books, ledger: EmbeddedLedger, written: str) -> None:
    """Also a restored older backup looks like this."""
    with books.heads_path.open("a") as file:
        file.write(written + "\n")
    assert {finding.check for finding in ledger.verify()} == {"external_head"}


def test_a_heads_file_that_is_gone_is_found_and_started_again(books: Books, ledger: EmbeddedLedger) -> None:
    """Deleting the witness is the first thing to do before rewriting the chain."""
    books.heads_path.unlink()
    assert {finding.check for finding in ledger.verify()} == {"external_head"}
    assert [finding.check for finding in ledger.install(CHART)] == ["external_head"]
    assert list(ledger.verify()) == []
    assert json.loads(books.heads_path.read_text().splitlines()[-1])["entries"] == 6


def test_closing_a_month_by_raw_sql_is_no_fault(books: Books, ledger: EmbeddedLedger) -> None:
    """The rules allow it, with a name and a reason."""
    stranger = books.stranger()
    with stranger.begin() as connection:
        write_closing(connection, "2026-10")
    stranger.dispose()
    assert list(ledger.verify()) == []
