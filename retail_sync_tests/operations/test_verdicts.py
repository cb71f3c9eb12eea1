"""What is decided about the entries of one document together, and about one bank movement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retail_sync.operations.evidence import Evidence, Facts, Sight
from retail_sync.operations.releases import Releaser
from retail_sync.operations.verdicts import Desired
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, wanted

ONE = Facts("first delivery", "first delivery")
PAID, PAID_TWICE = "bank:t1|100.0000|2026-10-16", "bank:t2|100.0000|2026-10-17"


def of_document_1(number: int, minor: int = 10_000, facts: str = "first delivery", account: str = "4000") -> Desired:
    """Another entry of settlement 1's document: another month, or a failed transfer."""
    return replace(wanted(number, minor, facts, account=account), document_id=document_of(1))


def deposit(number: int, movement: str, rules: str = "a", account: str = "4000") -> Desired:
    """The deposit of settlement `number`, from a bank movement under these matching rules."""
    evidence = Evidence("delivery", "statement", movement, rules)
    return replace(wanted(number, facts=f"{number}|{movement}", account=account), kind="deposit", evidence=evidence)


def seeing(rules: str, *movements: str) -> Sight:
    """A warehouse that has read everything and sees these movements."""
    return Sight(frozenset({"delivery", "statement"}), (), True, frozenset(movements), rules)


def without_match(number: int) -> dict[str, Facts]:
    """Settlement `number` is ready, as delivered, and has no bank movement."""
    return {document_of(number): Facts("delivery", f"{number}|", "delivery")}


def told(shop: Shop, *entries: Desired, **more: object) -> set[tuple[str, str]]:
    """Release and return (code, subject) of what is held, and of each entry that waits."""
    report = shop.release(*entries, **more)  # type: ignore[arg-type]
    waiting = {("rule_change_waits", entry.entry_key) for entry in report.waiting}
    return waiting | {(problem.code, problem.subject) for problem in report.held}


def test_a_new_key_of_the_same_facts_waits_with_the_others(shop: Shop) -> None:
    """A rule that makes two entries of one: booking the new one alone would book its money twice."""
    shop.release(wanted(1))
    shop.post()
    split = wanted(1, 6_000), of_document_1(2, 4_000)
    assert told(shop, *split) == {("rule_change_waits", key_of(1)), ("rule_change_waits", key_of(2))}
    shop.post()
    assert shop.net() == effect([wanted(1)])


def test_a_new_key_of_new_facts_is_released_with_the_correction(shop: Shop) -> None:
    """The same two entries from a re-issued settlement are no rule's doing."""
    shop.release(wanted(1))
    shop.post()
    split = wanted(1, 6_000, "second delivery"), of_document_1(2, 4_000, "second delivery")
    assert told(shop, *split) == set()
    shop.post()
    assert shop.net() == effect(split)


def test_a_document_that_had_nothing_to_book_is_not_booked_by_a_rule(shop: Shop) -> None:
    """A month whose stock needed no true-up: a rule that wants one of the same facts waits, other facts book it."""
    shop.release(ready={document_of(1): ONE})
    assert told(shop, wanted(1)) == {("rule_change_waits", key_of(1))}
    assert told(shop, wanted(1)) == {("rule_change_waits", key_of(1))}
    assert told(shop, wanted(1, facts="second delivery")) == set()
    shop.post()
    assert shop.net() == effect([wanted(1)])


def test_what_was_not_sent_waits_when_money_moves_between_entries(shop: Shop) -> None:
    """A held entry gives lines to one that is booked: cancelling it while the other waits would lose them."""
    shop.release(wanted(1), of_document_1(2, account="9999"))
    shop.post()
    assert shop.reasons() == {f"{key_of(2)}#1": "unknown_account"}
    assert told(shop, wanted(1, 20_000)) == {("rule_change_waits", key_of(1)), ("rule_change_waits", key_of(2))}
    assert shop.states()[f"{key_of(2)}#1"] == "held"


def test_an_account_corrected_by_a_rule_frees_what_was_held(shop: Shop) -> None:
    """An entry held for its account is replaced by a rule that gives it another one, though its sibling is booked."""
    shop.release(wanted(1), of_document_1(2, account="9999"))
    shop.post()
    assert told(shop, wanted(1), of_document_1(2)) == set()
    shop.post()
    assert shop.net() == effect([wanted(1), of_document_1(2)])


def test_a_deposit_whose_match_a_rule_takes_away_waits(shop: Shop) -> None:
    """Settlement and movement are unchanged, the rules are not; under unchanged rules it was another fact."""
    shop.release(deposit(1, PAID), sight=seeing("a", PAID))
    shop.post()
    lost = {"ready": without_match(1)}
    assert told(shop, sight=seeing("b", PAID), **lost) == {("rule_change_waits", key_of(1))}
    assert told(shop, sight=seeing("a", PAID), **lost) == set()
    shop.post()
    assert shop.net() == {}


