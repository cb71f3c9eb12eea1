-- The unit costs that snapshots state, by location, sku and day: the latest up to a day is the cost on that day. Only the days
-- on which a cost is another one than before: a year of snapshots says the same every day.
create or replace temp table snapshot_costs as
with stated as (
    select location_id, sku, snapshot_date, cast(arg_min(unit_cost, source) as decimal(38, 6)) as unit_cost,
        arg_min(currency, source) as currency
    from canonical.stock_snapshots
    where unit_cost is not null
    group by all
)
select * from stated
qualify (unit_cost, currency) is distinct from lag((unit_cost, currency)) over (partition by location_id, sku order by snapshot_date)
