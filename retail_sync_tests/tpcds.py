"""TPC-DS as the files of a retailer: stores, catalogue and web shop, returns, weekly stock of five years. Data nobody here made.

TPC-DS gives the left sides: receipts, orders, snapshots. The other sides follow from them by plain SQL of this module, which
shares nothing with the product: tenders, processor payments with payouts, deposits, stock movements. Then problems are
planted, each with the break it must come out as. Rows of TPC-DS with an empty key, day or amount are left out.

What a receipt's refund is: the returns of a ticket on a day are one receipt of that day. What TPC-DS calls a catalogue is sold
by the same channel as the web shop.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import duckdb

SETTINGS = """
[[source]]
name = "tills"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M:%S"
[source.columns]
store = "store"
receipt_id = "receipt"
kind = "kind"
sold_at = "moment"
sku = "sku"
quantity = "quantity"
gross_amount = "gross"
tax_amount = "tax"
currency = "=USD"

[[source]]
name = "tenders"
connector = "declared_csv"
object = "pos_tenders"
date_format = "%Y-%m-%d %H:%M:%S"
[source.columns]
store = "store"
receipt_id = "receipt"
tender = "tender"
tendered_at = "moment"
amount = "amount"
currency = "=USD"

[[source]]
name = "orders"
connector = "declared_csv"
object = "orders"
date_format = "%Y-%m-%d %H:%M:%S"
[source.columns]
channel = "=shopify"
order_id = "order"
ordered_at = "moment"
status = "=paid"
total_amount = "total"
currency = "=USD"

[[source]]
name = "payments"
connector = "declared_csv"
object = "payments"
account = "main"
date_format = "%Y-%m-%d %H:%M:%S"
[source.columns]
channel = "channel"
payment_id = "payment"
kind = "kind"
order_id = "reference"
paid_at = "moment"
gross_amount = "gross"
fee_amount = "fee"
payout_id = "payout"
payout_date = "payout_date"
currency = "=USD"

[[source]]
name = "payouts"
connector = "declared_csv"
object = "payouts"
account = "main"
date_format = "%Y-%m-%d"
[source.columns]
channel = "channel"
payout_id = "payout"
payout_date = "payout_date"
total_amount = "net"
charges_amount = "charges"
refunds_amount = "refunds"
fees_amount = "fees"
currency = "=USD"

[[source]]
name = "statement"
connector = "declared_csv"
object = "bank_transactions"
date_format = "%Y-%m-%d"
[source.columns]
transaction_id = "id"
account = "=operating"
value_date = "date"
reference = "text"
amount = "amount"
currency = "=USD"

[[source]]
name = "snapshots"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "date"
location_id = "location"
sku = "sku"
quantity_on_hand = "on_hand"
unit_cost = "cost"
currency = "=USD"

[[source]]
name = "movements"
connector = "declared_csv"
object = "stock_movements"
date_format = "%Y-%m-%d %H:%M:%S"
[source.columns]
movement_id = "id"
moved_at = "moment"
location_id = "location"
sku = "sku"
kind = "kind"
quantity = "quantity"
currency = "=USD"
"""

_SIDES = """
-- Twenty years later: the rules of the project begin in 2000.
create view days as select d_date_sk, cast(d_date + interval 20 year as date) as d_date from date_dim;

create table sales as
select 'S' || ss_store_sk as store, ss_ticket_number as ticket, ss_store_sk || '-' || ss_ticket_number as receipt, 'sale' as kind,
    d_date + to_seconds(ss_sold_time_sk) as moment, cast(ss_item_sk as varchar) as sku, ss_quantity as quantity,
    ss_net_paid_inc_tax as gross, ss_ext_tax as tax
from store_sales join days on d_date_sk = ss_sold_date_sk
where ss_store_sk is not null and ss_sold_time_sk is not null and ss_quantity > 0 and ss_net_paid_inc_tax is not null
    and ss_ext_tax <= ss_net_paid_inc_tax
union all
select 'S' || sr_store_sk, sr_ticket_number, sr_store_sk || '-' || sr_ticket_number || 'R' || sr_returned_date_sk, 'return',
    d_date + interval 12 hour, cast(sr_item_sk as varchar), -sr_return_quantity, -sr_return_amt_inc_tax, -sr_return_tax
from store_returns join days on d_date_sk = sr_returned_date_sk
where sr_store_sk is not null and sr_return_quantity > 0 and sr_return_amt_inc_tax is not null
    and sr_return_tax <= sr_return_amt_inc_tax;

create table tenders as
select store, receipt, min(moment) as moment, sum(gross) as amount, if(min(ticket) % 3 = 0, 'cash', 'card') as tender
from sales group by store, receipt;

