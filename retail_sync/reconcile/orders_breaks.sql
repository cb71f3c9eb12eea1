-- Each difference of an order once: its class, its value (right - left) and its day. What never came, or belongs to no order,
-- is one break for the whole order.
create or replace temp table new_order_breaks as
with told as (
    select channel, order_id, component, currency, business_date, settled_on, kind, status, settlement_ids,
        coalesce(settled_amount, 0) - coalesce(expected_amount, 0) as amount,
        case
            when status = 'left_only' then 'order_never_settled'
            when status = 'right_only' then 'order_unknown'
            when kind like '%currency%' then 'order_currency_differs'
            when component = 'list_price' then 'order_price_differs'
            when kind = 'duplicate' then 'order_settled_twice'
            when kind = 'reversed_sign' then 'order_sign_reversed'
            when kind = 'undetermined' then 'order_undetermined'
            when component = 'tax' then 'order_tax_differs'
            else 'order_amount_differs'
        end as break_class
    from reconcile.order_settlements
    where status in ('left_only', 'right_only', 'variance')
),
late as (
    select channel, order_id, currency, min(business_date) as business_date, max(settled_on) as settled_on,
        sum(settled_amount) as amount, min(settlement_ids) as settlement_ids
    from reconcile.order_settlements
    where status = 'matched' and component <> 'list_price' and settled_on > business_date + cast($days_after as integer)
    group by all
)
select
    'order_settlement' as reconciliation,
    left(concat_ws(' ', channel, order_id, case when break_class in ('order_never_settled', 'order_unknown') then null else component end,
        case when break_class = 'order_currency_differs' then currency end), 200) as subject,
    break_class,
    cast(sum(amount) as decimal(18, 4)) as amount,
    currency,
    min(business_date) as since_date,
    -- Without quantities nothing but several currencies leaves a difference of an order open; both candidates are named.
    concat_ws('; ', min(settlement_ids), case break_class when 'order_undetermined' then 'currency or duplicate' end)
        as counterpart
from told
group by channel, order_id, break_class, currency,
    case when break_class in ('order_never_settled', 'order_unknown') then null else component end
union all
select 'order_settlement', left(concat_ws(' ', channel, order_id), 200), 'order_settled_late', cast(amount as decimal(18, 4)), currency,
    business_date, settlement_ids || ' on ' || settled_on
from late
