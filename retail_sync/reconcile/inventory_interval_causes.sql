-- Why a snapshot differs from the one before and the movements since: every cause that the evidence fits.
create or replace temp table interval_causes as
with open as (
    select i.*, a.pack_quantity
    from snapshot_intervals as i left join articles as a using (sku)
    where variance <> 0
),
taken_back as (
    -- The next snapshot takes the difference back: one of the two was wrong, if no third one may be meant.
    select o.location_id, o.sku, o.to_date, n.to_date as right_again,
        not exists (select 1 from open as p where p.location_id = o.location_id and p.sku = o.sku
            and p.to_date = o.from_date and p.variance = -o.variance)
        and not exists (select 1 from open as q where q.location_id = o.location_id and q.sku = o.sku
            and q.to_date = n.next_date and q.variance = -n.variance) as is_only_pair
    from open as o
    join open as n on n.location_id = o.location_id and n.sku = o.sku and n.to_date = o.next_date and n.variance = -o.variance
),
legs as (
    select t.sku, t.reference, t.location_id, t.business_date, sum(t.quantity) as quantity
    from canonical.stock_movements as t
    where t.kind = 'transfer' and t.reference is not null
    group by all
),
in_transit as (
    -- What a transfer has under way at the end of the interval, less what it had at its start, by its own reference.
    select o.location_id, o.sku, o.to_date, l.reference
    from open as o
    join legs as l on l.sku = o.sku and l.business_date > o.from_date and l.business_date <= o.to_date
    group by o.location_id, o.sku, o.to_date, l.reference, o.variance
    having -sum(l.quantity) = o.variance
),
late as (
    -- Movements of the interval that the snapshot does not have in it: one, or those of one reference.
    select o.location_id, o.sku, o.to_date, min(m.shown) as shown
    from open as o
    join (
        select location_id, sku, business_date, movement_id as shown, quantity, kind, reference from canonical.stock_movements
        union all
        select location_id, sku, max(business_date), reference, sum(quantity), min(kind), reference
        from canonical.stock_movements where reference is not null
        group by location_id, sku, reference having count(*) > 1
    ) as m on m.location_id = o.location_id and m.sku = o.sku
        and m.business_date > o.from_date and m.business_date <= o.to_date and m.quantity = -o.variance
    where not exists (
        select 1 from in_transit as t
        where t.location_id = o.location_id and t.sku = o.sku and t.to_date = o.to_date and t.reference = m.reference
    )
    group by o.location_id, o.sku, o.to_date
),
specific as (
    select location_id, sku, to_date, 'transfer_in_transit' as cause, 'transfer ' || min(reference) as counterpart
    from in_transit group by location_id, sku, to_date
    union all
    select location_id, sku, to_date, 'unit_of_measure',
        'pack of ' || trim(trailing '.' from trim(trailing '0' from cast(pack_quantity as varchar)))
    from open
    where left_quantity <> 0 and right_quantity <> 0
        and (right_quantity = left_quantity * pack_quantity or right_quantity * pack_quantity = left_quantity)
    union all
    -- An ERP that shows no negative stock shows nothing instead.
    select location_id, sku, to_date, 'negative_stock', 'shown as zero'
    from open where left_quantity < 0 and right_quantity = 0
    union all
    select l.location_id, l.sku, l.to_date, 'late_movement', 'movement ' || l.shown
    from late as l join open as o using (location_id, sku, to_date)
    where o.next_date is null
        or exists (select 1 from taken_back as r where r.location_id = l.location_id and r.sku = l.sku
            and r.to_date = l.to_date and r.is_only_pair)
),
first_causes as (
    select * from specific
    union all
    -- It differs and the next one is right again, and nothing else says why.
    select r.location_id, r.sku, r.to_date, 'snapshot_error', 'right again on ' || r.right_again
    from taken_back as r
    where r.is_only_pair and not exists (
        select 1 from specific as s where s.location_id = r.location_id and s.sku = r.sku and s.to_date = r.to_date
    )
    union all
    -- A movement fits, and so may an error: the next snapshot will tell.
    select s.location_id, s.sku, s.to_date, 'snapshot_error', s.counterpart
    from specific as s join open as o using (location_id, sku, to_date)
    where s.cause = 'late_movement' and o.next_date is null
    union all
    select location_id, sku, to_date, 'snapshot_error', 'right again on one of two days'
    from taken_back where not is_only_pair
    union all
    select location_id, sku, to_date, 'undetermined', 'right again on one of two days'
    from taken_back where not is_only_pair
),
evidence as (
    select * from first_causes
    union all
    -- The snapshot that is right again differs for the reason of the wrong one.
    select r.location_id, r.sku, r.right_again, f.cause, 'wrong on ' || r.to_date
    from taken_back as r
    join first_causes as f on f.location_id = r.location_id and f.sku = r.sku and f.to_date = r.to_date
),
judged as (
    select location_id, sku, to_date, count(distinct cause) as choices, min(cause) as cause, min(counterpart) as counterpart,
        string_agg(distinct cause, ' or ' order by cause) filter (cause <> 'undetermined') as candidates
    from evidence
    group by all
),
turned_negative as (
    -- Nothing differs, but more was issued than received: told on the day it became so.
    select location_id, sku, to_date, left_quantity, right_quantity, variance
    from snapshot_intervals where variance = 0 and right_quantity < 0 and opening >= 0
)
select o.location_id, o.sku, o.to_date, o.left_quantity, o.right_quantity, o.variance,
    case when j.choices = 1 then j.cause else 'undetermined' end as cause,
    coalesce(case when j.choices = 1 then j.counterpart else j.candidates end, '') as counterpart
from open as o left join judged as j using (location_id, sku, to_date)
union all
select location_id, sku, to_date, left_quantity, right_quantity, variance, 'negative_stock', 'more issued than received'
from turned_negative
