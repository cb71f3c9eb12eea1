"""Small differences that a governed rule clears to a named account: which rules there are, and what each of them clears.

What belongs here: reading `auto_clear.csv` and picking the breaks under its caps. What does not: the entry that books it
(`journal/settlement.py`). Each difference is cleared whole or not at all, by itself: several that lie under a cap together,
or only once they are netted, are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations

import duckdb
import pyarrow as pa

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile

# The classes whose differences one entry of ours can close.
CLEARABLE = ("deposit_differs",)
_CAP = re.compile(r"\d{1,9}(\.\d{1,4})?", re.ASCII)
_CURRENCY = re.compile(r"\*|[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClearingRule:
    """What may be cleared: differences of `break_class` up to `cap` each, in either direction, to `account`.

    `cap` is an amount of the difference's own currency; 0 clears nothing. `currency` may be `*`: then a rule that names the
    currency stands above it. The days are those that a difference dates from, both included.
    """

    rule_id: str
    break_class: str
    currency: str
    cap: Decimal
    account: str
    valid_from: date
    valid_to: date

    def overlaps(self, other: ClearingRule) -> bool:
        """Whether both would speak of one difference."""
        return (
            (self.break_class, self.currency) == (other.break_class, other.currency)
            and self.valid_from <= other.valid_to
            and other.valid_from <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class ClearingRules:
    """The rules in force; `version` changes with them."""

    rules: Sequence[ClearingRule] = ()
    version: str = ""


def read_clearing_rules(file: RuleFile, chart: RuleFile, *, is_booked: bool) -> ClearingRules:
    """Read them. Raises RulesError for a rule that nobody could follow, or that names no account to clear to.

    Without `is_booked` nothing is cleared: where the ledger's own bank feed books deposits, no entry of ours could do it.
    """
    rules = [_rule(row) for row in file.rows]
    accounts = {row["code"]: row for row in chart.rows}
    for rule in rules:
        if complaint := _complaint_about_account(rule.account, accounts):
            raise RulesError(
                f"{file.name}.csv, rule {rule.rule_id}: {complaint}", "name an active account of the chart"
            )
    names = [rule.rule_id for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RulesError(f"{file.name}.csv has rule {twice[0]} twice", "give each rule a name of its own")
    for one, other in combinations(rules, 2):
        if one.overlaps(other):
            raise RulesError(
                f"{file.name}.csv: rules {one.rule_id} and {other.rule_id} speak of the same differences",
                "let one end before the other begins",
            )
    return ClearingRules(rules if is_booked else (), f"{file.hash}|{is_booked}")


def _complaint_about_account(account: str, accounts: dict[str, dict[str, str]]) -> str:
    row = accounts.get(account)
    if row is None:
        return f"chart_of_accounts.csv has no account {account!r}"
    if row["is_active"] != "true":
        return f"account {account} is not active"
    # There the difference would only be an open item again, under another name.
    return f"account {account} is a clearing account itself" if row["is_clearing"] == "true" else ""


def _rule(row: dict[str, str]) -> ClearingRule:
    place = f"auto_clear.csv, rule {row['rule_id']}"
    if row["break_class"] not in CLEARABLE:
        raise RulesError(
            f"{place}: differences of the class {row['break_class']!r} cannot be cleared",
            f"use one of {', '.join(CLEARABLE)}",
        )
    if not _CURRENCY.fullmatch(row["currency"]):
        raise RulesError(f"{place}: currency cannot be {row['currency']!r}", "write a code like USD, or * for all")
    if not _CAP.fullmatch(row["cap"]):
        raise RulesError(f"{place}: cap cannot be {row['cap']!r}", "write an amount like 0.05, or 0 to clear nothing")
    return ClearingRule(
        rule_id=row["rule_id"],
        break_class=row["break_class"],
        currency=row["currency"],
        cap=Decimal(row["cap"]),
        account=row["account"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
    )


def clear_small_differences(connection: duckdb.DuckDBPyConnection, rules: ClearingRules) -> None:
    """Move the breaks that a rule clears from `new_breaks` to the temp table `new_cleared_differences`."""
    columns = {
        "rule_id": pa.array([rule.rule_id for rule in rules.rules], pa.string()),
        "break_class": pa.array([rule.break_class for rule in rules.rules], pa.string()),
        "currency": pa.array([rule.currency for rule in rules.rules], pa.string()),
        "cap": pa.array([rule.cap for rule in rules.rules], pa.decimal128(18, 4)),
        "account": pa.array([rule.account for rule in rules.rules], pa.string()),
        "valid_from": pa.array([rule.valid_from for rule in rules.rules], pa.date32()),
        "valid_to": pa.array([rule.valid_to for rule in rules.rules], pa.date32()),
    }
    connection.register("clearing_rules", pa.table(columns))
    connection.execute(sql.statement(__package__, "auto_clear"))
    connection.unregister("clearing_rules")
    connection.execute(
        "delete from new_breaks as b using new_cleared_differences as c where b.reconciliation = c.reconciliation "
        "and b.subject = c.subject and b.break_class = c.break_class"
    )
