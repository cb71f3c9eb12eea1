-- What a count that differs rests on. A pack has no day, so a changed one is no fact: this is made of causes found without packs.
-- What they would book, the book and what was counted, and each earlier difference that some pack may explain, because one side
-- is a multiple of the other: so what is delivered changes the facts, and what only a pack changes does not.
create or replace temp table count_facts as
with booked as (
    select location_id, sku, business_date, kind, sum(md5_number_lower(concat_ws('|', part, cause, variance))) as facts
    from count_causes
    where cause in ('shrinkage', 'gain', 'marketplace_lost', 'marketplace_found')
    group by all
),
differing as (
    select location_id, sku, business_date as on_day, concat_ws('|', direction, receipt) as what, left_quantity, right_quantity
    from sales_causes
    union all
    select location_id, sku, to_date, 'snapshot', left_quantity, right_quantity from interval_causes
),
perhaps_packed as (
    select location_id, sku, on_day, md5_number_lower(concat_ws('|', what, on_day, left_quantity, right_quantity)) as facts
    from differing
    where left_quantity <> 0 and right_quantity <> 0
        and (right_quantity % left_quantity = 0 or left_quantity % right_quantity = 0)
),
evidence as (
    select c.location_id, c.sku, c.business_date, c.kind, sum(p.facts) as facts
    from count_books as c
    join perhaps_packed as p on p.location_id = c.location_id and p.sku = c.sku and p.on_day <= c.business_date
    group by all
)
select c.location_id, c.sku, c.business_date, c.kind,
    md5_number_lower(
        concat_ws('|', c.sku, c.kind, c.left_quantity, c.right_quantity, coalesce(b.facts, 0), coalesce(e.facts, 0))
    ) as facts
from count_books as c
left join booked as b using (location_id, sku, business_date, kind)
left join evidence as e using (location_id, sku, business_date, kind)
where c.left_quantity is null or c.variance <> 0
