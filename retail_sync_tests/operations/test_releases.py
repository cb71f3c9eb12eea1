"""Releasing: what becomes of a desired entry that is new, the same, changed, gone or wanted again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from retail_sync.operations.evidence import Evidence, Facts, Sight
from retail_sync.operations.releases import Releaser
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, shop_in_memory, wanted

GONE = Facts("second delivery", "second delivery")


def counts(shop: Shop, *entries: object, **more: object) -> tuple[int, int, int, int, int]:
    """Release and return (new, corrected, withdrawn, unchanged, waiting)."""
    report = shop.release(*entries, **more)  # type: ignore[arg-type]
    return report.new, report.corrected, report.withdrawn, report.unchanged, len(report.waiting)


def test_new_then_unchanged(shop: Shop) -> None:
    """Every hourly run releases all that is desired: what is released already must not be released again."""
    assert counts(shop, wanted(1), wanted(2)) == (2, 0, 0, 0, 0)
    shop.post()
    assert counts(shop, wanted(1), wanted(2)) == (0, 0, 0, 2, 0)
    assert shop.states() == {f"{key_of(1)}#1": "verified", f"{key_of(2)}#1": "verified"}


def test_changed_facts_reverse_and_release_the_next_version(shop: Shop) -> None:
    """A re-issued settlement corrects the books by a reversal and version 2, never by touching version 1."""
    shop.release(wanted(1))
    shop.post()
    corrected = wanted(1, 12_345, "second delivery")
    assert counts(shop, corrected) == (0, 1, 0, 0, 0)
    shop.post()
    assert list(shop.states()) == [f"{key_of(1)}#1", f"{key_of(1)}#1R", f"{key_of(1)}#2"]
    assert set(shop.states().values()) == {"verified"}
    assert shop.net() == effect([corrected])
    reversal = shop.ledger.find([f"{key_of(1)}#1R"])[f"{key_of(1)}#1R"].entry
    assert reversal.reverses == f"{key_of(1)}#1"


def test_other_facts_with_the_same_entry_change_nothing(shop: Shop) -> None:
    """A statement delivered again with one more line must not correct the deposits it showed before."""
    shop.release(wanted(1))
    shop.post()
    assert counts(shop, wanted(1, facts="second delivery")) == (0, 0, 0, 1, 0)


def test_a_changed_rule_alone_waits(shop: Shop) -> None:
    """Rules are changed for the future: what was told to the ledger stays until a person approves."""
    shop.release(wanted(1))
    shop.post()
    report = shop.release(wanted(1, account="1000"))
    assert (report.corrected, report.unchanged) == (0, 0)
    assert [entry.entry_key for entry in report.waiting] == [key_of(1)]
    (problem,) = report.waiting_problems
    assert (problem.code, problem.subject, problem.severity) == ("rule_change_waits", "accounts", "warning")
    assert "Nothing was changed in the ledger" in problem.message
    shop.post()
    assert shop.net() == effect([wanted(1)])
    assert list(shop.states()) == [f"{key_of(1)}#1"]


def test_a_rule_changed_after_facts_that_changed_nothing_waits_too(shop: Shop) -> None:
    """The same entry from a newer delivery rests on that delivery: a later rule change is the rule's alone."""
    shop.release(wanted(1, facts="first"))
    shop.post()
    shop.release(wanted(1, facts="second"))
    report = shop.release(wanted(1, facts="second", account="1000"))
    assert (report.corrected, len(report.waiting)) == (0, 1)


def test_a_rule_changed_back_waits_no_longer(shop: Shop) -> None:
    """The warning goes when its cause is gone."""
    shop.release(wanted(1))
    shop.post()
    shop.release(wanted(1, account="1000"))
    assert counts(shop, wanted(1)) == (0, 0, 0, 1, 0)


