"""Governed days of the steps of an order: for each step a rule for all channels, and others for some of them."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile


def put_step_rules(connection: duckdb.DuckDBPyConnection, rules: RuleFile, steps: Sequence[str]) -> None:
    """Make the temp table `step_rules`. Raises RulesError where a step has no rule for all channels, or two for one."""
    places = [(row["step"], row["channel"]) for row in rules.rows]
    wrong = [
        *(f"no rule for {step} of all channels" for step in steps if (step, "*") not in places),
        *(f"a rule for {step!r}, which is no step it rules" for step, _ in places if step not in steps),
        *(f"two rules for {step} of {channel}" for step, channel in set(places) if places.count((step, channel)) > 1),
    ]
    if wrong:
        raise RulesError(f"{rules.name}.csv has {wrong[0]}", "correct it, or restore it from the project")
    values = {
        "step": pa.array([row["step"] for row in rules.rows], pa.string()),
        "channel": pa.array([row["channel"] for row in rules.rows], pa.string()),
        "days_after": pa.array([_days(rules.name, row) for row in rules.rows], pa.int32()),
    }
    connection.register("step_rule_rows", pa.table(values))
    connection.execute("create or replace temp table step_rules as select * from step_rule_rows")
    connection.unregister("step_rule_rows")


def _days(name: str, row: dict[str, str]) -> int:
    if not (row["days_after"].isascii() and row["days_after"].isdigit() and len(row["days_after"]) <= 3):
        raise RulesError(
            f"{name}.csv, {row['step']} of {row['channel']}: days_after cannot be {row['days_after']!r}",
            "write a number of days, e.g. 7",
        )
    return int(row["days_after"])
