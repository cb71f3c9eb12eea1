-- What each channel may promise of each article × what it lists.
create or replace temp table new_availability as
with newest_snapshots as (
    select location_id, max(snapshot_date) as snapshot_date from canonical.owned_stock_snapshots group by location_id
),
lying as (
    select s.location_id, s.sku, sum(s.quantity_on_hand) as on_hand, sum(coalesce(s.quantity_reserved, 0)) as reserved
    from canonical.owned_stock_snapshots as s
    join newest_snapshots using (location_id, snapshot_date)
    group by all
),
known as (
    select sku from canonical.owned_products union select sku from lying
),
newest_listings as (
    select channel, channel_sku, arg_max(struct_pack(sku := sku, quantity := listed_quantity), (listed_at, source)) as offer
    from canonical.current_listings
    group by all
),
offers as (
    select channel, coalesce(offer.sku, channel_sku) as sku, offer.sku in (select sku from known) as is_mapped,
        sum(offer.quantity) as listed_quantity
    from newest_listings
    group by all
),
sells_from as (
    select channel, location_id from channel_locations
    union
    -- A channel that is not named there: goods in a marketplace's own warehouse are not ours to promise elsewhere.
    select o.channel, n.location_id
    from (select distinct channel from offers) as o cross join newest_snapshots as n
    where o.channel not in (select channel from channel_locations)
        and n.location_id not in (select location_id from canonical.owned_locations where kind = 'marketplace_fulfilment')
),
stock as (
    select f.channel, l.sku, sum(l.on_hand) as on_hand, sum(l.reserved) as reserved
    from sells_from as f join lying as l using (location_id)
    group by all
),
asked as (
    select channel, sku, true as is_mapped, listed_quantity from offers where is_mapped
    union all
    select channel, sku, true, null
    from stock
    where channel in (select channel from offers) and on_hand > 0 and (channel, sku) not in (select (channel, sku) from offers where is_mapped)
    union all
    select channel, sku, false, sum(listed_quantity) from offers where not coalesce(is_mapped, false) group by all
),
kept_back as (
    -- The most specific rule holds: article and channel, article, channel, all.
    select a.channel, a.sku, a.is_mapped,
        coalesce(arg_max(r.quantity, (r.sku <> '*', r.channel <> '*')), 0) as safety_stock
    from asked as a
    left join safety_rules as r on r.sku in (a.sku, '*') and r.channel in (a.channel, '*')
    group by all
),
promised as (
    select a.channel, a.sku, a.is_mapped, s.on_hand, s.reserved, cast(k.safety_stock as decimal(18, 6)) as safety_stock,
        s.on_hand - s.reserved - k.safety_stock as available, a.listed_quantity
    from asked as a
    join kept_back as k using (channel, sku, is_mapped)
    left join stock as s on s.channel = a.channel and s.sku = a.sku and a.is_mapped
),
named as (
    select channel, string_agg(location_id, ', ' order by location_id) as sells_from from channel_locations group by channel
)
select channel, sku,
    left(coalesce(sells_from, ''), 1000) as sells_from,
    cast(on_hand as decimal(18, 6)) as on_hand,
    cast(reserved as decimal(18, 6)) as reserved,
    safety_stock,
    cast(available as decimal(18, 6)) as available_to_promise,
    cast(listed_quantity as decimal(18, 6)) as listed_quantity,
    -- An article without any stock row lies nowhere.
    cast(case when is_mapped then greatest(coalesce(listed_quantity, 0) - greatest(coalesce(available, 0), 0), 0) else 0 end
        as decimal(18, 6)) as oversell_quantity,
    case
        when not is_mapped then 'listed_unmapped'
        when listed_quantity is null then 'unlisted'
        when oversell_quantity > 0 then 'oversell_risk'
        else 'ok'
    end as status
from promised
left join named using (channel)
