-- The goods of deferred sales whose cost nobody has booked at the month end: of orders that are deferred whole, and of which the
-- ERP had not posted a sale by then. An article costs what the latest snapshot up to that day says, where it says one cost, else
-- what the product costs. An order of which an article has no cost is left out.
create or replace temp table deferred_goods as
with sold as (
    select document_id, channel, order_id, month_end, currency, sum(amount) as amount
    from journal.deferred_rows
    where category = 'product_sales' and order_id is not null
    group by all
),
sources as (
    select channel, order_id, min(source) as source from canonical.order_lines group by all
),
ordered as (
    select s.document_id, s.channel, s.order_id, s.month_end, s.currency, s.amount, l.sku,
        -- DuckDB multiplies two DECIMAL(18) within 18 digits and stops where they do not suffice.
        cast(l.quantity as decimal(38, 6)) as quantity, cast(l.unit_price as decimal(38, 4)) as unit_price,
        l.currency as price_currency
    from sold as s
    join sources using (channel, order_id)
    join canonical.order_lines as l
        on l.source = sources.source and l.channel = s.channel and l.order_id = s.order_id
),
numbers as (
    select channel, order_id, order_id as number from sold
    union
    select channel, order_id, fulfilment_id from canonical.fulfilments
),
since as (
    select channel, order_id, min(business_date) as ordered_on from canonical.orders group by all
),
-- A sale of the article that names no order may be this one.
posted as (
    select distinct o.document_id, o.order_id
    from ordered as o
    left join since using (channel, order_id)
    join canonical.owned_stock_movements as m
        on m.kind = 'sale' and m.sku = o.sku and m.business_date <= o.month_end
        and (since.ordered_on is null or m.business_date >= since.ordered_on)
    left join numbers as n on n.channel = o.channel and n.order_id = o.order_id and n.number = m.reference
    where m.reference is null or n.number is not null
),
latest as (
    select o.document_id, o.sku, max(s.snapshot_date) as snapshot_date
    from (select distinct document_id, month_end, sku from ordered) as o
    join canonical.owned_stock_snapshots as s
        on s.sku = o.sku and s.unit_cost is not null and s.snapshot_date <= o.month_end
    group by all
),
dated as (
    select l.document_id, l.sku, min(s.unit_cost) as unit_cost, min(s.currency) as currency
    from latest as l
    join canonical.owned_stock_snapshots as s
        on s.sku = l.sku and s.snapshot_date = l.snapshot_date and s.unit_cost is not null
    group by all
    having min(s.unit_cost) = max(s.unit_cost) and min(s.currency) = max(s.currency)
),
products as (
    select sku, arg_min(unit_cost, source) as unit_cost, arg_min(currency, source) as currency
    from canonical.owned_products where unit_cost is not null
    group by sku
),
costed as (
    select o.*, cast(coalesce(d.unit_cost, p.unit_cost) as decimal(38, 6)) as unit_cost,
        case when d.unit_cost is not null then d.currency else p.currency end as cost_currency,
        coalesce(cast(d.unit_cost as varchar), 'product') as dated_cost
    from ordered as o
    left join dated as d using (document_id, sku)
    left join products as p on p.sku = o.sku
),
whole as (
    select document_id, order_id
    from costed
    group by document_id, order_id, amount, currency
    having sum(quantity * unit_price) = amount
        and bool_and(price_currency = currency and coalesce(cost_currency = currency, false))
)
select document_id, sku, dated_cost, sum(quantity) as quantity, sum(quantity * unit_cost) as cost
from costed
semi join whole using (document_id, order_id)
anti join posted using (document_id, order_id)
group by all
