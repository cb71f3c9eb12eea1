-- Differences of orders that are in no break, in no tolerance and not awaited: must be empty.
with sides as (
    select currency, sum(coalesce(settled_amount, 0) - coalesce(expected_amount, 0)) as difference
    from reconcile.order_settlements where status in ('left_only', 'right_only', 'variance') group by currency
),
told as (
    select currency, sum(amount) as difference from new_order_breaks where break_class <> 'order_settled_late' group by currency
)
select currency, coalesce(s.difference, 0) - coalesce(t.difference, 0) as rest
from sides as s full outer join told as t using (currency)
where coalesce(s.difference, 0) <> coalesce(t.difference, 0)
order by all
