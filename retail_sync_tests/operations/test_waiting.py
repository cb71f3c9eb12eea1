"""What waits is told once for each cause, with what would move; a table names each entry. It all goes when nothing waits.

Settlement n of 100.00 is booked as sales (4000) -100.00, fees (6000) 10.00, payout (1120) 90.00.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.operations.evidence import Facts
from retail_sync.operations.exceptions import ExceptionQueue
from retail_sync.operations.verdicts import Desired
from retail_sync.operations.waiting import read_waiting
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, wanted

ONE = Facts("first delivery", "first delivery")


def told(shop: Shop, *entries: Desired, **more: object) -> dict[str, tuple[str, int | None, str]]:
    """Release as a run does; return what is open of it, by subject: the sentence up to its first full stop, its worth."""
    report = shop.release(*entries, **more)  # type: ignore[arg-type]
    queue = ExceptionQueue(shop.engine)
    queue.settle("release", report.waiting_problems, "run")
    rows = queue.open()
    assert {row.code for row in rows} <= {"rule_change_waits"}
    return {
        str(row.subject): (str(row.message).partition(". Nothing")[0], row.amount_minor, row.currency) for row in rows
    }


def of_kind(kind: str, *entries: Desired) -> list[Desired]:
    """The same entries as another kind of entry."""
    return [replace(entry, kind=kind) for entry in entries]


def test_a_changed_account_is_told_once_for_all_entries(shop: Shop) -> None:
    """400 settlements of 1.00 to 400.00 credit another account: 1.00 + 2.00 + ... = 80,200.00, told once."""
    shop.release(*(wanted(n, n * 100) for n in range(1, 401)))
    shop.post()
    changed = [wanted(n, n * 100, account="1000") for n in range(1, 401)]
    sentence = (
        "Today's account rules would book 400 entries of 2026-10 otherwise: 80,200.00 USD would move, in all "
        "1000 -80,200.00 USD, 4000 80,200.00 USD"
    )
    assert told(shop, *changed) == {"accounts": (sentence, 8_020_000, "USD")}
    assert told(shop, *(wanted(n, n * 100) for n in range(1, 401))) == {}


def test_each_entry_is_named_with_both_sides(shop: Shop) -> None:
    """The first and the last month stand in the sentence, the entries in the table, oldest first; it is emptied with the cause."""
    days = {1: date(2026, 8, 31), 2: date(2026, 11, 2)}
    shop.release(*(wanted(n, on=day) for n, day in days.items()), wanted(3))
    shop.post()
    changed = [wanted(n, on=day, account="1000") for n, day in days.items()]
    found = told(shop, *changed, wanted(3))
    assert found["accounts"][0].startswith("Today's account rules would book 2 entries of 2026-08 to 2026-11 otherwise")
    (row,) = ExceptionQueue(shop.engine).open()
    assert row.since_date == "2026-08-31"
    entries = read_waiting(shop.engine, str(row.exception_id))
    assert [
        (e["posting_date"], e["entry_key"], e["version"], e["account"], e["released_minor"], e["wanted_minor"])
        for e in entries
    ] == [
        ("2026-08-31", key_of(1), 1, "1000", 0, -10_000),
        ("2026-08-31", key_of(1), 1, "4000", -10_000, 0),
        ("2026-11-02", key_of(2), 1, "1000", 0, -10_000),
        ("2026-11-02", key_of(2), 1, "4000", -10_000, 0),
    ]
    assert told(shop, *(wanted(n, on=day) for n, day in days.items()), wanted(3)) == {}
    with shop.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(db.waiting_entries)) == 0


@pytest.mark.parametrize(
    ("kind", "cause", "what"),
    [
        ("cogs", "products", "product costs or packs"),
        ("deposit", "bank matching", "matching rules"),
        ("settlement", "categories", "category rules"),
    ],
)
def test_another_amount_is_what_makes_the_amounts_of_its_kind(shop: Shop, kind: str, cause: str, what: str) -> None:
    """20.00 more: a cost for goods, a match for a deposit, a category for a settlement. 20.00 are debited anew: 18.00 and 2.00."""
    shop.release(*of_kind(kind, wanted(1)))
    shop.post()
    sentence = (
        f"Today's {what} would book one entry of 2026-10 otherwise: 20.00 USD would move, in all "
        "4000 -20.00 USD, 1120 18.00 USD, 6000 2.00 USD"
    )
    assert told(shop, *of_kind(kind, wanted(1, 12_000))) == {cause: (sentence, 2000, "USD")}


def by_day(minors: Mapping[str, int], facts: str = "first delivery") -> list[Desired]:
    """Settlement 1 cut into an entry for each day."""
    days = {day: wanted(1, minor, facts, on=date.fromisoformat(day)) for day, minor in minors.items()}
    return [replace(entry, entry_key=f"{key_of(1)}:{day}") for day, entry in days.items()]


def test_a_settlement_cut_into_other_entries_waits_as_that(shop: Shop) -> None:
    """60.00 and 40.00 by day are the 100.00 of the month; a deposit that rounding moves with them is told with them.

    100.00 are debited anew by the days, and 100.00 by the reversal; in all no account gets anything.
    """
    (deposit,) = of_kind("deposit", replace(wanted(1), entry_key="amazon:deposit:1"))
    (rounded,) = of_kind("deposit", replace(wanted(1, 10_001), entry_key="amazon:deposit:1"))
    shop.release(wanted(1), deposit, wanted(2))
    shop.post()
    days = by_day({"2026-10-13": 6_000, "2026-10-14": 4_000})
    sentence = "Today's granularity would book 3 entries of 2026-10 otherwise: 200.00 USD would move, in all nothing on any account"
    assert told(shop, *days, deposit, wanted(2)) == {"granularity": (sentence, 20_000, "USD")}
    assert told(shop, *days, rounded, wanted(2)).keys() == {"granularity"}
    assert told(shop, wanted(1), deposit, wanted(2)) == {}


def test_a_settlement_delivered_anew_is_cut_as_the_setting_says_now(shop: Shop) -> None:
    """What waits for an approval does not hold back a correction: the old entry is turned round, the days are booked."""
    shop.release(wanted(1))
    shop.post()
    assert told(shop, *by_day({"2026-10-13": 6_000, "2026-10-14": 4_000})).keys() == {"granularity"}
    again = by_day({"2026-10-13": 6_000, "2026-10-14": 5_000}, "second delivery")
    assert told(shop, *again) == {}
    shop.post()
    assert shop.net() == effect(again)


def test_what_was_never_sent_is_cut_anew_at_once(shop: Shop) -> None:
    """Nothing of it can be in the ledger, so nothing waits."""
    shop.release(wanted(1))
    days = by_day({"2026-10-13": 6_000, "2026-10-14": 4_000})
    assert told(shop, *days) == {}
    shop.post()
    assert shop.net() == effect(days)


def test_two_causes_are_two_exceptions(shop: Shop) -> None:
    """Each closes by itself: the cost is restored, the account is not."""
    shop.release(*of_kind("cogs", wanted(1)), wanted(2))
    shop.post()
    cost, account = of_kind("cogs", wanted(1, 12_000)), wanted(2, account="1000")
    assert told(shop, *cost, account).keys() == {"products", "accounts"}
    assert told(shop, *of_kind("cogs", wanted(1)), account).keys() == {"accounts"}


def test_of_true_ups_the_last_one_counts(shop: Shop) -> None:
    """Each month's true-up would take in the whole revaluation of 20.00 by itself: three of them are not 60.00."""
    ends = {1: date(2026, 8, 31), 2: date(2026, 9, 30), 3: date(2026, 10, 31)}
    shop.release(*of_kind("stock_valuation", *(wanted(n, on=day) for n, day in ends.items())))
    shop.post()
    changed = of_kind("stock_valuation", *(wanted(n, 12_000, on=day) for n, day in ends.items()))
    ((message, amount, _),) = told(shop, *changed).values()
    assert "3 entries of 2026-08 to 2026-10" in message
    assert message.endswith(
        "The true-up of 2026-10, the last of 3 among them, would move 20.00 USD, beside what stands before it"
    )
    assert amount == 2000


