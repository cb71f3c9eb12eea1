"""The outbox: what is held and freed, and what is found when the ledger is not what we sent."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.ledger.outbox import Policy, PostingReport
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.operations import database as db
from retail_sync.operations.approvals import Approvals, Content
from retail_sync.operations.evidence import Facts
from retail_sync.schemas.journal import difference
from retail_sync_tests.ledger.bookkeeping import CHART, leg
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, shop_in, wanted

FIRST, SECOND = f"{key_of(1)}#1", f"{key_of(2)}#1"


def problems(shop: Shop) -> list[tuple[str, str, str]]:
    """(code, subject, severity) of what a person is told."""
    return [(p.code, p.subject, p.severity) for p in find_posting_problems(shop.engine)]


def test_held_in_a_closed_period_and_freed_when_it_is_reopened(shop: Shop) -> None:
    """Only the entry of the closed month waits; it is posted by the first run after somebody reopened the month."""
    shop.ledger.close_period("2026-10", "Ann", "month end")
    shop.release(wanted(1), wanted(2, on=date(2026, 11, 2)))
    report = shop.post()
    assert shop.states() == {FIRST: "held", SECOND: "verified"}
    assert report.states == {"held": 1, "verified": 1, "mismatch": 0}
    assert problems(shop) == [("entry_held", FIRST, "error")]
    shop.ledger.reopen_period("2026-10", "Ann", "late settlement")
    shop.post()
    assert shop.states() == {FIRST: "verified", SECOND: "verified"}
    assert problems(shop) == []


def test_held_on_an_inactive_account_and_freed_when_it_is_active(shop: Shop) -> None:
    """An account closed in the chart takes no lines; activating it is all that is needed."""
    shop.release(wanted(1, account="6999"))
    shop.post()
    assert shop.reasons() == {FIRST: "inactive_account"}
    shop.ledger.install([replace(account, is_active=True) for account in CHART])
    shop.post()
    assert shop.states() == {FIRST: "verified"}


def test_held_on_an_unknown_account_and_freed_when_it_exists(shop: Shop) -> None:
    """The sentence names the account that the ledger lacks."""
    shop.release(wanted(1, account="4999"))
    shop.post()
    assert shop.reasons() == {FIRST: "unknown_account"}
    assert "4999" in find_posting_problems(shop.engine)[0].message
    shop.ledger.install([*CHART, replace(CHART[2], code="4999")])
    shop.post()
    assert shop.states() == {FIRST: "verified"}


@pytest.mark.parametrize("limit", ["99.99", "99.995"])
def test_held_over_the_limit_and_freed_when_it_is_raised(shop: Shop, limit: str) -> None:
    """100.00 of debits is over 99.99 and not over 100.00: the limit itself may still be posted."""
    shop.release(wanted(1))
    shop.post(Policy(limit))
    assert shop.reasons() == {FIRST: "over_limit"}
    assert shop.books() == {}
    shop.post(Policy("100.00"))
    assert shop.states() == {FIRST: "verified"}


def test_over_the_limit_is_posted_once_somebody_else_approved_it(shop: Shop) -> None:
    """Who released it does not approve it; what was approved is this very entry, not the next one of its key."""
    shop.release(wanted(1))
    shop.post(Policy("1.00"))
    with shop.engine.connect() as connection:
        ((key, body_hash, released_by),) = connection.execute(
            sa.select(
                db.released_entries.c.ledger_key, db.released_entries.c.body_hash, db.released_entries.c.released_by
            )
        ).all()
    approvals = Approvals(shop.engine)
    content = [Content(key, body_hash)]
    for by, reason in ((released_by, "fine"), (released_by.upper(), "fine"), ("", "fine"), ("Ann", " ")):
        with pytest.raises(RetailSyncError):
            approvals.add("posting", content, by=by, reason=reason, prepared_by={released_by})
    approvals.add("correction", content, by="Ann", reason="seen the file", prepared_by={released_by})
    approvals.add("posting", [Content(key, "0" * 64)], by="Ann", reason="seen the file", prepared_by={released_by})
    shop.post(Policy("1.00"))
    assert shop.reasons() == {FIRST: "over_limit"}
    assert approvals.add("posting", content, by="Ann", reason="seen the file", prepared_by={released_by}) == 1
    assert approvals.add("posting", content, by="Bob", reason="me too", prepared_by={released_by}) == 0
    shop.post(Policy("1.00"))
    assert shop.states() == {FIRST: "verified"}


def test_a_limit_with_decimals_holds_in_a_currency_without(shop: Shop) -> None:
    """One limit stands for all currencies: 99.50 means 99.50 yen too, and is no reason to stop."""
    lines = tuple(leg(account, minor, transaction_currency="JPY", home_currency="JPY")
                  for account, minor in (("4000", -100), ("1000", 100)))  # fmt: skip
    desired = wanted(1)
    body = json.loads(desired.body) | {
        "lines": [{n: getattr(line, n) for n in line.__dataclass_fields__} for line in lines]
    }
    shop.release(replace(desired, body=json.dumps(body)))
    shop.post(Policy("99.50"))
    assert shop.reasons() == {FIRST: "over_limit"}
    assert "100 JPY" in find_posting_problems(shop.engine)[0].message
    shop.post(Policy("100.50"))
    assert shop.states() == {FIRST: "verified"}


def test_a_held_entry_says_what_holds_it_now(shop: Shop) -> None:
    """The limit was raised, but the month was closed meanwhile: the person must not chase the old reason."""
    shop.release(wanted(1))
    shop.post(Policy("1.00"))
    shop.ledger.close_period("2026-10", "Ann", "month end")
    shop.post()
    assert shop.reasons() == {FIRST: "closed_period"}


def test_a_held_entry_that_is_corrected_is_replaced(shop: Shop) -> None:
    """The ledger never saw it, so the corrected one takes its place and no reversal is needed."""
    shop.release(wanted(1, account="6999"))
    shop.post()
    shop.release(wanted(1))
    shop.post()
    assert shop.states() == {FIRST: "reversed", f"{key_of(1)}#2": "verified"}


def test_a_reversal_waits_for_its_original(shop: Shop) -> None:
    """The original's answer was lost, its month closed, and its facts changed: its reversal waits with it.

    Rejected for good, the reversal would be missing when the month is reopened and the original posted.
    """
    shop.moves_dates = True
    shop.release(wanted(1))
    rows = shop.outbox()._take("pending", 1)
    shop.outbox()._claim(rows)  # and the process ends before it sends
    shop.ledger.close_period("2026-10", "Ann", "month end")
    corrected = wanted(1, 12_000, "second delivery")
    shop.release(corrected)
    shop.post()
    assert shop.reasons() == {FIRST: "closed_period", f"{FIRST}R": "original_missing"}
    shop.ledger.reopen_period("2026-10", "Ann", "late")
    shop.post()
    shop.post()
    assert set(shop.states().values()) == {"verified"}
    assert shop.net() == effect([corrected])


def test_refused_for_good_is_rejected_with_its_reason(shop: Shop) -> None:
    """An entry out of balance by one cent never enters the books, and says so in words."""
    desired = wanted(1)
    body = json.loads(desired.body)
    body["lines"][0]["home_minor"] -= 1
    shop.release(replace(desired, body=json.dumps(body)), wanted(2))
    shop.post()
    assert shop.states() == {FIRST: "rejected", SECOND: "verified"}
    assert shop.reasons() == {FIRST: "unbalanced"}
    assert problems(shop) == [("entry_rejected", FIRST, "error")]
    shop.release(wanted(1, 10_001), wanted(2))
    shop.post()
    assert shop.states()[f"{key_of(1)}#2"] == "verified"


def test_posting_twice_posts_once(shop: Shop) -> None:
    """Every run posts what is pending; what is verified stays as it is."""
    shop.release(wanted(1), wanted(2))
    shop.post()
    report = shop.post()
    assert report.states == {}
    assert shop.books() == {FIRST: 1, SECOND: 1}


def test_more_than_one_batch(shop: Shop) -> None:
    """A year's backfill is posted in batches; the last one is not full."""
    entries = [wanted(number, 100 * number) for number in range(1, 231)]
    shop.release(*entries)
    told: list[str] = []
    shop.outbox().post_all(told.append)
    assert told == ["ledger: 100 of 230 entries", "ledger: 200 of 230 entries", "ledger: 230 of 230 entries"]
    assert set(shop.states().values()) == {"verified"}
    assert shop.net() == effect(entries)
    assert shop.outbox().drift() == 0


