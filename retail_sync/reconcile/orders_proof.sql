-- The parts of the proof of orders. What never came, or belongs to no order, is one break of the order's first day.
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
        sum(abs(coalesce(expected_amount, settled_amount))) as value, count(*) as item_count
    from dated
    group by all
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
select 'order_settlement', 'expected_settled', business_date, currency, 'carried', settled - expected, item_count
from summed where status in ('awaiting_settlement', 'matched')
union all
select 'order_settlement', 'expected_settled', business_date, currency,
    case status when 'matched' then 'matched' else 'different' end, value, item_count
from summed where status <> 'awaiting_settlement'
