-- Snapshots in force that were not read whole: an article they do not name may lie there all the same. With the row at fault.
create or replace temp table incomplete_snapshots as
with faults as (
    select delivery_id, line_no,
        min('line ' || line_no || ', ' || column_name || ' "' || left(trim(value), 40) || '" ' || reason) as shown
    from canonical.rejected_rows
    group by all
)
select s.location_id, s.snapshot_date, min('source ' || i.source || ', ' || f.shown) as shown
from canonical.incomplete_groups as i
join canonical.owned_stock_snapshots as s on s.delivery_id = i.delivery_id and s.line_no = i.line_no
join faults as f on f.delivery_id = i.delivery_id and f.line_no = i.rejected_line_no
where i.table_name = 'stock_snapshots'
group by all