def test_facts_that_change_after_a_waiting_rule_bring_it_along(shop: Shop) -> None:
    """A correction for new facts is booked by today's rules."""
    shop.release(wanted(1))
    shop.post()
    shop.release(wanted(1, account="1000"))
    today = wanted(1, 11_000, "second delivery", account="1000")
    assert counts(shop, today) == (0, 1, 0, 0, 0)
    shop.post()
    assert shop.net() == effect([today])


@pytest.mark.parametrize("cause", ["facts", "rule"])
def test_what_was_never_sent_is_cancelled_without_a_reversal(shop: Shop, cause: str) -> None:
    """An entry superseded before it was sent has no business in the ledger, nor has its reversal."""
    shop.release(wanted(1))
    newer = wanted(1, 12_000, "second delivery") if cause == "facts" else wanted(1, account="1000")
    assert counts(shop, newer) == (0, 1, 0, 0, 0)
    shop.post()
    assert shop.states() == {f"{key_of(1)}#1": "reversed", f"{key_of(1)}#2": "verified"}
    assert shop.reasons() == {f"{key_of(1)}#1": "superseded"}
    assert shop.books() == {f"{key_of(1)}#2": 1}
    assert shop.net() == effect([newer])


def test_absent_in_a_ready_document_is_withdrawn(shop: Shop) -> None:
    """A deposit that the corrected statement does not show any more must leave the books."""
    shop.release(wanted(1), wanted(2))
    shop.post()
    assert counts(shop, wanted(2), ready={document_of(1): GONE}) == (0, 0, 1, 1, 0)
    shop.post()
    assert shop.states()[f"{key_of(1)}#1R"] == "verified"
    assert shop.net() == effect([wanted(2)])


def test_absent_and_never_sent_is_cancelled(shop: Shop) -> None:
    """Nothing was told to the ledger, so nothing is taken back."""
    shop.release(wanted(1))
    assert counts(shop, ready={document_of(1): GONE}) == (0, 0, 1, 0, 0)
    shop.post()
    assert (shop.states(), shop.books()) == ({f"{key_of(1)}#1": "reversed"}, {})


def test_absent_by_a_rule_alone_waits(shop: Shop) -> None:
    """A rule that no longer wants an entry does not take it out of the books by itself."""
    shop.release(wanted(1))
    shop.post()
    same_facts = Facts("first delivery", "first delivery")
    assert counts(shop, ready={document_of(1): same_facts}) == (0, 0, 0, 0, 1)
    assert list(shop.states()) == [f"{key_of(1)}#1"]


def test_absent_in_a_held_document_stays(shop: Shop) -> None:
    """A settlement held today (a line nobody has classified) keeps what was booked from it."""
    shop.release(wanted(1))
    shop.post()
    assert counts(shop) == (0, 0, 0, 0, 0)
    assert shop.net() == effect([wanted(1)])


@pytest.mark.parametrize("named", ["", "first.csv"])
def test_a_document_that_is_gone_is_reversed(shop: Shop, named: str) -> None:
    """Its last fact moved to another document. What names a delivery that cannot be read now is only hidden."""
    shop.release(replace(wanted(1), evidence=Evidence(named)))
    shop.post()
    gone = Sight(gone=frozenset({document_of(1)}))
    assert counts(shop, sight=gone) == ((0, 0, 0, 0, 0) if named else (0, 0, 1, 0, 0))
    shop.post()
    assert shop.net() == (effect([wanted(1)]) if named else {})


def test_a_document_that_is_gone_and_was_never_sent_is_cancelled(shop: Shop) -> None:
    """The ledger never held it, so there is nothing to reverse."""
    shop.release(wanted(1))
    assert counts(shop, sight=Sight(gone=frozenset({document_of(1)}))) == (0, 0, 1, 0, 0)
    assert shop.states() == {f"{key_of(1)}#1": "reversed"}


