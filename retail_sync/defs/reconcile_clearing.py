"""The page of the clearing items: what each clearing account consists of. After the journal, whose legs they explain."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, contract_specs, picture, small_table, spec
from retail_sync.reports.ageing_plot import ageing_plot
from retail_sync.reports.clearing_state import read_clearing
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

_ITEMS = table("reconcile.clearing_items")
_KEY = ["reconcile", "clearing_items"]
_PLOT = "plot: open items by age"
_TITLE = "Open items of the clearing accounts, by age"
_LOOK = """\
Ages are counted to the newest day that any source tells of. A balance on the wrong side is an item whose other side is held
or missing: a payout of a store day that is held, for one.

**Look at** the *largest open items*, then at the plot: what is old is what nobody will bring any more."""


@dg.multi_asset(
    name="explain_clearing_accounts",
    specs=[
        spec(
            _ITEMS,
            deps=[
                ("journal", "lines"),
                ("journal", "entries"),
                ("reconcile", "settlement_totals"),
                ("reconcile", "matches"),
                ("canonical", "pos_tenders"),
            ],
            look=_LOOK,
        )
    ],
    check_specs=[
        *contract_specs([_ITEMS]),
        dg.AssetCheckSpec(
            "items_explain_the_balances",
            asset=_KEY,
            blocking=True,
            description="The items of every clearing account sum to its balance in the desired journal, to the cent. If not, "
            "the run stops and nothing is released.",
        ),
    ],
)
def explain_clearing_accounts(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Take the balances of the clearing accounts apart into items."""
    pipeline = home.pipeline(context)
    report = pipeline.clear()
    state = read_clearing(pipeline)
    yield dg.MaterializeResult(
        asset_key=_KEY,
        metadata={
            "largest open items": small_table(("account", "item", "open", "since", "age"), state.largest),
            _PLOT: picture(context, _KEY, _PLOT, state.plot, lambda: ageing_plot(state.plot, _TITLE)),
            "by account": small_table(("account", "currency", "open items", "balance"), state.accounts),
            "closed": small_table(("account", "currency", "items", "closed", "of value"), state.shares),
            "dagster/row_count": state.row_count,
        },
    )
    yield contract_check(_ITEMS, state.problems)
    yield dg.AssetCheckResult(
        asset_key=_KEY,
        check_name="items_explain_the_balances",
        passed=not report.residual,
        description="; ".join(report.residual) or "the items of every account sum to its balance, to the cent",
    )
