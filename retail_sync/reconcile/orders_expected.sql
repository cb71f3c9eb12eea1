-- What each touched order should bring, as the left side of the comparison.
create or replace temp table compare_left as
with settled_whole as (
    -- A channel that settles orders as one amount says nothing of their parts.
    select channel, bool_or(c.component = 'total') as is_total
    from reconcile.settlement_components as s
    join order_components as c using (category)
    group by channel
),
goods as (
    select l.channel, l.order_id, sum(l.quantity * l.unit_price - coalesce(l.discount_amount, 0)) as amount
    from canonical.order_lines as l
    semi join touched_orders as t on t.channel = l.channel and t.order_id = l.order_id
    group by all
),
parts as (
    select t.*, unnest([
        {'component': 'total', 'amount': t.total_amount},
        {'component': 'goods', 'amount': cast(g.amount as decimal(18, 4))},
        {'component': 'shipping', 'amount': t.shipping_amount},
        {'component': 'tax', 'amount': t.tax_amount}
    ]) as part
    from touched_orders as t
    left join goods as g using (channel, order_id)
    where t.business_date is not null
)
select
    p.channel || '|' || p.order_id || '|' || p.part.component as key,
    p.business_date as item_date,
    p.currency,
    cast(0 as decimal(18, 6)) as quantity,
    p.part.amount as amount,
    cast(0 as decimal(18, 4)) as tax,
    cast(0 as decimal(18, 4)) as fee,
    cast(null as decimal(18, 6)) as pack_quantity,
    p.channel, p.order_id, p.part.component as component
from parts as p
left join settled_whole as w on w.channel = p.channel
where p.part.amount is not null and coalesce(w.is_total, true) = (p.part.component = 'total')
