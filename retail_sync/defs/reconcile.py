"""Canonical to reconcile: the two sides of each truth, with tables and a plot for the analyst, by closing day."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, markdown_table, picture, sentence_check, spec
from retail_sync.defs.windows import DAYS, FIRST_DAY
from retail_sync.reports.plots import settlement_plot
from retail_sync.reports.state import read_reconcile
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

COMPONENTS, TOTALS, MATCHES, BREAKS = (
    table(f"reconcile.{name}") for name in ("settlement_components", "settlement_totals", "matches", "breaks")
)
_SETTLEMENTS = [("canonical", "settlements"), ("canonical", "settlement_lines"), ("canonical", "rejected_rows")]
_KEY = ["reconcile", "settlement_totals"]
_HEADER = ("settlement", "currency", "closed", "lines", "stated total", "bank", "opening debt", "reserve", "verdict")


@dg.multi_asset(
    name="reconcile_settlements",
    specs=[
        spec(COMPONENTS, deps=_SETTLEMENTS),
        spec(MATCHES, deps=[*_SETTLEMENTS, ("canonical", "bank_transactions")]),
        spec(
            TOTALS,
            deps=[("reconcile", "settlement_components"), ("reconcile", "matches"), ("canonical", "settlements")],
            partitions_def=DAYS,
        ),
        spec(BREAKS, deps=[("reconcile", "settlement_totals"), ("reconcile", "matches")]),
    ],
    check_specs=[
        dg.AssetCheckSpec("contract", asset=_KEY, blocking=True),
        dg.AssetCheckSpec("residual_proof", asset=["reconcile", "breaks"], blocking=True),
        dg.AssetCheckSpec("settlements_foot", asset=_KEY),
        dg.AssetCheckSpec("deposits_arrived", asset=_KEY),
        dg.AssetCheckSpec("chains_hold", asset=_KEY),
    ],
)
def reconcile_settlements(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Compare lines, header and bank of every settlement whose facts changed."""
    pipeline = home.pipeline(context)
    report = pipeline.reconcile()
    state = read_reconcile(pipeline)
    breaks = markdown_table(("what", "subject", "value", "since", "told as"), state.breaks)
    yield dg.MaterializeResult(asset_key=["reconcile", "settlement_components"],
                               metadata={"dagster/row_count": state.row_counts["settlement_components"]})  # fmt: skip
    yield dg.MaterializeResult(asset_key=["reconcile", "matches"],
                               metadata={"dagster/row_count": state.row_counts["matches"],
                                         "by rule": markdown_table(("reconciliation", "rule", "pairs"), state.rules)})  # fmt: skip
    yield dg.MaterializeResult(
        asset_key=_KEY,
        metadata={
            "dagster/row_count": state.row_counts["settlement_totals"],
            "documents touched": report.touched,
            "verdicts": markdown_table(("verdict", "currency", "settlements", "stated total"), state.verdicts),
            "top breaks": breaks,
            "settlements": markdown_table(_HEADER, state.settlements),
            "settlements by closing day": picture(settlement_plot(state.plot)),
        },
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "breaks"],
        metadata={"dagster/row_count": state.row_counts["breaks"], "top breaks": breaks},
    )
    yield contract_check(TOTALS, state.problems)
    yield _residual(report.residual)
    yield sentence_check(
        _KEY, "settlements_foot", state.told("settlement_", "rows_"), "every settlement's lines sum to its total"
    )
    yield sentence_check(
        _KEY, "deposits_arrived", state.told("deposit_"), "every payout due was found in the bank, and nothing else"
    )
    yield sentence_check(
        _KEY, "chains_hold", state.told("reserve_", "opening_"), "debts and reserves pass on unchanged"
    )
    _by_day(context, report.days, state.by_day)


def _residual(rest: tuple[str, ...]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=["reconcile", "breaks"],
        check_name="residual_proof",
        passed=not rest,
        description="; ".join(rest) or "the breaks sum to the difference of the totals, to the cent, in every currency",
    )


def _by_day(
    context: dg.AssetExecutionContext, days: tuple[str, ...], by_day: dict[str, list[tuple[object, ...]]]
) -> None:
    """Show each closing day that changed as its own partition; this comes last, so that it is what the day shows."""
    known = frozenset(day for day in DAYS.get_partition_keys() if day in days)
    for day in days:
        if day >= FIRST_DAY and day in known:
            rows = by_day.get(day, [])
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=_KEY,
                    partition=day,
                    metadata={"dagster/partition_row_count": len(rows), "settlements": markdown_table(_HEADER, rows)},
                )
            )
