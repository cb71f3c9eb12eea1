-- The parts of the proof of orders. What never came, or belongs to no order, is one break of the order's first day. And over all
-- days, that all that orders bring and that settlements hold for them stands in the rows.
create or replace temp table proof_parts as
with dated as (
    select status, currency, expected_amount, settled_amount, business_date
    from reconcile.order_settlements
    where status not in ('not_compared', 'left_only', 'right_only')
    union all
    select status, currency, expected_amount, settled_amount,
        min(business_date) over (partition by channel, order_id, currency, status)
    from reconcile.order_settlements
    where status in ('left_only', 'right_only')
),
-- One pass over all orders.
summed as (
    select status, currency, business_date, coalesce(sum(expected_amount), 0) as expected, coalesce(sum(settled_amount), 0) as settled,
        -- What matched differs by no more than the tolerance, or its difference was lost.
        coalesce(sum(coalesce(settled_amount, 0) - coalesce(expected_amount, 0))
            filter (status = 'awaiting_settlement' or abs(coalesce(settled_amount, 0) - coalesce(expected_amount, 0)) <= $tolerance),
            0) as carried,
        sum(abs(coalesce(expected_amount, settled_amount))) as value, count(*) as item_count
    from dated
    group by all
),
settled_whole as (
    select s.channel, bool_or(c.component = 'total') as is_total
    from reconcile.settlement_components as s join order_components as c using (category) group by s.channel
),
wholes as (
    select o.channel, o.order_id, o.currency, coalesce(w.is_total, true) as is_total, o.total_amount,
        coalesce(o.tax_amount, 0) + coalesce(o.shipping_amount, 0) as extras
    from valid_orders as o left join settled_whole as w on w.channel = o.channel
),
documents as (
    select 'documents_expected' as comparison, 'left' as part, currency, case when is_total then total_amount else extras end as amount
    from wholes
    union all
    select 'documents_expected', 'left', w.currency, l.quantity * l.unit_price - coalesce(l.discount_amount, 0)
    from canonical.order_lines as l
    join wholes as w on w.channel = l.channel and w.order_id = l.order_id
    where not w.is_total
    union all
    select 'documents_settled', 'left', l.currency, l.amount
    from canonical.settlement_lines as l
    where l.order_id is not null and l.category in (select category from order_components)
        and l.channel in (select channel from canonical.orders)
    union all
    select unnest(['documents_expected', 'documents_settled']), 'right', currency, unnest([expected_amount, settled_amount])
    from reconcile.order_settlements where component <> 'list_price'
)
select 'order_settlement' as reconciliation, 'expected_settled' as comparison, business_date, currency, 'left' as part,
    expected as amount, item_count
from summed
union all
select 'order_settlement', 'expected_settled', business_date, currency, 'right', settled, item_count from summed
union all
select 'order_settlement', 'expected_settled', since_date, currency, 'break', amount, 1
from new_order_breaks where break_class <> 'order_settled_late'
union all
-- Awaited, or within the tolerance.
select 'order_settlement', 'expected_settled', business_date, currency, 'carried', carried, item_count
from summed where status in ('awaiting_settlement', 'matched')
union all
select 'order_settlement', 'expected_settled', business_date, currency,
    case status when 'matched' then 'matched' else 'different' end, value, item_count
from summed where status <> 'awaiting_settlement'
union all
select 'order_settlement', comparison, null, currency, part, sum(amount), count(*)
from documents where amount <> 0 group by comparison, currency, part
