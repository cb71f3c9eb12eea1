"""The registry of warehouse tables: one line per table gives it DDL, checks, digest, dictionary and Dagster schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb
import pandera.ibis as pa

from retail_sync.core import sql
from retail_sync.core.errors import RetailSyncError
from retail_sync.core.failpoints import failpoint
from retail_sync.core.warehouse import STAGE_SCHEMAS, transaction
from retail_sync.schemas import (
    canonical,
    derived,
    derived_clearing,
    derived_orders,
    derived_proofs,
    derived_returns,
    derived_stock,
    derived_stores,
    derived_traces,
    sales,
    stock,
    vouchers,
)
from retail_sync.schemas.contract import Table, code_digest, contract_hash

_PLACE = ("delivery_id", "line_no")
_STORE_DAY = "store || '|' || business_date"
_PAYOUT_DAY = "channel || '|' || account || '|' || payout_date || '|' || currency"
_ORDER = "channel || '|' || order_id"
# By number alone: a processor's payment, or a return elsewhere, may belong to an order of another channel or to a receipt.
_TRACE, _RECEIPT_TRACE = ("order_trace", "order_id"), ("order_trace", "receipt_id")
# What the ERP posted as returned names the order, the receipt or the return.
_RETURN_POSTED = ("return", "case when kind = 'return' then reference end")
_STOCK_DAY = "location_id || '|' || business_date"
# The order's entries follow from its own rows. Customers and places are of many orders: the journal finds which.
_ORDER_BOOKED = ("storefront_order", "'storefront_order:' || channel || '|' || order_id")
_CUSTOMER_BOOKED = ("storefront_order", "'customer:' || channel || '|' || customer_id")
_PLACE_BOOKED = ("storefront_order", "'location:' || location_id")
# What was sold or redeemed makes no work: the tills book it.
_GIFT_CARD_DAY = "case when kind in ('issued', 'expired') then 'gift_cards:' || channel || '|' || business_date end"

_VOUCHER = "'voucher:' || source || '|' || voucher_id"
# The month before the snapshot. Which snapshot of a month counts is decided in journal.deferred_rows.
_DEFERRAL = (
    "'deferral:' || channel || '|' || account || '|' "
    "|| strftime(date_trunc('month', snapshot_date) - interval 1 day, '%Y-%m') || '|' || currency"
)


def _delivered(
    model: type[pa.DataFrameModel], name: str, key: tuple[str, ...], group_size: int, *hands_on: tuple[str, str]
) -> Table:
    """A table that files deliver. Its key begins with the source; its first `group_size` columns are replaced together."""
    full = ("source", *key)
    return Table("canonical", name, model, full, "group", _PLACE, full[: group_size + 1], hands_on)


TABLES = (
    Table("raw", "deliveries", derived.Deliveries, ("delivery_id",), "delivery"),
    Table("raw", "touched", derived.Touched, ("stage", "kind", "document_id"), "run"),
    Table("raw", "applied", derived.Applied, ("name",), "run"),
    Table("raw", "ownership", stock.Ownership, ("domain", "location", "valid_from"), "run"),
    Table("raw", "unowned", stock.Unowned, ("domain", "source", "location_id", "day"), "run"),
    Table("canonical", "settlements", canonical.Settlements, ("settlement_id",), "document",
          ("delivery_id",), ("settlement_id",), (("settlement", "settlement_id"),)),
    # The lines of a payout may come from several deliveries; their places in them say nothing of the payout.
    Table("canonical", "settlement_lines", canonical.SettlementLines, ("settlement_id", "delivery_id", "line_no", "component"),
          "document", _PLACE, ("settlement_id",),
          (("settlement", "settlement_id"), ("settled", "settlement_id"), _TRACE)),
    _delivered(canonical.BankTransactions, "bank_transactions", ("account", "transaction_id"), 2, ("bank", "account")),
    _delivered(stock.FxRates, "fx_rates", ("rate_date", "from_currency", "to_currency"), 3, ("bank", "'rates'")),
    _delivered(stock.Products, "products", ("sku",), 1, ("stock", "'*'")),
    _delivered(stock.Prices, "prices", ("sku", "channel", "valid_from"), 3, ("order", "channel || '|*'")),
    replace(_delivered(sales.Customers, "customers", ("channel", "customer_id"), 2), books=(_CUSTOMER_BOOKED,)),
    replace(_delivered(stock.Locations, "locations", ("location_id",), 1, ("stock", "'*'")), books=(_PLACE_BOOKED,)),
    _delivered(stock.Listings, "listings", ("channel", "channel_sku"), 2, ("availability", "'*'"), ("stock", "'*'")),
    replace(_delivered(sales.Orders, "orders", ("channel", "order_id"), 2, ("order", _ORDER), _TRACE), books=(_ORDER_BOOKED,)),
    replace(_delivered(sales.OrderLines, "order_lines", ("channel", "order_id", "order_line_no"), 2, ("order", _ORDER), _TRACE),
            books=(_ORDER_BOOKED,)),
    # A payment once seen in a payout does not become pending again: exports overlap, and come late or a second time.
    replace(_delivered(sales.Payments, "payments", ("channel", "payment_id"), 2,
                       ("payout", "payout_id"), ("payout_day", _PAYOUT_DAY), ("store_day", "'*'"), _TRACE),
            books=(_ORDER_BOOKED,), rules=sales.PAYMENT_FIGURES, stands_above="{row}.payout_id is not null"),
    _delivered(sales.Payouts, "payouts", ("channel", "account", "payout_date", "currency", "payout_no"), 4,
               ("payout", "payout_id"), ("payout_day", _PAYOUT_DAY)),
    replace(_delivered(sales.Fulfilments, "fulfilments", ("channel", "fulfilment_id"), 2, ("stock", "'*'"), _TRACE),
            books=(_ORDER_BOOKED,)),
    replace(_delivered(sales.Returns, "returns", ("channel", "return_id"), 2, ("stock", "'*'"), _TRACE,
                       ("return", "return_id")), books=(_ORDER_BOOKED,)),
    replace(_delivered(sales.PosSales, "pos_sales", ("store", "register", "receipt_id", "receipt_line_no"), 3,
                       ("store_day", _STORE_DAY), ("stock", _STORE_DAY), _RECEIPT_TRACE),
            rules=sales.SALE_SIGNS, numbered_by="receipt_id"),
    replace(_delivered(sales.PosTenders, "pos_tenders", ("store", "register", "receipt_id", "tender_no"), 3,
                       ("store_day", _STORE_DAY), _RECEIPT_TRACE), numbered_by="receipt_id"),
    replace(_delivered(sales.PosShifts, "pos_shifts", ("store", "register", "shift_id"), 3, ("store_day", _STORE_DAY)),
            numbered_by="shift_id"),
    # No reconciliation has another side for these: the journal's document follows from the rows themselves.
    replace(_delivered(sales.GiftCardEvents, "gift_card_events", ("channel", "event_id"), 2),
            books=(("gift_cards", _GIFT_CARD_DAY),), rules=(sales.GIFT_CARD_SIGN,)),
    replace(_delivered(vouchers.Vouchers, "vouchers", ("voucher_id", "voucher_line_no"), 1), books=(("voucher", _VOUCHER),)),
    replace(_delivered(vouchers.DeferredTransactions, "deferred_transactions",
                       ("channel", "account", "snapshot_date", "transaction_id", "transaction_line_no"), 3),
            books=(("deferral", _DEFERRAL),)),
    # A system that is asked afterwards how a day ended knows the quantities, and not what they cost on that day.
    replace(_delivered(stock.StockSnapshots, "stock_snapshots", ("snapshot_date", "location_id", "sku"), 2,
                       ("stock", "location_id || '|' || snapshot_date"), ("availability", "'*'")),
            stands_above="{row}.delivery_id not in (select delivery_id from raw.deliveries where tells_of = 'past')"),
    _delivered(stock.StockMovements, "stock_movements", ("movement_id",), 1, ("stock", _STOCK_DAY), _RETURN_POSTED),
    _delivered(stock.StockCounts, "stock_counts", ("location_id", "sku", "counted_at"), 3, ("stock", _STOCK_DAY)),
    Table("canonical", "rejected_rows", canonical.RejectedRows,
          ("delivery_id", "table_name", "line_no", "column_name"), "delivery"),
    Table("canonical", "incomplete_groups", canonical.IncompleteGroups, ("delivery_id", "table_name", "line_no"), "delivery"),
    Table("canonical", "moved_receipts", sales.MovedReceipts,
          ("source", "table_name", "store", "register", "receipt_id", "earlier_date"), "delivery", ("delivery_id",)),
    Table("reconcile", "settlement_components", derived.SettlementComponents,
          ("settlement_id", "posting_month", "event_date", "category", "marketplace"), "settlement", ("first_line_no",)),
    Table("reconcile", "settlement_totals", derived.SettlementTotals, ("settlement_id",), "run"),
    Table("reconcile", "store_day_components", derived_stores.StoreDayComponents,
          ("store", "business_date", "currency", "register", "side", "component"), "group"),
    Table("reconcile", "store_days", derived_stores.StoreDays,
          ("store", "business_date", "currency", "register", "comparison"), "run"),
    Table("reconcile", "store_day_receipts", derived_stores.StoreDayReceipts,
          ("store", "business_date", "currency", "register", "receipt_id"), "run"),
    Table("reconcile", "inventory_variances", derived_stock.InventoryVariances,
          ("question", "location_id", "sku", "business_date", "part", "currency"), "run"),
    Table("reconcile", "cost_of_sales", derived_stock.CostOfSales,
          ("location_id", "business_date", "currency", "component"), "run"),
    Table("reconcile", "availability", derived_stock.Availability, ("channel", "sku", "status"), "run"),
    Table("reconcile", "parallel_runs", derived_stock.ParallelRuns,
          ("business_date", "location_id", "sku", "other_source"), "run"),
    Table("reconcile", "order_settlements", derived_orders.OrderSettlements,
          ("channel", "order_id", "component", "currency"), "group"),
    Table("reconcile", "returns", derived_returns.Returns, ("kind", "channel", "register", "order_id", "currency"), "group"),
    Table("reconcile", "clearing_items", derived_clearing.ClearingItems, ("account", "currency", "kind", "item"), "run"),
    Table("reconcile", "order_traces", derived_traces.OrderTraces, ("kind", "channel", "register", "order_id"), "group"),
    Table("reconcile", "matches", derived.Matches, ("reconciliation", "left_id", "right_id"), "run"),
    Table("reconcile", "match_items", derived.MatchItems, ("reconciliation", "side", "item_id"), "run"),
    Table("reconcile", "proofs", derived_proofs.Proofs,
          ("reconciliation", "comparison", "business_date", "currency"), "run"),
    Table("reconcile", "breaks", derived.Breaks, ("reconciliation", "subject", "break_class"), "run"),
    Table("reconcile", "cleared_differences", derived.ClearedDifferences, ("reconciliation", "subject", "break_class"), "run"),
    Table("journal", "documents", derived.Documents, ("document_id",), "settlement",
          volatile=("facts_hash", "deposit_facts_hash", "delivery_id", "bank_delivery_id")),
    Table("journal", "entries", derived.Entries, ("entry_key",), "settlement", volatile=("facts_hash",)),
    Table("journal", "lines", derived.Lines, ("entry_key", "line_no"), "settlement"),
)  # fmt: skip


# In the order in which they build on each other.
_VIEWS = (
    "owned_products", "owned_locations", "owned_stock_snapshots", "owned_stock_movements", "owned_stock_counts",
    "current_listings", "payouts_in_force", "store_day_parts", "deferred_rows", "settlement_line_parts", "line_sources",
)  # fmt: skip


def table(qualified: str) -> Table:
    """Return the table called `schema.name`. Raises KeyError for one that is not in the registry."""
    for candidate in TABLES:
        if candidate.qualified == qualified:
            return candidate
    raise KeyError(qualified)


@cache
def _deriving_code() -> str:
    """Digest of the packages that make rows: a mended reader or query must not leave rows of the old one in force."""
    package = Path(__file__).parents[1]
    return code_digest(*(package / stage for stage in ("connectors", "reconcile", "journal")))


def prepare(
    connection: duckdb.DuckDBPyConnection,
    before_emptying: Callable[[Sequence[str]], None] = lambda _loaded: None,
) -> bool:
    """Create what is missing. Returns True when the contracts changed and the derived tables were started anew.

    The warehouse is derived: when its contracts or the code that makes its rows differ from the program's, it is emptied
    here and the next stage reads every delivery again from the raw archive. `before_emptying` is given the ids of the
    deliveries that were loaded, and raises where they cannot all be read again. Where only code changed the rows are then
    kept as they are: retention and upgrades must go together.
    """
    wanted = contract_hash(TABLES, *(sql.statement(__package__, name) for name in _VIEWS))
    code = _deriving_code()
    found, found_code = _applied(connection, "contract"), _applied(connection, "code")
    if (found, found_code) == (wanted, code):
        return False
    if found:
        rows = connection.execute("select delivery_id from raw.deliveries where status = 'loaded'").fetchall()
        try:
            before_emptying([delivery_id for (delivery_id,) in rows])
        except RetailSyncError:
            if found != wanted:
                raise
            _note(connection, "code", code)
            return False
    with transaction(connection):
        for schema in reversed(STAGE_SCHEMAS):
            if found:
                connection.execute(f"drop schema if exists {schema} cascade")
            connection.execute(f"create schema if not exists {schema}")
        for entry in TABLES:
            connection.execute(entry.ddl())
        for name in _VIEWS:
            connection.execute(sql.statement(__package__, name))
        _note(connection, "contract", wanted)
        _note(connection, "code", code)
        failpoint("tables.before_commit")
    failpoint("tables.after_commit")
    return bool(found)


def _note(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    connection.execute("delete from raw.applied where name = ?", [name])
    connection.execute("insert into raw.applied (name, hash) values (?, ?)", [name, value])


def _applied(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    exists = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = 'warehouse' and schema_name = 'raw' and table_name = 'applied'"
    ).fetchone()
    if not exists or not exists[0]:
        return ""
    row = connection.execute("select hash from raw.applied where name = ?", [name]).fetchone()
    return row[0] if row else ""
