"""The page of channel orders: what they should bring beside what was settled, and the checks that speak of orders."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.break_pages import break_metadata
from retail_sync.defs.metadata import problem_table, small_table, spec
from retail_sync.reports.state import ReconcileState
from retail_sync.reports.words import ORDERS, explained
from retail_sync.schemas.tables import table

TABLES = (ORDER_SETTLEMENTS,) = (table("reconcile.order_settlements"),)
_ORDERS = ["reconcile", "order_settlements"]
_VERDICTS = f"""\
{explained(ORDERS)}

**Look at** the sentences under *what needs a person*."""
# check: beginnings of the break classes it shows, and what it says when there is none
SHOWN_BY_ORDERS = {"orders_settled": (("order_",), "every order brought what it says, once and in time")}
SHOWN_ON = ((_ORDERS, SHOWN_BY_ORDERS),)
SPECS = [
    spec(
        ORDER_SETTLEMENTS,
        deps=[
            ("canonical", "orders"),
            ("canonical", "order_lines"),
            ("canonical", "prices"),
            ("canonical", "settlement_lines"),
        ],
        look=_VERDICTS,
    ),
]
CHECKS = [
    dg.AssetCheckSpec(
        "orders_settled",
        asset=_ORDERS,
        description="Every order is settled once, with its amount, in its currency, and at its list price.",
    ),
]


def tell_orders(context: dg.AssetExecutionContext, state: ReconcileState) -> Iterator[dg.MaterializeResult[None]]:
    """Tell what the orders look like now."""
    found = [problem for problem in state.found if problem.code.startswith("order_")]
    yield dg.MaterializeResult(
        asset_key=_ORDERS,
        metadata={
            "verdicts": small_table(
                ("channel", "part", "verdict", "currency", "orders", "difference"), state.orders, words=ORDERS
            ),
            "what needs a person": problem_table(found),
            **break_metadata(context, _ORDERS, state.reconciliations, ("order_settlement",)),
            "dagster/row_count": state.row_counts["order_settlements"],
        },
    )
