"""What each class of breaks is: its kind, who looks after it, and by when. `data/rules/break_kinds.csv` decides.

What belongs here: reading that file. What does not: the sentences (`problems.py`), and ages: those are counted where they are
shown, so that the same deliveries give the same breaks on any day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile
from retail_sync.reconcile.comparing import KINDS
from retail_sync.schemas.derived import BREAK_CLASSES

BREAK_KINDS = (*KINDS, "unknown_sku")


@dataclass(frozen=True, slots=True)
class BreakKind:
    """How breaks of one class differ, the team that looks after them, and the days it has for it."""

    kind: str
    owner: str
    sla_days: int

    def due(self, since: date) -> date:
        """The last day on which a break that dates from `since` is in time."""
        return since + timedelta(days=self.sla_days)


BreakKinds = Mapping[str, BreakKind]


def read_break_kinds(rules: RuleFile) -> BreakKinds:
    """Return the kinds by break class. Raises RulesError unless every class has exactly one."""
    kinds: dict[str, BreakKind] = {}
    for row in rules.rows:
        name, kind, days = row["break_class"], row["kind"], row["sla_days"]
        if name not in BREAK_CLASSES:
            raise RulesError(f"{rules.name}.csv: there is no break class {name!r}", "take that line out")
        if name in kinds:
            raise RulesError(f"{rules.name}.csv has {name} twice", "keep one line")
        if kind not in BREAK_KINDS:
            raise RulesError(f"{rules.name}.csv: {kind!r} of {name} is no kind", f"use one of {', '.join(BREAK_KINDS)}")
        if not row["owner"].strip() or not (days.isascii() and days.isdigit()):
            raise RulesError(
                f"{rules.name}.csv: {name} does not say who looks after it within how many days",
                "write a team as owner and a whole number as sla_days",
            )
        kinds[name] = BreakKind(kind, row["owner"], int(days))
    if missing := [name for name in BREAK_CLASSES if name not in kinds]:
        raise RulesError(f"{rules.name}.csv says nothing of {', '.join(missing)}", "add a line for each")
    return kinds
