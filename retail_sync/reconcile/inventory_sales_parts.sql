-- What was sold × what was posted, by location, sku, direction and day: by receipt where the ERP names it, else summed.
create or replace temp table sales_parts as
with named as (
    -- A reference that both sides know at a location is the same business; any other number is the side's own.
    select location_id, reference from sales_items where side = 'left' and reference <> ''
    intersect
    select location_id, reference from sales_items where side = 'right' and reference <> ''
),
keyed as (
    select i.*, coalesce(n.reference, '') as receipt
    from sales_items as i
    left join named as n on n.location_id = i.location_id and n.reference = i.reference
),
summed as (
    select
        location_id, sku, direction, business_date, receipt,
        cast(coalesce(sum(quantity) filter (side = 'left'), 0) as decimal(18, 6)) as left_quantity,
        cast(coalesce(sum(quantity) filter (side = 'right'), 0) as decimal(18, 6)) as right_quantity,
        cast(right_quantity - left_quantity as decimal(18, 6)) as variance,
        count(*) filter (side = 'left') as left_count,
        count(*) filter (side = 'right') as right_count,
        -- A receipt that was not read whole: more may have been sold.
        bool_or(is_unread) as is_unread
    from keyed
    group by location_id, sku, direction, business_date, receipt
),
listed as (
    -- Lines are only looked at where they differ.
    select
        location_id, sku, direction, business_date, receipt,
        list(quantity) filter (side = 'left') as left_items,
        -- Three of the receipts or orders, for people to look at.
        array_to_string(list_sort(list(distinct reference) filter (reference <> ''))[1:3], ', ') as shown
    from keyed
    semi join (select * from summed where variance <> 0) using (location_id, sku, direction, business_date, receipt)
    group by location_id, sku, direction, business_date, receipt
)
select s.*, coalesce(l.left_items, []) as left_items, coalesce(l.shown, '') as shown
from summed as s
left join listed as l using (location_id, sku, direction, business_date, receipt)
