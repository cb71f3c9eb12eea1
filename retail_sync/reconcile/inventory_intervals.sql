-- Opening snapshot + all ERP movements since × next snapshot, per location and sku, whatever days lie between.
-- A snapshot holds all of its location: an article it does not name is not there. One that was not read whole is passed over.
create or replace temp table snapshot_intervals as
with dates as (
    select location_id, snapshot_date,
        lag(snapshot_date) over by_day as from_date,
        lead(snapshot_date) over by_day as next_date
    from (select distinct location_id, snapshot_date from whole_snapshots)
    window by_day as (partition by location_id order by snapshot_date)
),
until as (
    -- By day, not by movement: there are few days.
    select m.location_id, m.business_date, d.snapshot_date as to_date
    from (select distinct location_id, business_date from canonical.owned_stock_movements) as m
    asof join dates as d on d.location_id = m.location_id and d.snapshot_date >= m.business_date
    where d.from_date is not null
),
pieces as (
    select s.location_id, s.sku, d.snapshot_date as to_date, 0 as opening, 0 as moved, s.quantity_on_hand as closing
    from whole_snapshots as s join dates as d using (location_id, snapshot_date)
    where d.from_date is not null
    union all
    select s.location_id, s.sku, d.next_date, s.quantity_on_hand, 0, 0
    from whole_snapshots as s join dates as d using (location_id, snapshot_date)
    where d.next_date is not null
    union all
    select m.location_id, m.sku, u.to_date, 0, m.quantity, 0
    from canonical.owned_stock_movements as m join until as u using (location_id, business_date)
),
summed as (
    select location_id, sku, to_date, cast(sum(opening) as decimal(18, 6)) as opening,
        cast(sum(opening) + sum(moved) as decimal(18, 6)) as left_quantity,
        cast(sum(closing) as decimal(18, 6)) as right_quantity
    from pieces
    group by all
)
select s.location_id, s.sku, d.from_date, s.to_date, d.next_date, s.opening, s.left_quantity, s.right_quantity,
    cast(s.right_quantity - s.left_quantity as decimal(18, 6)) as variance
from summed as s
join dates as d on d.location_id = s.location_id and d.snapshot_date = s.to_date
