-- What is listed beyond what is there, valued at cost, and offers that are mapped to no article.
create or replace temp table new_availability_breaks as
with listed as (
    select channel, coalesce(sku, channel_sku) as sku, arg_max(business_date, (listed_at, source)) as listed_on
    from canonical.current_listings group by all
),
untold as (
    -- A slip in channel_locations.csv looks like a place where nothing lies.
    select channel, string_agg(location_id, ', ' order by location_id) as locations
    from channel_locations
    where location_id not in (select location_id from canonical.owned_stock_snapshots)
    group by channel
)
select
    'availability' as reconciliation,
    left(a.channel || ' ' || a.sku, 200) as subject,
    case a.status when 'oversell_risk' then 'oversell_risk' else 'listed_unmapped' end as break_class,
    case a.status when 'oversell_risk' then in_money(a.oversell_quantity * p.unit_cost, m.digits) end as amount,
    coalesce(p.currency, 'XXX') as currency,
    l.listed_on as since_date,
    left(case a.status
        when 'oversell_risk' then in_units(a.oversell_quantity) || ' units too many; ' || in_units(a.listed_quantity)
            || ' listed, ' || in_units(coalesce(a.available_to_promise, 0)) || ' available '
            || coalesce('at ' || nullif(a.sells_from, ''), 'in stores and warehouses')
            || coalesce('; no snapshot tells of ' || u.locations, '')
        else in_units(a.listed_quantity) || ' units listed'
    end, 1000) as counterpart
from new_availability as a
join listed as l using (channel, sku)
left join articles as p using (sku)
left join untold as u using (channel)
left join minor_units as m on m.currency = p.currency
where a.status in ('oversell_risk', 'listed_unmapped')
