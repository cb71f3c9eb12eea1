-- Both sides of the question "did the ERP post what was sold and taken back", line by line, as changes of stock.
create or replace temp table sales_items as
with covered as (
    -- What the ERP has not reported yet is awaited, not missing.
    select min(first_day) as first_day, max(last_day) as last_day from (
        select min(business_date) as first_day, max(business_date) as last_day from canonical.stock_movements
        union all
        select min(snapshot_date) + 1, max(snapshot_date) from canonical.stock_snapshots
    )
),
kept as (
    -- Locations whose goods the ERP keeps: a marketplace's warehouse only where it says so itself.
    select location_id from canonical.stock_movements
    union
    select location_id from canonical.stock_snapshots
    union
    select location_id from canonical.locations where kind <> 'marketplace_fulfilment'
),
posted as (
    select location_id, sku, kind as direction, business_date, coalesce(reference, '') as reference, quantity
    from canonical.stock_movements
    where kind in ('sale', 'return')
),
posted_references as (
    select distinct location_id, reference from posted where reference <> ''
),
receipts as (
    select store as location_id, sku, kind as direction, business_date, receipt_id as reference, -quantity as quantity
    from canonical.pos_sales
    where kind in ('sale', 'return') and sku is not null
),
shipments as (
    select f.location_id, f.sku, 'sale' as direction, f.business_date,
        -- ERPs quote the order or the shipment.
        case when p.reference is not null then f.fulfilment_id else f.order_id end as reference,
        -f.quantity as quantity
    from canonical.fulfilments as f
    left join posted_references as p on p.location_id = f.location_id and p.reference = f.fulfilment_id
    where f.location_id is not null
),
takings_back as (
    select r.location_id, r.sku, 'return' as direction, r.business_date,
        case when p.reference is not null then r.return_id else coalesce(r.order_id, r.return_id) end as reference,
        r.quantity, r.disposition
    from canonical.returns as r
    left join posted_references as p on p.location_id = r.location_id and p.reference = r.return_id
    where r.location_id is not null and r.sku is not null and r.disposition <> 'none'
        -- A return at the till may be told by the till and by the channel.
        and not exists (
            select 1 from receipts as t
            where t.direction = 'return' and t.location_id = r.location_id and t.sku = r.sku
                and t.reference in (r.return_id, r.order_id)
        )
),
sold as (
    select * from receipts
    union all
    select * from shipments
    union all
    select location_id, sku, direction, business_date, reference, quantity from takings_back as t
    -- Goods written off when they came back need not have been posted in; where they were, they are compared.
    where disposition = 'restocked' or exists (
        select 1 from posted as p
        where p.direction = 'return' and p.location_id = t.location_id and p.sku = t.sku and p.reference = t.reference
    )
)
select i.* from (
    select 'left' as side, * from sold
    union all
    select 'right', * from posted
) as i
cross join covered as c
where i.location_id in (select location_id from kept) and i.business_date between c.first_day and c.last_day
    and i.quantity <> 0
