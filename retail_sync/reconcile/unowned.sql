-- What each source tells of places and days that another source owns there. Articles and places have no day: the rule of the last
-- day that stock is told of holds, so a rule of the future changes nothing yet and no clock decides.
insert into raw.unowned
with last_day as (
    select coalesce(greatest(
        (select max(snapshot_date) from canonical.stock_snapshots), (select max(business_date) from canonical.stock_movements)
    ), date '9999-12-31') as day
),
told as (
    select distinct 'stock' as domain, source, location_id, snapshot_date as day from canonical.stock_snapshots
    union all
    select distinct 'movements', source, location_id, business_date from canonical.stock_movements
    union all
    select distinct 'counts', source, location_id, business_date from canonical.stock_counts
    union all
    select 'locations', source, location_id, day from canonical.locations, last_day
    union all
    select distinct 'products', source, '*', day from canonical.products, last_day
)
select t.domain, t.source, t.location_id, t.day
from told as t
join raw.ownership as o
    on o.domain = t.domain and starts_with(t.location_id, o.prefix) and (t.location_id = o.prefix or not o.is_exact)
    and t.day between o.valid_from and o.valid_to
group by all
having arg_max(o.source, o.specificity) <> t.source