create table orders as
select 'W' || ws_order_number as name, min(d_date + to_seconds(ws_sold_time_sk)) as moment, sum(ws_net_paid_inc_ship_tax) as total
from web_sales join days on d_date_sk = ws_sold_date_sk
where ws_net_paid_inc_ship_tax is not null and ws_sold_time_sk is not null group by 1 having total > 10
union all
select 'C' || cs_order_number, min(d_date + to_seconds(cs_sold_time_sk)), sum(cs_net_paid_inc_ship_tax) as total
from catalog_sales join days on d_date_sk = cs_sold_date_sk
where cs_net_paid_inc_ship_tax is not null and cs_sold_time_sk is not null group by 1 having total > 10;

create table payments as
select 'square' as channel, receipt as payment, if(amount < 0, 'refund', 'charge') as kind, receipt as reference, moment,
    amount as gross
from tenders where tender = 'card' and amount <> 0
union all
select 'shopify', name, 'charge', name, moment, total from orders;

create table snapshots as
select d_date as date, 'W' || inv_warehouse_sk as location, cast(inv_item_sk as varchar) as sku, inv_quantity_on_hand as on_hand,
    i_wholesale_cost as cost
from inventory join days on d_date_sk = inv_date_sk join item on i_item_sk = inv_item_sk
where i_wholesale_cost > 0 and year(d_date) = 2020
-- An article that a snapshot leaves out is none on the shelf; TPC-DS leaves some unknown.
qualify count(inv_quantity_on_hand) over (partition by inv_warehouse_sk, inv_item_sk) =
    count(distinct d_date) over ();

create table movements as
select location || '-' || sku || '-' || date as id, date + interval 8 hour as moment, location, sku,
    if(change > 0, 'receipt', 'adjustment') as kind, change as quantity
from (
    select *, on_hand - lag(on_hand) over (partition by location, sku order by date) as change from snapshots
) where change <> 0;
"""
"""The stock of one year: the whole five are 12 million rows of it, and show nothing else."""

_MONEY = """
create table fees as select *, round(if(kind = 'charge', gross * 0.02, 0), 2) as fee,
    strftime(moment, '%Y%m%d') as payout, cast(moment as date) + 1 as payout_date from payments;
create table payouts as
select channel, payout, payout_date, coalesce(sum(gross) filter (kind = 'charge'), 0) as charges,
    coalesce(sum(gross) filter (kind = 'refund'), 0) as refunds,
    -sum(fee) as fees, sum(gross - fee) as net
from fees group by all;
create table statement as
select channel || payout as id, payout_date + 1 as date, upper(channel) || if(channel = 'square', ' INC ', ' ') || payout as text,
    net as amount
from payouts where net <> 0;
"""
_FILES = {
    "tills": "select store, receipt, kind, moment, sku, quantity, gross, tax from sales",
    "tenders": "select store, receipt, tender, moment, amount from tenders",
    "orders": 'select name as "order", moment, total from orders',
    "payments": "select channel, payment, kind, reference, moment, gross, fee, payout, payout_date from fees",
    "payouts": "select channel, payout, payout_date, charges, refunds, fees, net from payouts",
    "statement": "select * from statement",
    "snapshots": "select * from snapshots",
    "movements": "select * from movements",
}
_DAY_OF = {
    "tills": "moment",
    "tenders": "moment",
    "orders": "moment",
    "payments": "moment",
    "payouts": "payout_date",
    "statement": "date",
    "snapshots": "date",
    "movements": "moment",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A problem in the files and the break it must come out as: class, subject, value (right - left) in USD."""

    break_class: str
    subject: str
    amount: Decimal


def extension() -> Path | None:
    """Where the TPC-DS generator of DuckDB is installed (package duckdb-extension-tpcds), if it is."""
    found = find_spec("duckdb_extension_tpcds")
    folders = found.submodule_search_locations if found else None
    return next((path for folder in folders or () for path in Path(folder).rglob("tpcds.duckdb_extension")), None)


def write_retailer(folder: Path, scale: float, each: int, seed: int = 1) -> tuple[dict[str, list[Path]], list[Planted]]:
    """Write the files of a retailer, by source, with `each` problems of each kind. Returns them and the answers."""
    with duckdb.connect(str(folder / "tpcds.duckdb")) as connection:
        connection.load_extension(str(extension()))
        connection.execute("call dsdgen(sf = $scale)", {"scale": scale})
        connection.execute(_SIDES)
        planted = list(_plant(connection, each, random.Random(seed)))
        files: dict[str, list[Path]] = {}
        for name, query in _FILES.items():
            day = _DAY_OF[name]
            years = connection.execute(f"select distinct year({day}) from ({query}) order by 1").fetchall()  # noqa: S608
            for (year,) in years:
                path = folder / f"{name}_{year}.csv"
                connection.execute(
                    f"copy (select * from ({query}) where year({day}) = {year} order by all) to '{path}' (header)"  # noqa: S608
                )
                files.setdefault(name, []).append(path)
    return files, planted


