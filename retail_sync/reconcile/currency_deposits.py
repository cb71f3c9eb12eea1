"""Payouts in one currency that arrive on a bank account of another: matched over the rate of the day, after all others.

What belongs here: which of the payouts and bank lines that are still open belong together. What does not: booking them. The
gain or loss of a conversion is realised in the home currency, so such a deposit is told and not journalled.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile
from retail_sync.reconcile import matching
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.matching import MatchRule

RECONCILIATION = "currency_deposit"
_RATE = "currency_rate"


def match_currency_deposits(connection: duckdb.DuckDBPyConnection, match_rules: RuleFile) -> None:
    """Add pairs, ambiguities and items of `currency_deposit` to those of the matching core."""
    rules, days_old = _rules(match_rules)
    prepare_money(connection)
    connection.execute(
        sql.statement(__package__, "currency_conversions"),
        {
            "days_old": days_old,
            "days_before": max(rule.days_before for rule in rules),
            "days_after": max(rule.days_after for rule in rules),
        },
    )
    connection.execute(sql.statement(__package__, "currency_decided"), {"reconciliation": RECONCILIATION})
    for rule in rules:
        connection.execute(
            sql.statement(__package__, "currency_candidates"),
            {
                "reconciliation": RECONCILIATION,
                "key": rule.key,
                "is_confirmed": rule.is_confirming,
                "tolerance": rule.amount_tolerance,
                "percent": rule.percent_tolerance,
                "days_before": rule.days_before,
                "days_after": rule.days_after,
            },
        )
        matching.pair(connection, RECONCILIATION, rule)
    matching.drop_overtaken_suggestions(connection, RECONCILIATION)
    connection.execute(sql.statement(__package__, "currency_items"), {"reconciliation": RECONCILIATION})
    connection.execute(
        "delete from new_match_items where reconciliation = 'settlement_deposit' and item_id in "
        "(select item_id from new_match_items where reconciliation = ? and status = 'matched')",
        [RECONCILIATION],
    )


def _rules(match_rules: RuleFile) -> tuple[Sequence[MatchRule], int]:
    """Return the rules of pairs, and how many days old a rate may be. Raises RulesError for one that cannot be applied."""
    rules = matching.rules_for(match_rules, RECONCILIATION)
    for rule in rules:
        if (rule.shape, rule.day_kind, rule.rounding_per_line) != ("one_to_one", "calendar", Decimal(0)):
            raise RulesError(
                f"match_rules.csv, rule {rule.rule_id}: over a rate single items are compared in calendar days",
                "write one_to_one, calendar and no rounding_per_line",
            )
    return rules, max(rule.days_before for rule in matching.rules_for(match_rules, _RATE))