def test_nothing_is_reversed_for_absence_while_a_delivery_is_unread(shop: Shop) -> None:
    """A rebuilt warehouse that could not read every delivery again knows less than the ledger."""
    shop.release(wanted(1))
    shop.post()
    assert counts(shop, ready={document_of(1): GONE}, sight=Sight(is_complete=False)) == (0, 0, 0, 0, 0)
    assert list(shop.states()) == [f"{key_of(1)}#1"]


def test_wanted_again_gets_the_next_version(shop: Shop) -> None:
    """Versions are never used twice: the ledger would refuse the key, or worse, take the old body for the new."""
    shop.release(wanted(1))
    shop.post()
    shop.release(ready={document_of(1): GONE})
    shop.post()
    again = wanted(1, facts="third delivery")
    assert counts(shop, again) == (1, 0, 0, 0, 0)
    shop.post()
    assert list(shop.states()) == [f"{key_of(1)}#1", f"{key_of(1)}#1R", f"{key_of(1)}#2"]
    assert shop.rows()[-1]["reason"] == "wanted again"
    assert shop.net() == effect([again])


def test_wanted_again_before_the_cancelled_one_was_sent(shop: Shop) -> None:
    """A cancelled version counts: its key may be in somebody's notes."""
    shop.release(wanted(1))
    shop.release(ready={document_of(1): GONE})
    shop.release(wanted(1))
    shop.post()
    assert shop.states() == {f"{key_of(1)}#1": "reversed", f"{key_of(1)}#2": "verified"}


def test_facts_that_change_back_give_a_third_version(shop: Shop) -> None:
    """The books follow the facts there and back, each step on the record."""
    for facts, minor in (("a", 10_000), ("b", 12_000), ("c", 10_000)):
        shop.release(wanted(1, minor, facts))
        shop.post()
    assert list(shop.states())[-1] == f"{key_of(1)}#3"
    assert len(shop.states()) == 5
    assert shop.net() == effect([wanted(1)])


def test_a_version_whose_answer_was_lost_is_never_cancelled_unseen(shop: Shop) -> None:
    """A ledger may answer late: what was tried once is corrected by a reversal, though the lookup did not find it."""
    shop.release(wanted(1))
    rows = shop.outbox()._take("pending", 1)
    shop.outbox()._claim(rows)
    shop.outbox()._recover()  # the lookup finds nothing; the process ends before it sends again
    assert shop.states() == {f"{key_of(1)}#1": "pending"}
    shop.ledger.post(rows[0].entry, rows[0].token)  # and only now the first request arrives
    corrected = wanted(1, 12_000, "second delivery")
    shop.release(corrected)
    shop.post()
    assert shop.net() == effect([corrected])
    assert set(shop.states().values()) == {"verified"}


def test_tokens_are_stable_and_unique() -> None:
    """The token is the same request whenever and wherever it is made, and never that of another."""
    made = []
    for _ in range(2):
        shop = shop_in_memory()
        for facts, minor in (("a", 10_000), ("b", 12_000)):
            shop.release(wanted(1, minor, facts), wanted(2, minor, facts))
            shop.post()
        made.append({row["ledger_key"]: row["token"] for row in shop.rows()})
        sent = {posted.entry.key: posted.token for posted in shop.ledger.entries()}
        assert sent == made[-1]
    assert made[0] == made[1]
    assert len(made[0]) == 6
    assert len(set(made[0].values())) == 6


def test_who_released_what_and_why(shop: Shop) -> None:
    """The auditor reads who released an entry, in which run, for what reason."""
    shop.release(wanted(1))
    shop.post()
    shop.release(wanted(1, 12_000, "second delivery"))
    told = [(row["version"], row["kind"], row["reason"], row["released_by"], row["trace_id"]) for row in shop.rows()]
    assert told == [
        (1, "entry", "first release", "tests", "release-1"),
        (1, "reversal", "its facts changed", "tests", "release-2"),
        (2, "entry", "corrects version 1", "tests", "release-2"),
    ]