# ---- What the ledger holds is not what we sent -------------------------------------------------


def tamper(shop: Shop, statement: str) -> None:
    """Change the ledger as its owner can who drops the rules first."""
    engine = sa.create_engine(shop.ledger._database.engine.url)
    with engine.begin() as connection:
        triggers = connection.execute(sa.text("select name from sqlite_master where type = 'trigger'")).scalars().all()
        for name in triggers:
            connection.execute(sa.text(f"drop trigger {name}"))
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
def tampered(shop_on_disk: Shop, tmp_path: Path) -> Shop:
    """A copy of a shop that posted two entries, to be tampered with."""
    shop_on_disk.release(wanted(1), wanted(2))
    shop_on_disk.post()
    shop_on_disk.ledger.close()
    shop_on_disk.engine.dispose()
    shutil.copytree(tmp_path / "shop", tmp_path / "copy")
    return shop_in(tmp_path / "copy")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("update line set home_minor = home_minor + 1 where account = '6000'", "line 2 home_minor: 1001 in the ledger"),
        ("update line set account = '1000' where account = '6000'", "line 2 account: 1000"),
        ("update entry set posting_date = '2026-10-15'", "posting_date: 2026-10-15"),
        ("update entry set memo = 'nothing to see'", "memo: nothing to see"),
        ("delete from line where line_no = 3", "number of lines: 2 in the ledger, 3 sent"),
    ],
)
def test_a_change_behind_the_triggers_is_found(tampered: Shop, statement: str, reason: str) -> None:
    """Somebody drops a trigger and changes a line: the next nightly run names the entry and the field."""
    where = "where" if " where " not in statement else "and"
    tamper(tampered, f"{statement} {where} {'entry_id' if 'line' in statement.split()[:3] else 'id'} = 1")
    assert tampered.outbox().drift() == 1
    assert tampered.states() == {FIRST: "mismatch", SECOND: "verified"}
    assert reason in find_posting_problems(tampered.engine)[0].message
    assert {finding.check for finding in tampered.ledger.verify()} & {"body", "sealed", "unsealed"}


