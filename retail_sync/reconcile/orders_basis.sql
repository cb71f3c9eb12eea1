-- Which channels deliver orders, and whether they settle them as one amount: then all their orders are compared as one. And
-- how far orders and settlements reach: what is awaited depends on it.
select
    'basis' as name,
    coalesce(string_agg(concat_ws(' ', o.channel, case s.is_total when true then 'total' when false then 'parts' end), ';' order by o.channel), '')
        as value
from (select distinct channel from canonical.orders) as o
left join (
    select s.channel, bool_or(c.component = 'total') as is_total
    from reconcile.settlement_components as s join order_components as c using (category) group by s.channel
) as s using (channel)
union all
select 'reach', coalesce(string_agg(concat_ws(' ', channel, day), ';' order by channel, day), '')
from (
    select channel, max(closing_date) as day from canonical.settlements group by channel
    union all
    select channel, min(business_date) from canonical.orders group by channel
)
