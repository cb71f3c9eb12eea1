-- The parts of the proof of orders. What never came, or belongs to no order, is one break of the order's first day.
create or replace temp table proof_parts as
with judged as (
    select *,
        case when status in ('left_only', 'right_only')
            then min(business_date) over (partition by channel, order_id, currency, status) else business_date end as day,
        coalesce(settled_amount, 0) - coalesce(expected_amount, 0) as amount
    from reconcile.order_settlements
    where status <> 'not_compared'
)
select 'order_settlement' as reconciliation, 'expected_settled' as comparison, day as business_date, currency, 'left' as part,
    coalesce(expected_amount, 0) as amount, 1 as item_count
from judged
union all
select 'order_settlement', 'expected_settled', day, currency, 'right', coalesce(settled_amount, 0), 1 from judged
union all
select 'order_settlement', 'expected_settled', since_date, currency, 'break', amount, 1
from new_order_breaks where break_class <> 'order_settled_late'
union all
-- Awaited, or within the tolerance.
select 'order_settlement', 'expected_settled', day, currency, 'carried', amount, 1
from judged where status in ('awaiting_settlement', 'matched')
union all
select 'order_settlement', 'expected_settled', day, currency, case status when 'matched' then 'matched' else 'different' end,
    abs(coalesce(expected_amount, settled_amount)), 1
from judged where status <> 'awaiting_settlement'
