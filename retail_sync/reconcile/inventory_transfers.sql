-- Transfers by article and reference, cut where all that left had arrived: a reference may be used again. What is booked out and
-- not in, or in and not out, is under way; `said` is that in words.
create or replace temp table transfers as
with legs as (
    select sku, reference, location_id, business_date, sum(quantity) as quantity
    from canonical.owned_stock_movements
    where kind = 'transfer' and reference <> ''
    group by all
    having sum(quantity) <> 0
),
days as (
    select sku, reference, business_date,
        sum(sum(quantity)) over (partition by sku, reference order by business_date) as under_way
    from legs
    group by sku, reference, business_date
),
numbered as (
    select sku, reference, business_date,
        count(*) filter (under_way = 0) over (
            partition by sku, reference order by business_date rows between unbounded preceding and 1 preceding) as trip
    from days
),
places as (
    select sku, reference, trip, location_id, min(business_date) as since, max(business_date) as until_day,
        sum(l.quantity) as quantity,
        location_id || ' on ' || case when sum(l.quantity) < 0 then min(business_date) else max(business_date) end as shown
    from legs as l join numbered using (sku, reference, business_date)
    group by sku, reference, trip, location_id
),
summed as (
    select sku, reference, trip, min(since) as since, max(until_day) as until_day,
        cast(sum(quantity) as decimal(18, 6)) as quantity,
        cast(coalesce(-sum(quantity) filter (quantity < 0), 0) as decimal(18, 6)) as out_quantity,
        list(location_id) filter (quantity < 0) as senders,
        list(location_id) filter (quantity > 0) as receivers,
        -- Three of the places are enough for people.
        list_sort(list((quantity, location_id, shown)) filter (quantity < 0))[1:3] as first_out,
        list_sort(list((-quantity, location_id, shown)) filter (quantity > 0))[1:3] as first_in,
        array_to_string(list_transform(first_out, lambda place: place[3]), ', ') as out_at,
        array_to_string(list_transform(first_in, lambda place: place[3]), ', ') as in_at,
        -- Where the half is that is there: what left, or what arrived.
        case when sum(quantity) <= 0 then arg_min(location_id, (quantity, location_id))
            else arg_min(location_id, (-quantity, location_id)) end as location_id
    from places
    group by sku, reference, trip
)
select * exclude (first_out, first_in),
    'transfer ' || reference || ' is booked ' || case
        when receivers is null then 'out at ' || out_at || ' and not booked in'
        when senders is null then 'in at ' || in_at || ' and not booked out'
        else 'out at ' || out_at || ' and in at ' || in_at || case
            when quantity < 0 then ', ' || in_units(-quantity) || ' less'
            when quantity > 0 then ', ' || in_units(quantity) || ' more'
            else ': both halves are there' end
    end as said
from summed
