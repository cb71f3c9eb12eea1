-- The touched orders' rows, each component once, with the class of its difference. How far evidence reaches is judged later.
create or replace temp table compared_orders as
with expected as (
    select channel, order_id, component, currency, min(item_date) as business_date, sum(amount) as amount
    from compare_left group by all
),
settled as (
    select channel, order_id, component, currency, min(item_date) as business_date, sum(amount) as amount,
        max(last_day) as settled_on, count(distinct settlement_id) as settlement_count,
        left(string_agg(distinct settlement_id, ', ' order by settlement_id), 1000) as settlement_ids
    from compare_right group by all
),
classed as (
    select key, currency, string_agg(distinct kind, ' and ' order by kind) as kind from compare_differences group by all
),
joined as (
    select
        coalesce(e.channel, s.channel) as channel, coalesce(e.order_id, s.order_id) as order_id,
        coalesce(e.component, s.component) as component, coalesce(e.currency, s.currency) as currency,
        coalesce(e.business_date, s.business_date) as business_date, s.settled_on,
        coalesce(s.settlement_count, 0) as settlement_count, s.settlement_ids,
        cast(e.amount as decimal(18, 4)) as expected_amount, cast(s.amount as decimal(18, 4)) as settled_amount
    from expected as e
    full outer join settled as s
        on s.channel = e.channel and s.order_id = e.order_id and s.component = e.component and s.currency = e.currency
)
select j.*, j.settled_amount - j.expected_amount as difference, coalesce(c.kind, '') as kind
from joined as j
left join classed as c on c.key = j.channel || '|' || j.order_id || '|' || j.component and c.currency = j.currency
union all
select channel, order_id, 'list_price', currency, business_date, null, 0, null, expected_amount, settled_amount,
    settled_amount - expected_amount, case when is_different then 'price' else '' end
from order_prices
