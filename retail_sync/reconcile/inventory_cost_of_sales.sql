-- Cost of what the ERP booked as sold and returned, by location and day, of returned goods that were written off, and of what
-- the ERP wrote off or found again (adjustments).
create or replace temp table new_cost_of_sales as
with written_off as (
    select location_id, business_date, sku, quantity, coalesce(return_id, '') as return_id, coalesce(order_id, '') as order_id
    from canonical.returns
    where disposition = 'written_off' and location_id is not null and sku is not null
),
written_off_again as (
    select distinct m.source, m.movement_id
    from canonical.owned_stock_movements as m
    join written_off as w on w.location_id = m.location_id and w.sku = m.sku and m.reference in (w.return_id, w.order_id)
    where m.kind = 'adjustment' and m.quantity < 0
),
-- `plain_quantity` and `count_facts` are what the quantity rests on: as if no article had a pack.
moved as (
    select m.location_id, m.business_date, m.sku, m.unit_cost, m.currency,
        case m.kind when 'sale' then 'cost_of_goods_sold' else 'cost_of_goods_returned' end as component,
        case m.kind when 'sale' then -m.quantity else m.quantity end as quantity, quantity as plain_quantity,
        cast(null as hugeint) as count_facts
    from canonical.owned_stock_movements as m
    where m.kind in ('sale', 'return')
        -- What was posted in and is not sellable never went back to stock: it is written off below.
        and not (m.kind = 'return' and exists (
            select 1 from written_off as w
            where w.location_id = m.location_id and w.sku = m.sku and m.reference in (w.return_id, w.order_id)
        ))
    union all
    select location_id, business_date, sku, null, 'XXX', 'cost_written_off', quantity, quantity, null from written_off
    union all
    -- What is booked as a count, or as returned goods written off, is not booked again. It stays here with no units, so that
    -- an entry made before the count or the return was known is taken back. An adjustment that takes over more than is booked
    -- (goods sold and never posted among them) is a write-off of the rest.
    select m.location_id, m.business_date, m.sku, m.unit_cost, m.currency, 'write_off',
        case when t.movement_id is null and a.movement_id is not null then 0 else coalesce(t.quantity, 0) - m.quantity end,
        case when not f.is_taken and a.movement_id is not null then 0 else f.taken_quantity - m.quantity end,
        f.count_facts
    from canonical.owned_stock_movements as m
    join adjustment_facts as f on f.source = m.source and f.movement_id = m.movement_id
    left join counts_taken_over as t on t.source = m.source and t.movement_id = m.movement_id
    left join written_off_again as a on a.source = m.source and a.movement_id = m.movement_id
    where m.kind = 'adjustment' and m.quantity <> 0
),
costed as (
    -- A movement's own cost, else the snapshots', else what the article costs today.
    select location_id, business_date, sku, component, quantity, plain_quantity, count_facts,
        cast(unit_cost as decimal(38, 6)) as unit_cost, currency, unit_cost || ' ' || currency as dated_cost
    from moved
    where unit_cost is not null
    union all
    select m.location_id, m.business_date, m.sku, m.component, m.quantity, m.plain_quantity, m.count_facts,
        coalesce(c.unit_cost, a.unit_cost) as unit_cost,
        case when c.unit_cost is not null then c.currency else coalesce(a.currency, 'XXX') end as currency,
        coalesce(c.unit_cost || ' ' || c.currency, 'product') as dated_cost
    from (from moved where unit_cost is null) as m
    asof left join snapshot_costs as c
        on c.location_id = m.location_id and c.sku = m.sku and c.snapshot_date <= m.business_date
    left join articles as a on a.sku = m.sku
),
hashed as (
    -- Few of the texts differ: each is hashed once.
    select *, md5_number_lower(concat_ws('|', component, sku, plain_quantity, dated_cost, count_facts)) as facts
    from (select distinct component, sku, plain_quantity, dated_cost, count_facts from costed)
),
summed as (
    select location_id, business_date, currency, c.component, sum(quantity * coalesce(unit_cost, 0)) as amount,
        count(*) as row_count,
        count(*) filter (unit_cost is null and quantity <> 0) as uncosted_count,
        coalesce(min(c.sku) filter (unit_cost is null and quantity <> 0), '') as uncosted_sku,
        cast(sum(h.facts) as decimal(38, 0)) as facts
    from costed as c
    join hashed as h on h.component = c.component and h.sku = c.sku and h.dated_cost = c.dated_cost
        and h.plain_quantity is not distinct from c.plain_quantity and h.count_facts is not distinct from c.count_facts
    group by all
)
select s.location_id, s.business_date, s.currency, s.component, in_money(s.amount, m.digits) as amount, s.row_count,
    s.uncosted_count, s.uncosted_sku, s.facts
from summed as s
left join minor_units as m using (currency)
