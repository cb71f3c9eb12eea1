-- What is under way by the ERP's own movements: on the road (or arrived from nowhere), unless a snapshot tells of it already.
create or replace temp table open_transfers as
with reported as (
    select
        (select min(business_date) from canonical.owned_stock_movements) as first_day,
        greatest((select max(business_date) from canonical.owned_stock_movements), (select max(snapshot_date) from canonical.owned_stock_snapshots))
            as last_day
),
counted as (
    select sku, reference, trip, sum(variance) as quantity
    from interval_causes
    where cause = 'transfer_in_transit'
    group by all
),
judged as (
    select t.*,
        -- A snapshot that takes its difference back with the next one tells nothing in the end.
        cast(case when t.quantity < 0 then least(greatest(t.quantity + coalesce(c.quantity, 0), t.quantity), 0)
            else greatest(least(t.quantity + coalesce(c.quantity, 0), t.quantity), 0) end as decimal(18, 6)) as variance
    from transfers as t
    left join counted as c using (sku, reference, trip)
    where t.quantity <> 0
)
select location_id, sku, reference, trip, since, quantity, variance,
    out_quantity as left_quantity,
    cast(out_quantity + variance as decimal(18, 6)) as right_quantity,
    said || case when senders is null or receivers is null then ' anywhere' else '' end as counterpart,
    -- The other half may be booked tomorrow; that of what arrived first may lie before all that is reported.
    variance <> 0 and since + 2 <= last_day and (variance < 0 or since >= first_day + 2) as is_told
from judged
cross join reported
