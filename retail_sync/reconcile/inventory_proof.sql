-- The parts of the proofs of goods, in units, the sides taken from the canonical rows; and that every variance is told.
create or replace temp table proof_parts as
with counted as (
    select location_id, snapshot_date, sum(quantity_on_hand) as quantity from whole_snapshots group by all
),
snapshots as (
    select *, lag(quantity) over by_day as opening, row_number() over by_day > 1 as has_opening
    from counted
    window by_day as (partition by location_id order by snapshot_date)
),
moved as (
    select s.snapshot_date, m.quantity
    from (select location_id, business_date, sum(quantity) as quantity from canonical.stock_movements group by all) as m
    asof join snapshots as s on s.location_id = m.location_id and s.snapshot_date >= m.business_date
    where s.has_opening
),
sides as (
    select 'interface_sales' as comparison, business_date, side, sum(quantity) as quantity from sales_items group by all
    union all
    select 'interface_snapshot', snapshot_date, 'left', opening from snapshots where has_opening
    union all
    select 'interface_snapshot', snapshot_date, 'left', quantity from moved
    union all
    select 'interface_snapshot', snapshot_date, 'right', quantity from snapshots where has_opening
    union all
    -- Goods leave on one day and arrive on another: the total is proved.
    select 'interface_transfers', null, case when quantity < 0 then 'left' else 'right' end, abs(quantity)
    from canonical.stock_movements where kind = 'transfer' and reference <> ''
    union all
    select 'count', business_date, unnest(['left', 'right']), unnest([left_quantity, right_quantity])
    from count_books where left_quantity is not null
),
carried as (
    -- All that left and did not arrive, or the reverse, that a snapshot tells or that may still be booked.
    select 'interface_transfers' as comparison, quantity - case when is_told then variance else 0 end as quantity
    from open_transfers as o
    where not is_told and variance <> 0 or exists (
        select 1 from interval_causes as i
        where i.cause = 'transfer_in_transit' and i.sku = o.sku and i.reference = o.reference and i.trip = o.trip
    )
),
compared as (
    select 'interface_sales' as comparison, business_date, left_quantity, right_quantity from sales_parts
    union all
    select 'interface_snapshot', to_date, left_quantity, right_quantity from snapshot_intervals
    union all
    select 'count', business_date, left_quantity, right_quantity from count_books where left_quantity is not null
),
judged as (
    select comparison, business_date, case when left_quantity = right_quantity then 'matched' else 'different' end as part,
        sum(greatest(abs(left_quantity), abs(right_quantity))) as value, count(*) as item_count
    from compared
    group by all
)
select 'inventory' as reconciliation, comparison, business_date, 'XXX' as currency, side as part, quantity as amount, 1 as item_count
from sides
union all
select 'inventory', question, case when question <> 'interface_transfers' then business_date end, 'XXX', 'break', quantity_variance, 1
from new_variances where question <> 'valuation'
union all
select 'inventory', comparison, null, 'XXX', 'carried', quantity, 1 from carried
union all
select 'inventory', comparison, business_date, 'XXX', part, value, item_count from judged
union all
select 'inventory', 'variances_told', business_date, 'XXX', 'left', 1, 1
from new_variances where question <> 'valuation' and quantity_variance <> 0
union all
select 'inventory', 'variances_told', since_date, 'XXX', 'right', 1, 1
from new_stock_breaks
where break_class not in ('stock_ledger_differs', 'stock_no_book', 'stock_snapshot_incomplete')
    and not (break_class = 'stock_negative_stock' and coalesce(amount, 0) = 0 and counterpart like '%more issued%')