def test_a_deposit_whose_movement_is_gone_is_withdrawn_under_any_rules(shop: Shop) -> None:
    """The corrected statement does not show the payment any more: that is a fact."""
    shop.release(deposit(1, PAID), sight=seeing("a", PAID))
    shop.post()
    assert told(shop, sight=seeing("b"), ready=without_match(1)) == set()
    shop.post()
    assert shop.net() == {}


def test_a_match_that_stood_under_a_newer_rule_rests_on_it(shop: Shop) -> None:
    """The rule changed and the match stayed: what takes it away later is not that rule."""
    shop.release(deposit(1, PAID), sight=seeing("a", PAID))
    shop.post()
    shop.release(deposit(1, PAID, "b"), sight=seeing("b", PAID))
    assert told(shop, sight=seeing("b", PAID), ready=without_match(1)) == set()
    assert shop.states()[f"{key_of(1)}#1R"] == "pending"


@pytest.mark.parametrize("rules", ["a", "b"])
def test_a_movement_is_booked_for_one_settlement_only(shop: Shop, rules: str) -> None:
    """The payment goes from settlement 1 to 2: by new evidence both are corrected, by a rule neither is booked anew."""
    shop.release(deposit(1, PAID), sight=seeing("a", PAID))
    shop.post()
    found = told(shop, deposit(2, PAID, rules), sight=seeing(rules, PAID), ready=without_match(1))
    shop.post()
    if rules == "a":
        assert found == set()
        assert shop.net() == effect([deposit(2, PAID)])
    else:
        assert found == {("rule_change_waits", key_of(1)), ("bank_movement_booked", key_of(2))}
        assert shop.net() == effect([deposit(1, PAID)])


def test_a_chain_of_payments_waits_as_one(shop: Shop) -> None:
    """1 waits and keeps its payment, so 2, whose new facts would give it that payment, keeps its own, which 3 then lacks."""
    shop.release(deposit(1, PAID), deposit(2, PAID_TWICE), sight=seeing("a", PAID, PAID_TWICE))
    shop.post()
    moved = replace(deposit(2, PAID, "b", account="1000"), facts_hash="2 re-issued"), deposit(3, PAID_TWICE, "b")
    found = told(shop, *moved, sight=seeing("b", PAID), ready=without_match(1))
    assert found == {
        ("rule_change_waits", key_of(1)),
        ("bank_movement_booked", key_of(2)),
        ("bank_movement_booked", key_of(3)),
    }
    shop.post()
    assert shop.net() == effect([deposit(1, PAID), deposit(2, PAID_TWICE)])


def test_entries_of_a_delivery_that_cannot_be_read_are_held_together(shop: Shop) -> None:
    """What is in force now is an older issue: neither its amounts nor its keys are booked, and nothing leaves the books."""
    in_force = {name: replace(wanted(1), evidence=Evidence(name)) for name in ("old", "new")}
    shop.release(in_force["new"], replace(of_document_1(2), evidence=Evidence("new")), sight=Sight(frozenset({"new"})))
    shop.post()
    older = wanted(1, 12_000, "the old one"), of_document_1(3, facts="the old one")
    report = shop.release(*older, sight=Sight(frozenset({"old"}), ("new.txt",), is_complete=False))
    assert {(p.code, p.subject) for p in report.held} == {
        ("rebuild_incomplete", "warehouse"),
        *(("facts_unreadable", key_of(number)) for number in (1, 2, 3)),
    }
    assert any("new.txt" in problem.message for problem in report.held)
    shop.post()
    assert shop.net() == effect([wanted(1), of_document_1(2)])


def test_what_was_withdrawn_is_not_booked_again_from_half_the_facts(shop: Shop) -> None:
    """A correction took an entry back; while the correction cannot be read, the entry must not come again."""
    shop.release(wanted(1))
    shop.post()
    shop.release(ready={document_of(1): Facts("second delivery", "")})
    shop.post()
    assert told(shop, wanted(1), sight=Sight(is_complete=False)) == {("facts_unreadable", key_of(1))}
    shop.post()
    assert shop.net() == {}


def test_another_ledger_is_told_by_itself(shop: Shop) -> None:
    """What one ledger was told says nothing about another: its first version has the next free number."""
    shop.release(wanted(1))
    shop.post()
    other = Releaser(shop.engine, "other", "tests", "run", lambda day: day)
    assert other.release([wanted(1)], {document_of(1): ONE}, Sight()).new == 1
    assert [(row["ledger"], row["ledger_key"]) for row in shop.rows()] == [
        ("embedded", f"{key_of(1)}#1"),
        ("other", f"{key_of(1)}#2"),
    ]
    assert other.release([wanted(1)], {document_of(1): ONE}, Sight()).unchanged == 1
