-- Both sides of the question "did the ERP post what was sold and taken back", line by line, as changes of stock.
create or replace temp table sales_items as
with exports as (
    select source, min(business_date) as first_day, max(business_date) as last_day from canonical.owned_stock_movements group by source
),
reported as (
    -- One export of movements may hold all locations, so each of its own is reported as far as the export goes; a snapshot
    -- speaks of its own location.
    select location_id, first_day, last_day
    from (select distinct location_id, source from canonical.owned_stock_movements) join exports using (source)
    union all
    select location_id, min(snapshot_date) + 1, max(snapshot_date) from canonical.owned_stock_snapshots group by location_id
),
kept as (
    -- Locations whose goods the ERP keeps, and how far it has reported them: what it has not reported yet is awaited, not
    -- missing. A marketplace's warehouse is kept only where the ERP says so itself. A store or warehouse of which nothing was
    -- ever reported is measured by all that was: what is never posted there would else be awaited for ever.
    select location_id, min(first_day) as first_day, max(last_day) as last_day from reported group by location_id
    union all
    select l.location_id, r.first_day, r.last_day
    from (select distinct location_id from canonical.owned_locations where kind <> 'marketplace_fulfilment') as l
    cross join (select min(first_day) as first_day, max(last_day) as last_day from reported) as r
    where l.location_id not in (select location_id from reported)
),
unread_receipts as (
    select distinct store, register, receipt_id
    from canonical.pos_sales
    semi join (select * from canonical.incomplete_groups where table_name = 'pos_sales') using (delivery_id, line_no)
),
posted as (
    select location_id, sku, kind as direction, business_date, coalesce(reference, '') as reference, quantity
    from canonical.owned_stock_movements
    where kind in ('sale', 'return')
),
posted_references as (
    select distinct location_id, reference from posted where reference <> ''
),
receipts as (
    select store as location_id, sku, kind as direction, business_date, receipt_id as reference, -quantity as quantity,
        (store, register, receipt_id) in (select (store, register, receipt_id) from unread_receipts) as is_unread
    from canonical.pos_sales
    where kind in ('sale', 'return') and sku is not null
),
shipments as (
    select f.location_id, f.sku, 'sale' as direction, f.business_date,
        -- ERPs quote the order or the shipment.
        case when p.reference is not null then f.fulfilment_id else f.order_id end as reference,
        -f.quantity as quantity, false as is_unread
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
    select location_id, sku, direction, business_date, reference, quantity, false from takings_back as t
    -- Goods written off when they came back need not have been posted in; where they were, they are compared.
    where disposition = 'restocked' or exists (
        select 1 from posted as p
        where p.direction = 'return' and p.location_id = t.location_id and p.sku = t.sku and p.reference = t.reference
    )
)
select i.* from (
    select 'left' as side, * from sold
    union all
    select 'right', *, false from posted
) as i
join kept as k on k.location_id = i.location_id and i.business_date between k.first_day and k.last_day
where i.quantity <> 0
