"""Canonical to reconcile: the two sides of each truth, with tables and a plot for the analyst, by closing day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from retail_sync.core.money import with_currency
from retail_sync.defs import reconcile_orders, reconcile_returns, reconcile_stock, reconcile_stores, reconcile_traces
from retail_sync.defs.break_pages import break_metadata
from retail_sync.defs.metadata import (
    contract_check,
    contract_specs,
    picture,
    problem_check,
    problem_table,
    small_table,
    spec,
)
from retail_sync.defs.reconcile_orders import tell_orders
from retail_sync.defs.reconcile_returns import tell_returns
from retail_sync.defs.reconcile_stock import tell_stock
from retail_sync.defs.reconcile_stores import tell_stores
from retail_sync.defs.reconcile_traces import tell_traces
from retail_sync.defs.windows import DAYS, days_to_tell, is_told_by_day
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.settlements import RECONCILIATIONS
from retail_sync.reconcile.wording import in_minor_units
from retail_sync.reports.plots import settlement_plot
from retail_sync.reports.state import ReconcileState, read_reconcile
from retail_sync.reports.values import Rows
from retail_sync.reports.words import SETTLEMENTS, explained
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

_OWN = COMPONENTS, TOTALS, MATCHES, ITEMS, BREAKS, CLEARED, PROOFS = tuple(
    table(f"reconcile.{name}")
    for name in (
        "settlement_components", "settlement_totals", "matches", "match_items", "breaks", "cleared_differences", "proofs",
    )
)  # fmt: skip
TABLES = (
    *_OWN,
    *reconcile_orders.TABLES,
    *reconcile_stores.TABLES,
    *reconcile_stock.TABLES,
    *reconcile_returns.TABLES,
    *reconcile_traces.TABLES,
)
_SETTLEMENTS = [("canonical", "settlements"), ("canonical", "settlement_lines"), ("canonical", "rejected_rows")]
_KEY = ["reconcile", "settlement_totals"]
_PLOT = "plot: settlements by closing day"
_SHOWN = ("settlement_totals", *RECONCILIATIONS, "currency_deposit")
# check: beginnings of the break classes it shows, and what it says when there is none
SHOWN_BY = {
    "settlements_foot": (("settlement_", "rows_", "payout_"), "every settlement's lines sum to its total"),
    "deposits_arrived": (("deposit_",), "every payout due was found in the bank, and nothing else"),
    "chains_hold": (
        ("reserve_", "opening_", "failed_transfer_"),
        "debts, reserves and failed payouts pass on unchanged",
    ),
}
# The checks of every page here.
SHOWN_ON = (
    (_KEY, SHOWN_BY),
    *reconcile_orders.SHOWN_ON,
    *reconcile_stores.SHOWN_ON,
    *reconcile_stock.SHOWN_ON,
    *reconcile_returns.SHOWN_ON,
)
_VERDICTS = f"""\
{explained(SETTLEMENTS)}

**Look at** the sentences under *what needs a person*, then at the plot. The partitions are closing days."""


@dg.multi_asset(
    name="reconcile",
    specs=[
        spec(COMPONENTS, deps=_SETTLEMENTS),
        spec(
            MATCHES,
            deps=[*_SETTLEMENTS, ("canonical", "bank_transactions")],
            look="**Look at** *pairs by rule*: a rule that suddenly finds fewer pairs has lost its evidence.",
        ),
        spec(
            ITEMS,
            deps=[*_SETTLEMENTS, ("canonical", "bank_transactions")],
            look="**Look at** *items by verdict*: what is open is carried forward until later data, or a person, explains it.",
        ),
        spec(
            TOTALS,
            deps=[("reconcile", "settlement_components"), ("reconcile", "matches"), ("canonical", "settlements")],
            look=_VERDICTS,
            partitions_def=DAYS,
        ),
        spec(
            BREAKS,
            deps=[("reconcile", "settlement_totals"), ("reconcile", "matches")],
            look="**Look at** *what needs a person*, the largest value first.",
        ),
        spec(
            CLEARED,
            deps=[("reconcile", "settlement_totals"), ("reconcile", "matches")],
            look="**Look at** *cleared by rule*: many small differences in one direction are a fee that nobody agreed to.",
        ),
        spec(
            PROOFS,
            deps=[("reconcile", "breaks")],
            look="**Look at** *matched*: the share of each comparison. What is `unexplained` would have stopped the run.",
        ),
        *reconcile_orders.SPECS,
        *reconcile_stores.SPECS,
        *reconcile_stock.SPECS,
        *reconcile_returns.SPECS,
        *reconcile_traces.SPECS,
    ],
    check_specs=[
        *contract_specs(TABLES),
        dg.AssetCheckSpec(
            "residual_proof",
            asset=["reconcile", "breaks"],
            blocking=True,
            description="On every day the breaks explain the difference of the totals, to the cent. If not, the run stops.",
        ),
        dg.AssetCheckSpec(
            "settlements_foot",
            asset=_KEY,
            description="The lines of every settlement could be read, are classified and sum to its stated total.",
        ),
        dg.AssetCheckSpec(
            "deposits_arrived",
            asset=_KEY,
            description="Every payout that is due is in the bank with its amount, and the bank shows no other.",
        ),
        dg.AssetCheckSpec(
            "chains_hold",
            asset=_KEY,
            description="Debts, reserves and failed payouts that one settlement leaves are those that a later one takes over.",
        ),
        *reconcile_orders.CHECKS,
        *reconcile_stores.CHECKS,
        *reconcile_stock.CHECKS,
        *reconcile_returns.CHECKS,
    ],
)
def reconcile_settlements(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Compare lines, header and bank of every settlement whose facts changed."""
    pipeline = home.pipeline(context)
    report = pipeline.reconcile()
    state = read_reconcile(pipeline, datetime.now(UTC).date())
    counts = state.row_counts
    yield dg.MaterializeResult(
        asset_key=["reconcile", "settlement_components"],
        metadata={"dagster/row_count": counts["settlement_components"]},
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "matches"],
        metadata={
            "pairs by rule": small_table(("reconciliation", "rule", "pairs"), state.rules),
            "dagster/row_count": counts["matches"],
        },
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "match_items"],
        metadata={
            "items by verdict": small_table(
                ("reconciliation", "side", "verdict", "items", "amount", "oldest"), state.items
            ),
            "dagster/row_count": counts["match_items"],
        },
    )
    yield from _totals(context, report, state)
    yield dg.MaterializeResult(
        asset_key=["reconcile", "breaks"],
        metadata={
            "what needs a person": problem_table(state.found),
            "dagster/row_count": counts["breaks"],
        },
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "cleared_differences"],
        metadata={
            "cleared by rule": small_table(("rule", "cap", "account", "currency", "differences", "sum"), state.cleared),
            "dagster/row_count": counts["cleared_differences"],
        },
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "proofs"],
        metadata={
            "reconciliations": small_table(
                ("reconciliation", "compared", "matched", "open", "value", "oldest", "overdue"),
                # The clearing accounts follow the journal and have their own page: here they are those of the run before.
                [
                    tuple(row.values())
                    for row in state.reconciliations.summary
                    if row["reconciliation"] != "clearing_items"
                ],
            ),
            "dagster/row_count": counts["proofs"],
        },
    )
    yield from tell_orders(context, state)
    yield from tell_stores(context, report, state)
    yield from tell_stock(context, state)
    yield from tell_returns(context, state)
    yield from tell_traces(context, state)
    for entry in TABLES:
        yield contract_check(entry, state.problems)
    # A run that compared nothing anew must not pass what an earlier one left open.
    yield _residual(list(dict.fromkeys((*report.residual, *state.unexplained))))
    for key, checks in SHOWN_ON:
        for name, (prefixes, fine) in checks.items():
            found = [problem for problem in state.found if problem.code.startswith(prefixes)]
            yield problem_check(key, name, found, fine)


