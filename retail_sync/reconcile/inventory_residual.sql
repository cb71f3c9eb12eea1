-- Differences of the totals, taken from the canonical rows, that are in no variance; variances in no break: must be empty.
with sides as (
    select 'interface_sales' as question,
        coalesce(sum(case side when 'right' then quantity else -quantity end), 0) as difference
    from sales_items
    union all
    -- Over all its intervals a location's opening and closing snapshots cancel but for the first and the last.
    select 'interface_snapshot', coalesce(sum(case when s.snapshot_date = e.last_date then s.quantity_on_hand else 0 end), 0)
        - coalesce(sum(case when s.snapshot_date = e.first_date then s.quantity_on_hand else 0 end), 0)
        - coalesce((
            select sum(m.quantity) from canonical.stock_movements as m
            join (select location_id, min(snapshot_date) as first_date, max(snapshot_date) as last_date
                from whole_snapshots group by 1) as b on b.location_id = m.location_id
            where m.business_date > b.first_date and m.business_date <= b.last_date
        ), 0)
    from whole_snapshots as s
    join (select location_id, min(snapshot_date) as first_date, max(snapshot_date) as last_date
        from whole_snapshots group by 1) as e using (location_id)
    union all
    -- All that left and did not arrive, or the reverse; less what a snapshot tells, and what may still be booked.
    select 'interface_transfers',
        coalesce((select sum(quantity) from canonical.stock_movements where kind = 'transfer' and reference <> ''), 0)
        - coalesce((
            select sum(quantity - case when is_told then variance else 0 end) from open_transfers as o
            where not is_told and variance <> 0 or exists (
                select 1 from interval_causes as i
                where i.cause = 'transfer_in_transit' and i.sku = o.sku and i.reference = o.reference and i.trip = o.trip
            )
        ), 0)
    union all
    select 'count', coalesce(sum(right_quantity - left_quantity), 0) from count_causes
),
told as (
    select question, coalesce(sum(quantity_variance), 0) as difference from new_variances group by question
),
untold as (
    select count(*) filter (question <> 'valuation' and quantity_variance <> 0) as variance_count,
        (select count(*) from new_stock_breaks where break_class <> 'stock_ledger_differs' and break_class <> 'stock_no_book'
            and break_class <> 'stock_snapshot_incomplete'
            and not (break_class = 'stock_negative_stock' and coalesce(amount, 0) = 0 and counterpart like '%more issued%'))
            as break_count
    from new_variances
)
select question, s.difference - coalesce(t.difference, 0) as rest
from sides as s left join told as t using (question)
where s.difference - coalesce(t.difference, 0) <> 0
union all
select 'breaks', variance_count - break_count from untold where variance_count <> break_count
order by all
