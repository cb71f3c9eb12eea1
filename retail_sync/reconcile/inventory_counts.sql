-- Counted × book, per location, sku, day and kind of count. The last count of a day is the one that holds.
create or replace temp table count_causes as
with counted as (
    select location_id, sku, business_date, kind, arg_max(quantity, (counted_at, source)) as quantity
    from canonical.stock_counts
    group by all
),
dates as (
    select distinct location_id, snapshot_date from canonical.stock_snapshots
),
opened as (
    select c.*, d.snapshot_date
    from counted as c
    asof left join dates as d on d.location_id = c.location_id and d.snapshot_date <= c.business_date
),
snapshot_part as (
    select location_id, sku, snapshot_date, sum(quantity_on_hand) as quantity from canonical.stock_snapshots group by all
),
moved as (
    select o.location_id, o.sku, o.business_date, o.kind, sum(m.quantity) as quantity
    from opened as o
    join canonical.stock_movements as m on m.location_id = o.location_id and m.sku = o.sku
        and m.business_date > o.snapshot_date and m.business_date <= o.business_date
    group by all
),
unposted as (
    -- Goods that were sold and that the ERP posts later, or still has to post, are no loss.
    select o.location_id, o.sku, o.business_date, o.kind, sum(s.variance) as quantity,
        sum(s.variance) filter (s.cause = 'timing') as posted_later
    from opened as o
    join sales_causes as s on s.location_id = o.location_id and s.sku = o.sku and s.business_date <= o.business_date
    where s.cause in ('unposted_sale', 'unposted_return', 'timing')
    group by all
),
compared as (
    select o.location_id, o.sku, o.business_date, o.kind,
        cast(case when o.snapshot_date is not null then coalesce(s.quantity, 0) + coalesce(m.quantity, 0) end as decimal(18, 6))
            as left_quantity,
        o.quantity as right_quantity,
        o.snapshot_date,
        cast(right_quantity - left_quantity as decimal(18, 6)) as variance,
        a.pack_quantity,
        u.quantity as unposted,
        u.posted_later
    from opened as o
    left join snapshot_part as s using (location_id, sku, snapshot_date)
    left join moved as m using (location_id, sku, business_date, kind)
    left join unposted as u using (location_id, sku, business_date, kind)
    left join articles as a on a.sku = o.sku
)
select location_id, sku, business_date, kind, left_quantity, right_quantity, variance,
    case
        when left_quantity is null then 'no_book'
        when variance = -posted_later and posted_later = unposted then 'timing'
        when variance = -unposted then case when variance < 0 then 'unposted_sale' else 'unposted_return' end
        when variance % pack_quantity = 0
            or left_quantity <> 0 and right_quantity <> 0
                and (right_quantity * pack_quantity = left_quantity or right_quantity = left_quantity * pack_quantity)
            then 'unit_of_measure'
        when kind = 'marketplace' then case when variance < 0 then 'marketplace_lost' else 'marketplace_found' end
        when variance < 0 then 'shrinkage'
        else 'gain'
    end as cause,
    case
        when left_quantity is null then 'no snapshot of the location up to that day'
        when cause = 'unit_of_measure'
            then 'pack of ' || trim(trailing '.' from trim(trailing '0' from cast(pack_quantity as varchar)))
        else kind || ' count'
    end as counterpart,
    -- The book is this snapshot and the movements of the days after it.
    snapshot_date
from compared
where left_quantity is null or variance <> 0