def _plant(connection: duckdb.DuckDBPyConnection, each: int, rng: random.Random) -> Iterator[Planted]:
    """Change the right sides, or a left one; what follows from payments is made after they are changed."""
    cash, other_cash, card = _one_per_store_day(connection, each, rng)
    for store, receipt, day, _ in cash:
        connection.execute("update tenders set amount = amount + 10 where store = ? and receipt = ?", [store, receipt])
        yield Planted("tenders_differ", f"{store} {day}", Decimal(10))
    for store, receipt, day, amount in other_cash:
        connection.execute("delete from sales where store = ? and receipt = ?", [store, receipt])
        yield Planted("tenders_differ", f"{store} {day}", amount)
    for store, receipt, day, amount in card:
        connection.execute("delete from payments where channel = 'square' and reference = ?", [receipt])
        yield Planted("card_payments_differ", f"{store} {day}", -amount)
    yield from _plant_orders(connection, each, rng)
    connection.execute(_MONEY)
    yield from _plant_deposits(connection, each, rng)
    yield from _plant_stock(connection, each, rng)


def _one_per_store_day(
    connection: duckdb.DuckDBPyConnection, each: int, rng: random.Random
) -> Sequence[Sequence[tuple[str, str, str, Decimal]]]:
    """Return three lists of receipts of sales, cash, cash and card, no two of one store and day."""
    rows = connection.execute(
        "select store, cast(moment as date) as day, receipt, amount, tender from tenders "
        "where amount > 20 and receipt not like '%R%' order by all"
    ).fetchall()
    by_day = {(store, day): (tender, receipt, amount) for store, day, receipt, amount, tender in rows}
    days = sorted(by_day)
    rng.shuffle(days)
    chosen: tuple[list[tuple[str, str, str, Decimal]], ...] = ([], [], [])
    for store, day in days:
        tender, receipt, amount = by_day[store, day]
        for found, wanted in zip(chosen, ("cash", "cash", "card"), strict=True):
            if tender == wanted and len(found) < each:
                found.append((store, receipt, str(day), amount))
                break
    return chosen


def _plant_orders(connection: duckdb.DuckDBPyConnection, each: int, rng: random.Random) -> Iterator[Planted]:
    rows = connection.execute("select name, total from orders where moment < '2022-06-01' order by all").fetchall()
    picked = iter(rng.sample(rows, 5 * each))
    for _ in range(each):
        name, total = next(picked)
        connection.execute("delete from payments where channel = 'shopify' and reference = ?", [name])
        yield Planted("order_never_settled", f"shopify {name}", -total)
        name, total = next(picked)
        connection.execute(
            "insert into payments select channel, payment || '-2', kind, reference, moment + interval 3 day, gross "
            "from payments where channel = 'shopify' and reference = ?",
            [name],
        )
        yield Planted("order_settled_twice", f"shopify {name} total", total)
        name, total = next(picked)
        connection.execute("update payments set gross = gross - 5 where channel = 'shopify' and reference = ?", [name])
        yield Planted("order_amount_differs", f"shopify {name} total", Decimal(-5))
        name, total = next(picked)
        connection.execute("delete from orders where name = ?", [name])
        yield Planted("order_unknown", f"shopify {name}", total)
        name, total = next(picked)
        connection.execute(
            "update payments set moment = moment + interval 45 day where channel = 'shopify' and reference = ?", [name]
        )
        yield Planted("order_settled_late", f"shopify {name}", total)


def _plant_deposits(connection: duckdb.DuckDBPyConnection, each: int, rng: random.Random) -> Iterator[Planted]:
    rows = connection.execute(
        "select channel, payout, net from payouts where net > 20 and payout_date between '2018-03-01' and '2022-06-01' order by all"
    ).fetchall()
    picked = iter(rng.sample(rows, 2 * each))
    for _ in range(each):
        channel, payout, net = next(picked)
        connection.execute("update statement set amount = amount - 1.23 where id = ?", [channel + payout])
        yield Planted("deposit_differs", f"{channel}/main/USD/{payout}", Decimal("-1.23"))
        channel, payout, net = next(picked)
        connection.execute("delete from statement where id = ?", [channel + payout])
        yield Planted("deposit_overdue", f"{channel}/main/USD/{payout}", net)


def _plant_stock(connection: duckdb.DuckDBPyConnection, each: int, rng: random.Random) -> Iterator[Planted]:
    rows = connection.execute(
        "select m.id, m.location, m.sku, s.date, m.quantity, s.cost from movements as m "
        "join snapshots as s on s.location = m.location and s.sku = m.sku and s.date = cast(m.moment as date) order by all"
    ).fetchall()
    for movement, location, sku, day, quantity, cost in rng.sample(rows, each):
        connection.execute("delete from movements where id = ?", [movement])
        yield Planted("stock_undetermined", f"{location} {sku} {day} snapshot", round(quantity * cost, 2))