def _residual(rest: Sequence[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=["reconcile", "breaks"],
        check_name="residual_proof",
        passed=not rest,
        description="; ".join(rest) or "the breaks explain the difference of the totals on every day, to the cent",
    )


def _totals(
    context: dg.AssetExecutionContext, report: ReconcileReport, state: ReconcileState
) -> Iterator[dg.MaterializeResult[None]]:
    """Tell the days that changed, then all of them together: the asset's page shows what is told last."""
    own = tuple(prefix for prefixes, _ in SHOWN_BY.values() for prefix in prefixes)
    found = [problem for problem in state.found if problem.code.startswith(own)]
    summary = {
        "verdicts": _verdict_table(state.verdicts),
        _PLOT: picture(context, _KEY, _PLOT, state.plot, lambda: settlement_plot(state.plot)),
        "what needs a person": problem_table(found),
        **break_metadata(context, _KEY, state.reconciliations, _SHOWN),
        "newest settlements": _settlement_table(state.settlements),
        "open differences": len(found),
        "settlements looked at in this run": report.touched,
        "dagster/row_count": state.row_counts["settlement_totals"],
    }
    if is_told_by_day(context):  # Days with settlements are told again, with their own.
        yield dg.MaterializeResult(asset_key=_KEY, metadata={"settlements closed on this day": "none"})
    _tell_days(context, {*report.days, *days_to_tell(context, state.by_day)}, state)
    if is_told_by_day(context):
        context.log_event(dg.AssetMaterialization(asset_key=_KEY, metadata=summary))
    else:
        yield dg.MaterializeResult(asset_key=_KEY, metadata=summary)


def _tell_days(context: dg.AssetExecutionContext, days: set[str], state: ReconcileState) -> None:
    for day in sorted(days):
        if DAYS.has_partition_key(day):
            rows = state.by_day.get(day, [])
            subjects = {in_minor_units(str(row[0]).removeprefix("bank:"), row[1]) for row in rows}
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=_KEY,
                    partition=day,
                    metadata={
                        "settlements closed on this day": _settlement_table(rows),
                        "what needs a person": problem_table([p for p in state.found if p.subject in subjects]),
                        "dagster/partition_row_count": len(rows),
                    },
                )
            )


def _verdict_table(rows: Rows) -> dg.TableMetadataValue | str:
    """Show what needs a look first, what agrees last."""
    ordered = sorted(rows, key=lambda row: (row[0] == "matched", row[0] == "awaiting_bank"))
    return small_table(("verdict", "currency", "settlements", "stated total"), ordered, words=SETTLEMENTS)


def brief_id(settlement_id: str) -> str:
    """Return a payout's id (channel/account/currency/number) as channel and number: as a whole it would widen the table.

    One table that is too wide has the UI cut off the sentences of all others on the page.
    """
    channel, slash, rest = settlement_id.partition("/")
    return f"{channel} {rest.rpartition('/')[2]}" if slash else settlement_id


def _settlement_table(rows: Rows) -> dg.TableMetadataValue | str:
    """Show settlements; the currency stands with the stated total, or with the deposit where there is none."""
    return small_table(
        ("closed", "settlement", "verdict", "lines", "stated total", "bank"),
        [
            (
                closed,
                brief_id(settlement),
                verdict,
                lines,
                total and with_currency(total, currency),
                bank if total else with_currency(bank, currency),
            )
            for settlement, currency, closed, lines, total, bank, _debt, _reserve, verdict in rows
        ],
        words=SETTLEMENTS,
    )