def test_an_entry_that_was_not_booked_or_is_not_wanted_has_one_side(shop: Shop) -> None:
    """A month that needed no true-up wants one, and a settlement wants no entry any more."""
    shop.release(wanted(2), ready={document_of(1): ONE})
    shop.post()
    told(shop, *of_kind("stock_valuation", wanted(1)), ready={document_of(2): ONE})
    with shop.engine.connect() as connection:
        rows = connection.execute(sa.select(db.waiting_entries)).mappings().all()
    assert {(r["entry_key"], r["version"]) for r in rows} == {(key_of(1), 0), (key_of(2), 1)}
    assert {r["released_minor"] for r in rows if r["entry_key"] == key_of(1)} == {0}
    assert {r["wanted_minor"] for r in rows if r["entry_key"] == key_of(2)} == {0}


def test_another_text_moves_nothing(shop: Shop) -> None:
    """A program that words its entries otherwise changes no amount, and says so."""
    shop.release(wanted(1))
    shop.post()
    changed = wanted(1, memo="Settlement 1, closed in October")
    sentence = "Today's texts would book one entry of 2026-10 otherwise"
    assert told(shop, changed) == {"texts": (sentence, None, "")}
    (row,) = ExceptionQueue(shop.engine).open()
    assert [(e["entry_key"], e["account"]) for e in read_waiting(shop.engine, str(row.exception_id))] == [
        (key_of(1), "")
    ]


def test_what_a_person_knows_of_stays_closed_until_it_changes(shop: Shop) -> None:
    """The accountant let it stand: a second run is silent, one more entry under the same cause is told."""
    shop.release(wanted(1), wanted(2))
    shop.post()
    told(shop, wanted(1, account="1000"), wanted(2))
    queue = ExceptionQueue(shop.engine)
    queue.resolve(str(queue.open()[0].exception_id), "Ann", "the old account was right for October")
    assert told(shop, wanted(1, account="1000"), wanted(2)) == {}
    assert told(shop, wanted(1, account="1000"), wanted(2, account="1000")).keys() == {"accounts"}
