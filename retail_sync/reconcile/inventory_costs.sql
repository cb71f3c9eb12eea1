-- The unit costs that snapshots state, by location, sku and day: the latest up to a day is the cost on that day. One that all
-- snapshots state alike stands once, on the first of them: most do, and a year has hundreds.
create or replace temp table snapshot_costs as
with stated_alike as (
    select location_id, sku, min(snapshot_date) as snapshot_date, cast(min(unit_cost) as decimal(38, 6)) as unit_cost,
        min(currency) as currency
    from canonical.owned_stock_snapshots
    where unit_cost is not null
    group by location_id, sku
    having min(unit_cost) = max(unit_cost) and min(currency) = max(currency)
)
from stated_alike
union all
select location_id, sku, snapshot_date, cast(arg_min(unit_cost, source) as decimal(38, 6)), arg_min(currency, source)
from canonical.owned_stock_snapshots
anti join stated_alike using (location_id, sku)
where unit_cost is not null
group by location_id, sku, snapshot_date
