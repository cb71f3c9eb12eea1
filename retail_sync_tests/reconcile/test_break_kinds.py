"""The governed file of break kinds: every class of breaks once, with a kind, an owner and its days."""

from __future__ import annotations

from datetime import date

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile, read_rules
from retail_sync.reconcile.break_kinds import BREAK_KINDS, BreakKind, read_break_kinds
from retail_sync.schemas.derived import BREAK_CLASSES
from retail_sync_tests.reconcile.facts import KINDS, RULES

_ROWS = read_rules(RULES, "break_kinds").rows
_FIRST = _ROWS[0]


def test_every_class_of_breaks_has_a_kind_an_owner_and_its_days() -> None:
    """A class that is new in the program and not in the file would have nobody who looks after it."""
    assert set(KINDS) == set(BREAK_CLASSES)
    assert {kind.kind for kind in KINDS.values()} <= set(BREAK_KINDS)


WRONG = {
    "missing": (_ROWS[1:], f"says nothing of {_FIRST['break_class']}"),
    "unknown_class": ((*_ROWS, _FIRST | {"break_class": "deposit_late"}), "there is no break class 'deposit_late'"),
    "twice": ((*_ROWS, _FIRST), f"has {_FIRST['break_class']} twice"),
    "unknown_kind": ((_FIRST | {"kind": "strange"}, *_ROWS[1:]), "'strange' of"),
    "no_owner": ((_FIRST | {"owner": " "}, *_ROWS[1:]), "does not say who"),
    "no_days": ((_FIRST | {"sla_days": "soon"}, *_ROWS[1:]), "does not say who"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_leaves_a_class_open_is_refused(case: str) -> None:
    """Whole or not at all, as every governed file."""
    rows, words = WRONG[case]
    with pytest.raises(RulesError, match=words) as caught:
        read_break_kinds(RuleFile("break_kinds", rows, ""))
    assert caught.value.remedy


def test_what_is_due_counts_from_the_day_the_break_dates_from() -> None:
    """Seven days after 14 October is the 21st; on the 22nd it is late."""
    assert BreakKind("amount", "finance", 7).due(date(2026, 10, 14)) == date(2026, 10, 21)