def test_next_open_period_moves_the_date_of_a_late_entry(shop: Shop) -> None:
    """A settlement of a month that is closed is booked on the first open day, where the policy says so."""
    shop.moves_dates = True
    for month in ("2026-10", "2026-11"):
        shop.ledger.close_period(month, "Ann", "month end")
    shop.release(wanted(1))
    shop.post()
    assert shop.states() == {f"{key_of(1)}#1": "verified"}
    assert shop.ledger.find([f"{key_of(1)}#1"])[f"{key_of(1)}#1"].entry.posting_date == date(2026, 12, 1)
    assert counts(shop, wanted(1)) == (0, 0, 0, 1, 0)


def test_next_open_period_moves_a_correction_and_its_reversal(shop: Shop) -> None:
    """Late facts of a closed month: the month keeps its balances, the correction falls into the open one."""
    shop.moves_dates = True
    shop.release(wanted(1))
    shop.post()
    before = shop.ledger.balances(date(2026, 10, 31))
    shop.ledger.close_period("2026-10", "Ann", "month end")
    corrected = wanted(1, 12_000, "second delivery")
    shop.release(corrected)
    shop.post()
    assert set(shop.states().values()) == {"verified"}
    assert shop.net() == effect([corrected])
    assert shop.ledger.balances(date(2026, 10, 31)) == before


@pytest.mark.parametrize("corrects", [False, True])
def test_next_open_period_moves_what_is_held_already(shop: Shop, corrects: bool) -> None:
    """The runbook says: set the policy, and the next run posts what a closed period holds, reversals included."""
    shop.release(wanted(1, facts="zero"))
    shop.post()
    shop.ledger.close_period("2026-10", "Ann", "month end")
    entries = [wanted(1, 12_000)] if corrects else [wanted(1, facts="zero"), wanted(2)]
    shop.release(*entries)
    shop.post()
    assert set(shop.reasons().values()) == {"closed_period"}
    shop.moves_dates = True
    shop.release(*entries)
    shop.post()
    assert set(shop.states().values()) == {"verified"}
    assert shop.net() == effect(entries)
    assert shop.ledger.verify() == []


def test_the_released_body_is_what_the_ledger_is_sent(shop: Shop) -> None:
    """The operations database alone tells what was sent, though the warehouse was deleted since."""
    shop.release(wanted(1))
    shop.post()
    row = shop.rows()[0]
    posted = shop.ledger.find([row["ledger_key"]])[row["ledger_key"]]
    assert json.loads(row["body"]) == posted.entry.body()
    assert row["body_hash"] == posted.entry.body_hash


def test_what_stands_is_what_the_ledger_may_hold(shop: Shop) -> None:
    """Posted entries with their facts, and documents with nothing to book; not what was never sent, nor other kinds."""
    empty = {document_of(3): Facts("first delivery", "first delivery"), document_of(1): GONE}
    shop.release(wanted(1), ready={document_of(3): empty[document_of(3)]})
    shop.post()
    shop.release(wanted(1), wanted(2))
    releaser = Releaser(shop.engine, "embedded", "tests", "standing", lambda day: day)
    (first, third) = sorted(releaser.standing(["settlement"]), key=lambda old: old.document_id)
    assert (first.document_id, first.facts_hash) == (document_of(1), "first delivery")
    assert {leg["account"]: leg["home_minor"] for leg in first.legs} == {"4000": -10_000, "6000": 1_000, "1120": 9_000}
    assert (third.document_id, third.facts_hash, third.legs) == (document_of(3), "first delivery", ())
    assert [old.document_id for old in releaser.standing(["cogs"])] == [document_of(3)]
    shop.release(wanted(2), ready=empty)
    shop.post()
    found = {old.document_id: (old.facts_hash, len(old.legs)) for old in releaser.standing(["settlement"])}
    assert found == {
        document_of(1): ("second delivery", 0), document_of(2): ("first delivery", 3), document_of(3): ("first delivery", 0),
    }  # fmt: skip
