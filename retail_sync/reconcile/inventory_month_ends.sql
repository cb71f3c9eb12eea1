-- The month ends that the ERP has reported: from its first snapshot on, as far as its snapshots and movements go.
create or replace temp table month_ends as
with reported as (
    select min(snapshot_date) as first_day,
        greatest(max(snapshot_date), (select max(business_date) from canonical.owned_stock_movements)) as last_day
    from canonical.owned_stock_snapshots
),
ends as (
    select last_day,
        cast(last_day(unnest(generate_series(date_trunc('month', first_day), last_day, interval 1 month))) as date) as month_end
    from reported where first_day is not null
)
select month_end from ends where month_end <= last_day
