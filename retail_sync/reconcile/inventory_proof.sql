-- The parts of the proofs of goods, in units, the sides taken from the canonical rows; and that every variance is told. Of each
-- month end in money: each row's units at their cost × what the stock is valued at, and that value × the ledger's account.
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
    from (select location_id, business_date, sum(quantity) as quantity from canonical.owned_stock_movements group by all) as m
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
    from canonical.owned_stock_movements where kind = 'transfer' and reference <> ''
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
),
-- Stock of month ends is valued here a second time, row by row: a proof that took it from `stock_values` would prove nothing.
opened as (
    select m.month_end, s.location_id, max(s.snapshot_date) as snapshot_date
    from month_ends as m
    join (select distinct location_id, snapshot_date from canonical.owned_stock_snapshots) as s on s.snapshot_date <= m.month_end
    where m.month_end in (select month_end from stock_values where incomplete is null)
    group by all
),
pieces as (
    select o.month_end, s.location_id, s.sku, s.quantity_on_hand as quantity
    from opened as o join canonical.owned_stock_snapshots as s using (location_id, snapshot_date)
    union all
    select o.month_end, m.location_id, m.sku, m.quantity
    from opened as o
    join canonical.owned_stock_movements as m on m.location_id = o.location_id
        and m.business_date > o.snapshot_date and m.business_date <= o.month_end
    where o.snapshot_date < o.month_end
),
worth as (
    select p.month_end as business_date, coalesce(c.currency, a.currency) as currency,
        p.quantity * coalesce(c.unit_cost, a.unit_cost) as amount
    from pieces as p
    asof left join snapshot_costs as c
        on c.location_id = p.location_id and c.sku = p.sku and c.snapshot_date <= p.month_end
    left join articles as a on a.sku = p.sku
    where c.unit_cost is not null or a.unit_cost is not null
),
in_ledger as (
    -- Of months whose goods all have a cost, in currencies that the ledger keeps.
    select v.month_end as business_date, v.currency, in_money(v.value, m.digits) as stock, b.amount as ledger
    from stock_values as v
    join ledger_balances as b on b.month_end = v.month_end and b.currency = v.currency
    left join minor_units as m on m.currency = v.currency
    where v.month_end in (select month_end from stock_values group by month_end having sum(uncosted_count) = 0)
),
in_money_told as (
    select 'documents_valued' as comparison, business_date, currency, 'left' as part, sum(amount) as amount, count(*) as item_count
    from worth group by all
    union all
    select 'documents_valued', month_end, currency, 'right', value, 1 from stock_values where incomplete is null and currency <> 'XXX'
    union all
    select 'stock_ledger', business_date, currency, unnest(['left', 'right']), unnest([stock, ledger]), 1 from in_ledger
    union all
    select 'stock_ledger', business_date, currency, case when stock = ledger then 'matched' else 'different' end,
        greatest(abs(stock), abs(ledger)), 1
    from in_ledger
    union all
    select 'stock_ledger', business_date, currency, 'break', value_variance, 1
    from new_variances where question = 'valuation' and value_variance is not null
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
union all
select 'inventory', * from in_money_told
