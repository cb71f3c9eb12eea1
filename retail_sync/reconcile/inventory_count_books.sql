-- Counted × the ERP's book, per location, sku, day and kind of count. The last count of a day is the one that holds.
-- The book is the latest snapshot and the movements of the days after it; where that was not read whole, there is no book.
create or replace temp table count_books as
with counted as (
    select location_id, sku, business_date, kind, arg_max(quantity, (counted_at, source)) as quantity
    from canonical.owned_stock_counts
    group by all
),
dates as (
    select distinct location_id, snapshot_date from canonical.owned_stock_snapshots
),
opened as (
    select c.*, d.snapshot_date
    from counted as c
    asof left join dates as d on d.location_id = c.location_id and d.snapshot_date <= c.business_date
),
snapshot_part as (
    select location_id, sku, snapshot_date, sum(quantity_on_hand) as quantity
    from whole_snapshots semi join opened using (location_id, sku, snapshot_date)
    group by all
),
moved as (
    select o.location_id, o.sku, o.business_date, o.kind, sum(m.quantity) as quantity
    from opened as o
    join canonical.owned_stock_movements as m on m.location_id = o.location_id and m.sku = o.sku
        and m.business_date > o.snapshot_date and m.business_date <= o.business_date
    group by all
)
select o.location_id, o.sku, o.business_date, o.kind,
    cast(case when o.snapshot_date is not null and i.location_id is null then coalesce(s.quantity, 0) + coalesce(m.quantity, 0) end
        as decimal(18, 6)) as left_quantity,
    o.quantity as right_quantity,
    cast(right_quantity - left_quantity as decimal(18, 6)) as variance,
    o.snapshot_date,
    case when i.location_id is not null then 'the snapshot of ' || o.snapshot_date || ' was not read whole'
        else 'no snapshot of the location up to that day' end as why_no_book
from opened as o
left join snapshot_part as s using (location_id, sku, snapshot_date)
left join moved as m using (location_id, sku, business_date, kind)
left join incomplete_snapshots as i on i.location_id = o.location_id and i.snapshot_date = o.snapshot_date