def test_an_entry_gone_from_the_ledger_is_found(tampered: Shop) -> None:
    """Deleted from the ledger: a mismatch for a person, never posted again by itself."""
    tamper(tampered, "delete from entry where id = 2")
    assert tampered.outbox().drift() == 1
    tampered.post()
    assert tampered.states() == {FIRST: "verified", SECOND: "mismatch"}
    assert tampered.reasons() == {SECOND: "gone_from_ledger"}


def test_a_mismatch_that_was_put_right_is_verified_again(tampered: Shop) -> None:
    """The person restores the line; the next run looks again and closes the problem."""
    tamper(tampered, "update line set memo = 'x' where entry_id = 1 and line_no = 1")
    tampered.outbox().drift()
    assert problems(tampered) == [("entry_mismatch", FIRST, "error")]
    tamper(tampered, "update line set memo = '' where entry_id = 1 and line_no = 1")
    tampered.post()
    assert problems(tampered) == []


def test_the_difference_names_the_first_field(shop: Shop) -> None:
    """`verify` and the exception say which field of which line differs, in minor units."""
    shop.release(wanted(1), ready={document_of(9): Facts("", "")})
    shop.post()
    posted = shop.ledger.find([FIRST])[FIRST]
    assert difference(posted.entry, posted.entry) == ""
    other = replace(posted.entry, lines=(replace(posted.entry.lines[0], rate="1.1"), *posted.entry.lines[1:]))
    assert difference(posted.entry, other) == "line 1 rate: 1 in the ledger, 1.1 sent"


def test_a_row_claimed_meanwhile_is_not_held(shop: Shop) -> None:
    """A poster that finds a period closed must not call a row held that another one is sending right now."""
    shop.release(wanted(1))
    mine = shop.outbox()
    rows = mine._take("pending", 10)
    shop.outbox()._claim(rows)
    shop.ledger.close_period("2026-10", "Ann", "month end")
    mine._post_batch(rows, PostingReport())
    assert shop.states() == {FIRST: "sending"}


def test_a_restored_backup_is_told_and_books_nothing_twice(tmp_path: Path) -> None:
    """The database of yesterday does not know of today's correction: the ledger does, and nothing is sent against it."""
    shop = shop_in(tmp_path)
    shop.release(wanted(1))
    shop.post()
    shutil.copy(tmp_path / "operations.sqlite", tmp_path / "backup.sqlite")
    shop.release(wanted(1, 11_000, "facts 2"))
    shop.post()
    after = shop.books()
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "operations.sqlite")
    restored = shop_in(tmp_path)
    restored.release(wanted(1))
    restored.post()
    assert restored.outbox().drift() == 1
    assert restored.states() == {FIRST: "mismatch"}
    assert restored.reasons() == {FIRST: "released_elsewhere"}
    assert problems(restored) == [("entry_mismatch", FIRST, "error")]
    assert f"{FIRST}R" in find_posting_problems(restored.engine)[0].message
    restored.release(wanted(1, 11_000, "facts 2"))
    restored.post()
    assert restored.outbox().drift() == 0
    assert set(restored.states().values()) == {"verified"}
    assert restored.books() == after
    restored.release(wanted(1, 12_000, "facts 3"))
    restored.post()
    assert restored.states()[f"{key_of(1)}#3"] == "verified"
