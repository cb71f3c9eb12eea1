-- What differs on the newest day of each place and pair of sources, since the last day on which it did not.
create or replace temp table new_parallel_run_breaks as
with newest as (
    select location_id, other_source, max(business_date) as business_date from new_parallel_runs group by all
),
agreed as (
    select location_id, sku, other_source, max(business_date) as agreed_on
    from new_parallel_runs where quantity_variance = 0 group by all
),
begun as (
    select r.location_id, r.sku, r.other_source, min(r.business_date) as since_date
    from new_parallel_runs as r
    left join agreed as a using (location_id, sku, other_source)
    where r.quantity_variance <> 0 and r.business_date > coalesce(a.agreed_on, date '0001-01-01')
    group by all
)
select
    'parallel_runs' as reconciliation,
    left(r.location_id || ' ' || r.sku || ' ' || r.other_source, 200) as subject,
    'parallel_run_differs' as break_class,
    cast(null as decimal(18, 4)) as amount,
    'XXX' as currency,
    b.since_date,
    left(r.owner_source || ', which is believed, tells '
        || coalesce(in_units(r.owner_quantity) || ' units', 'nothing of it') || ' on ' || r.business_date || ', '
        || r.other_source || ' ' || coalesce(in_units(r.other_quantity) || ' units', 'nothing of it'), 1000) as counterpart
from new_parallel_runs as r
join newest using (location_id, other_source, business_date)
join begun as b using (location_id, sku, other_source)
where r.quantity_variance <> 0
