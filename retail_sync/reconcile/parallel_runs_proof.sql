-- The parts of the proof of parallel runs, in units by day: the other source's snapshots = the owner's + the variances.
create or replace temp table proof_parts as
select 'parallel_runs' as reconciliation, 'owner_other' as comparison, d.snapshot_date as business_date, 'XXX' as currency,
    'left' as part, s.quantity_on_hand as amount, 1 as item_count
from run_days as d
join canonical.owned_stock_snapshots as s
    on s.location_id = d.location_id and s.snapshot_date = d.snapshot_date and s.source = d.owner_source
union all
select 'parallel_runs', 'owner_other', d.snapshot_date, 'XXX', 'right', s.quantity_on_hand, 1
from run_days as d
join canonical.stock_snapshots as s
    on s.location_id = d.location_id and s.snapshot_date = d.snapshot_date and s.source = d.other_source
union all
select 'parallel_runs', 'owner_other', business_date, 'XXX', 'break', quantity_variance, 1
from new_parallel_runs where quantity_variance <> 0
union all
select 'parallel_runs', 'owner_other', business_date, 'XXX',
    case when quantity_variance = 0 then 'matched' else 'different' end, coalesce(owner_quantity, other_quantity), 1
from new_parallel_runs
