-- Both sides of every place and day that the owner and another source tell of, article by article.
create or replace temp table run_days as
with owners as (
    select distinct location_id, snapshot_date, source from canonical.owned_stock_snapshots
),
others as (
    select distinct location_id, snapshot_date, source from canonical.stock_snapshots
    except
    select location_id, snapshot_date, source from owners
)
select n.location_id, n.snapshot_date, o.source as owner_source, n.source as other_source
from others as n
join owners as o using (location_id, snapshot_date);

create or replace temp table new_parallel_runs as
with told as (
    select d.*, s.sku, s.quantity_on_hand as owner_quantity, cast(null as decimal(18, 6)) as other_quantity
    from run_days as d
    join canonical.stock_snapshots as s
        on s.location_id = d.location_id and s.snapshot_date = d.snapshot_date and s.source = d.owner_source
    union all
    select d.*, s.sku, null, s.quantity_on_hand
    from run_days as d
    join canonical.stock_snapshots as s
        on s.location_id = d.location_id and s.snapshot_date = d.snapshot_date and s.source = d.other_source
),
beside as (
    select snapshot_date as business_date, location_id, sku, owner_source, other_source,
        max(owner_quantity) as owner_quantity, max(other_quantity) as other_quantity
    from told
    group by all
)
select *,
    -- A snapshot names what is there: what it does not name is not.
    cast(coalesce(other_quantity, 0) - coalesce(owner_quantity, 0) as decimal(18, 6)) as quantity_variance,
    case
        when owner_quantity is null then 'right_only'
        when other_quantity is null then 'left_only'
        when owner_quantity = other_quantity then 'matched'
        else 'variance'
    end as status
from beside
