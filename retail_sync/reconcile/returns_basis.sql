-- What verdicts rest on besides the orders themselves: how far settlements, orders and tills reach, and who sells.
select 'sellers' as name, coalesce(string_agg(channel, ';' order by channel), '') as value from selling_channels
union all
select 'reach', coalesce(string_agg(concat_ws(' ', channel, first_day, last_day), ';' order by channel, first_day, last_day), '')
from (
    select channel, min(cast(period_start_at as date)) as first_day, max(closing_date) as last_day
        from canonical.settlements group by channel
    union all
    select channel, min(business_date), max(business_date) from canonical.orders group by channel
    union all
    select store, min(business_date), max(business_date) from canonical.pos_sales group by store
)
union all
-- A place is a store where it rings up or is called so.
select 'stores', coalesce(string_agg(distinct location_id, ';' order by location_id), '')
from (
    select store as location_id from canonical.pos_sales group by store
    union all
    select location_id from canonical.owned_locations where kind = 'store'
)
