-- What the ERP's stock is worth at each month end that it has reported: latest snapshot + movements since, at unit cost.
-- A month that rests on a snapshot that was not read whole has no value that is known, in no currency: `incomplete` says which.
create or replace temp table stock_values as
with dates as (
    select distinct location_id, snapshot_date from canonical.owned_stock_snapshots
),
opened as (
    select d.location_id, m.month_end, max(d.snapshot_date) as snapshot_date
    from month_ends as m
    join dates as d on d.snapshot_date <= m.month_end
    group by all
),
doubtful as (
    select o.month_end, min('the snapshot of ' || location_id || ' on ' || snapshot_date || ' was not read whole (' || shown || ')')
        as incomplete
    from opened as o join incomplete_snapshots using (location_id, snapshot_date)
    group by all
),
pieces as (
    select o.month_end, s.location_id, s.sku, s.quantity_on_hand as quantity
    from opened as o join canonical.owned_stock_snapshots as s using (location_id, snapshot_date)
    union all
    select o.month_end, m.location_id, m.sku, m.quantity
    from opened as o
    join canonical.owned_stock_movements as m on m.location_id = o.location_id
        and m.business_date > o.snapshot_date and m.business_date <= o.month_end
    where o.snapshot_date < o.month_end
),
lying as (
    select month_end, location_id, sku, cast(sum(quantity) as decimal(18, 6)) as quantity
    from pieces group by all having sum(quantity) <> 0
),
costed as (
    select l.*, coalesce(c.unit_cost, a.unit_cost) as unit_cost,
        case when c.unit_cost is not null then c.currency else coalesce(a.currency, 'XXX') end as currency,
        coalesce(c.unit_cost || ' ' || c.currency, 'product') as dated_cost
    from lying as l
    asof left join snapshot_costs as c
        on c.location_id = l.location_id and c.sku = l.sku and c.snapshot_date <= l.month_end
    left join articles as a on a.sku = l.sku
)
select month_end, currency, cast(sum(quantity) as decimal(18, 6)) as quantity,
    sum(quantity * coalesce(unit_cost, 0)) as value,
    count(*) filter (unit_cost is null) as uncosted_count, cast(null as varchar) as incomplete,
    sum(md5_number_lower(concat_ws('|', location_id, sku, quantity, dated_cost))) as facts
from costed
where month_end not in (select month_end from doubtful)
group by all
union all
select month_end, null, null, null, 0, incomplete, 0 from doubtful
