-- What settlements hold of each touched order, one row per settlement, or per payment where an order is settled as one amount
-- (it may be charged twice in one payout): the right side of the comparison. It stands on the order's own day, so that only
-- money is compared; when it was settled is judged apart.
create or replace temp table compare_right as
select
    l.channel || '|' || l.order_id || '|' || c.component as key,
    coalesce(any_value(t.business_date), min(l.business_date)) as item_date,
    l.currency,
    cast(0 as decimal(18, 6)) as quantity,
    cast(sum(l.amount) as decimal(18, 4)) as amount,
    cast(0 as decimal(18, 4)) as tax,
    cast(0 as decimal(18, 4)) as fee,
    cast(null as decimal(18, 6)) as pack_quantity,
    l.channel, l.order_id, c.component, l.settlement_id,
    min(l.business_date) as first_day, max(l.business_date) as last_day
from canonical.settlement_lines as l
join order_components as c on c.category = l.category
join touched_orders as t on t.channel = l.channel and t.order_id = l.order_id
-- A cancelled order has nothing to be compared with; one that was settled all the same has.
where l.channel in (select channel from canonical.orders)
group by l.channel, l.order_id, c.component, l.currency, l.settlement_id,
    case c.component when 'total' then concat_ws('|', l.delivery_id, l.line_no) end
having sum(l.amount) <> 0
