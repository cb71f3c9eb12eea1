"""Any entry is taken if and only if it balances in whole minor units, alone or among others."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.embedded import Account, EmbeddedLedger
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync_tests.ledger.bookkeeping import CHART, Books, reversal, sale, token

ACCOUNTS = [account.code for account in CHART if account.is_active]
AMOUNTS = st.integers(-(10**15), 10**15) | st.integers(-3, 3)
_number = count(1)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Draw an entry; about half of them balance."""
    home = draw(st.lists(AMOUNTS, min_size=0, max_size=6))
    is_foreign = draw(st.booleans())
    currencies = draw(st.lists(st.sampled_from(["CAD", "JPY"]), min_size=6, max_size=6)) if is_foreign else ["USD"] * 6
    foreign = draw(st.lists(AMOUNTS, min_size=6, max_size=6)) if is_foreign else home
    if home and draw(st.booleans()):
        home = [*home[:-1], -sum(home[:-1])]
        foreign = [*foreign[: len(home) - 1], -sum(foreign[: len(home) - 1])]
    lines = tuple(
        EntryLine(draw(st.sampled_from(ACCOUNTS)), foreign[i], currencies[i], home[i], "USD") for i in range(len(home))
    )
    return replace(sale(next(_number)), lines=lines)


def balances(entry: Entry) -> bool:
    """Say by the definition whether an entry is one, and its amounts fit."""
    amounts = [amount for leg in entry.lines for amount in (leg.home_minor, leg.transaction_minor)]
    if len(entry.lines) < 2 or any(abs(amount) > 10**15 for amount in amounts):
        return False
    is_mixed = len({leg.transaction_currency for leg in entry.lines}) > 1
    foreign = sum(leg.transaction_minor for leg in entry.lines)
    return sum(leg.home_minor for leg in entry.lines) == 0 and (is_mixed or foreign == 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries(), max_size=12))
def test_an_entry_is_taken_exactly_when_it_balances(ledger: EmbeddedLedger, drawn: list[Entry]) -> None:
    """Refused ones leave no trace, and do not take their neighbours with them."""
    before = ledger.entry_count()
    answers = ledger.post_many([(entry, token(entry)) for entry in drawn])
    assert list(answers) == [entry.key for entry in drawn]
    taken = [entry for entry in drawn if isinstance(answers[entry.key], str)]
    assert taken == [entry for entry in drawn if balances(entry)]
    assert [int(str(answers[entry.key])) for entry in taken] == list(range(before + 1, before + len(taken) + 1))
    found = ledger.find([entry.key for entry in drawn])
    assert [found[entry.key].entry for entry in taken] == taken
    assert len(found) == len(taken)
    assert sum(balance.home_minor for balance in ledger.balances()) == 0
    assert list(ledger.verify()) == []


def test_many_entries_stand_or_fall_alone_whatever_the_reason(ledger: EmbeddedLedger) -> None:
    """A month end sends thousands; one wrong account holds up one entry."""
    ledger.close_period("2026-09", "Ann", "books signed")
    first = sale(1)
    sent = [
        first,
        reversal(first),
        replace(reversal(first), key="again"),
        replace(sale(2), lines=(replace(sale(2).lines[0], account="8888"), *sale(2).lines[1:])),
        replace(sale(3), posting_date=sale(3).posting_date.replace(month=9)),
        replace(sale(4), memo="\0"),
        replace(sale(5), reverses="nothing"),
        *(sale(number) for number in range(10, 1_500)),
    ]
    answers = ledger.post_many([(entry, token(entry)) for entry in sent])
    codes = Counter(answer.code for answer in answers.values() if isinstance(answer, LedgerRefused))
    assert codes == {"already_reversed": 1, "unknown_account": 1, "closed_period": 1, "malformed": 2}
    assert ledger.entry_count() == len(sent) - 5
    assert ledger.post_many([(entry, token(entry)) for entry in sent[7:]]) == dict(list(answers.items())[7:])
    assert list(ledger.verify()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "two\nlines"},
        {"key": ""},
        {"memo": "\0"},
        {"memo": "\ud800"},
        {"lines": (replace(sale(1).lines[0], home_minor=1.0), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], home_minor=True), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], home_minor=2**70), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], rate="one"), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], rate="NaN"), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], transaction_currency="usd"), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], memo=None), *sale(1).lines[1:])},
        {"lines": (replace(sale(1).lines[0], account="\0"), *sale(1).lines[1:])},
    ],
    ids=str,
)
def test_an_entry_no_ledger_can_keep_is_refused_as_malformed(ledger: EmbeddedLedger, wrong: dict[str, object]) -> None:
    """Each of these once became something else on its way through a driver."""
    with pytest.raises(LedgerRefused) as caught:
        ledger.post(replace(sale(1), **wrong), "t")  # type: ignore[arg-type]
    assert caught.value.code == "malformed"
    assert ledger.entry_count() == 0


def test_the_same_key_twice_in_one_call_is_a_fault_of_the_caller(ledger: EmbeddedLedger) -> None:
    """There is one answer by key, and it could not be right for both."""
    with pytest.raises(ValueError, match="twice"):
        ledger.post_many([(sale(1), "a"), (sale(1, 5_000), "b")])


def test_a_used_token_is_refused_for_another_entry(ledger: EmbeddedLedger) -> None:
    """A token belongs to one body; sending it with another is a fault to be seen."""
    ledger.post(sale(1), "t")
    with pytest.raises(LedgerRefused, match="settlement:1#1") as caught:
        ledger.post(sale(2), "t")
    assert caught.value.code == "key_conflict"


def test_the_worked_examples_of_the_accounting_guide_all_post(books: Books, samples: Path) -> None:
    """39 entries for settlements, store days, tax, currency and troubles, with accounts by full name."""
    guide = json.loads((samples / "ledgers" / "worked_examples.json").read_text())
    names = sorted({leg["account"] for example in guide for leg in example["lines"]})
    ledger = books.open()
    ledger.install([Account(name, name, "any", "debit") for name in names])
    sent = [worked_entry(example) for example in guide]
    answers = ledger.post_many([(entry, token(entry)) for entry in sent])
    assert [entry.key for entry in sent if not isinstance(answers[entry.key], str)] == []
    expected: Counter[str] = Counter()
    for example in guide:
        for leg in example["lines"]:
            expected[leg["account"] + leg["currency"]] += leg["minor"]
    booked: Counter[str] = Counter()
    for balance in ledger.balances():
        booked[balance.account + balance.home_currency] += balance.home_minor
    assert booked == expected
    assert list(ledger.verify()) == []
    ledger.close()


def worked_entry(example: dict) -> Entry:
    """Return an entry of the guide; what it does not say is as in its home currency."""
    lines = tuple(
        EntryLine(
            leg["account"],
            leg.get("transaction_minor", leg["minor"]),
            leg.get("transaction_currency", leg["currency"]),
            leg["minor"],
            leg["currency"],
        )
        for leg in example["lines"]
    )
    reverses = f"{example['reverses']}#1" if "reverses" in example else None
    return replace(sale(1), key=f"{example['id']}#1", memo=example["memo"], lines=lines, reverses=reverses)
