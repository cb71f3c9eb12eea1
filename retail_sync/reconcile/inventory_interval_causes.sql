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
    from canonical.owned_stock_movements as t
    where t.kind = 'transfer' and t.reference <> ''
    group by all
),
moved_within as (
    -- What a transfer has under way at the end of the interval, less what it had at its start, by its own reference.
    select o.location_id, o.sku, o.to_date, o.variance, l.reference, max(t.trip) as trip
    from open as o
    join legs as l on l.sku = o.sku and l.business_date > o.from_date and l.business_date <= o.to_date
    join transfers as t on t.sku = l.sku and t.reference = l.reference and l.business_date between t.since and t.until_day
    group by o.location_id, o.sku, o.to_date, l.reference, o.variance
    having -sum(l.quantity) = o.variance
),
moved_before as (
    -- The goods left before the interval, or arrived before it, and the snapshot is the first to know of the other half.
    select o.location_id, o.sku, o.to_date, o.variance, t.reference, t.trip
    from open as o
    join transfers as t on t.sku = o.sku and t.since <= o.from_date and case
        when o.variance > 0 then coalesce(list_contains(t.receivers, o.location_id), true)
            and not coalesce(list_contains(t.senders, o.location_id), false)
        else coalesce(list_contains(t.senders, o.location_id), true)
            and not coalesce(list_contains(t.receivers, o.location_id), false) end
    join legs as l on l.sku = o.sku and l.reference = t.reference
        and l.business_date between t.since and least(o.to_date, t.until_day)
    group by o.location_id, o.sku, o.to_date, o.variance, t.reference, t.trip
    having -sum(l.quantity) = o.variance
),
in_transit as (
    select * from moved_within
    union
    -- Goods that may lie in two places lie in neither for certain.
    select * from moved_before as b
    where not exists (
        select 1 from (select * from moved_before union select * from moved_within) as other
        where other.sku = b.sku and other.reference = b.reference and other.trip = b.trip and other.variance = b.variance
            and (other.location_id, other.to_date) <> (b.location_id, b.to_date)
    )
),
transfer_said as (
    select i.location_id, i.sku, i.to_date, i.reference, i.trip,
        t.said || case
            when i.variance > 0 and t.receivers is null and not list_contains(t.senders, i.location_id)
                or i.variance < 0 and t.senders is null and not list_contains(t.receivers, i.location_id)
                then ' at ' || i.location_id
            when t.senders is null or t.receivers is null then ' anywhere' else '' end
        || '; the snapshot of ' || i.location_id || case
            when i.variance > 0 and list_contains(t.senders, i.location_id) then ' still has the goods'
            when i.variance > 0 then ' has the goods already'
            when list_contains(t.receivers, i.location_id) then ' is still without the goods'
            else ' is without the goods already' end as said
    from in_transit as i
    join transfers as t using (sku, reference, trip)
),
movements as (
    select * from canonical.owned_stock_movements semi join open using (location_id, sku)
),
late as (
    -- Movements of the interval that the snapshot does not have in it: one, or those of one reference.
    select o.location_id, o.sku, o.to_date, min(m.shown) as shown
    from open as o
    join (
        select location_id, sku, business_date, movement_id as shown, quantity, kind, reference from movements
        union all
        select location_id, sku, max(business_date), reference, sum(quantity), min(kind), reference
        from movements where reference is not null
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
    select location_id, sku, to_date, 'transfer_in_transit' as cause, arg_min(said, reference) as counterpart,
        min(reference) as reference, arg_min(trip, reference) as trip
    from transfer_said group by location_id, sku, to_date
    union all
    select location_id, sku, to_date, 'unit_of_measure', 'pack of ' || in_units(pack_quantity), null, null
    from open
    where left_quantity <> 0 and right_quantity <> 0
        and (right_quantity = left_quantity * pack_quantity or right_quantity * pack_quantity = left_quantity)
    union all
    -- An ERP that shows no negative stock shows nothing instead.
    select location_id, sku, to_date, 'negative_stock', 'shown as zero', null, null
    from open where left_quantity < 0 and right_quantity = 0
    union all
    select l.location_id, l.sku, l.to_date, 'late_movement', 'movement ' || l.shown, null, null
    from late as l join open as o using (location_id, sku, to_date)
    where o.next_date is null
        or exists (select 1 from taken_back as r where r.location_id = l.location_id and r.sku = l.sku
            and r.to_date = l.to_date and r.is_only_pair)
),
first_causes as (
    select * from specific
    union all
    -- It differs and the next one is right again, and nothing else says why.
    select r.location_id, r.sku, r.to_date, 'snapshot_error', 'right again on ' || r.right_again, null, null
    from taken_back as r
    where r.is_only_pair and not exists (
        select 1 from specific as s where s.location_id = r.location_id and s.sku = r.sku and s.to_date = r.to_date
    )
    union all
    -- A movement fits, and so may an error: the next snapshot will tell.
    select s.location_id, s.sku, s.to_date, 'snapshot_error', s.counterpart, null, null
    from specific as s join open as o using (location_id, sku, to_date)
    where s.cause = 'late_movement' and o.next_date is null
    union all
    select location_id, sku, to_date, 'snapshot_error', 'right again on one of two days', null, null
    from taken_back where not is_only_pair
    union all
    select location_id, sku, to_date, 'undetermined', 'right again on one of two days', null, null
    from taken_back where not is_only_pair
),
evidence as (
    select *, false as is_transfer_again from first_causes
    union all
    -- The snapshot that is right again differs for the reason of the wrong one.
    select r.location_id, r.sku, r.right_again, f.cause,
        case when f.reference is null then 'wrong on ' || r.to_date
            else 'transfer ' || f.reference || ' is told of the snapshot of ' || r.to_date || ', and this one takes it back' end,
        f.reference, f.trip, f.reference is not null
    from taken_back as r
    join first_causes as f on f.location_id = r.location_id and f.sku = r.sku and f.to_date = r.to_date
),
judged as (
    select location_id, sku, to_date, count(distinct cause) as choices, min(cause) as cause,
        coalesce(min(counterpart) filter (is_transfer_again), min(counterpart)) as counterpart,
        min(reference) as reference, arg_min(trip, reference) as trip,
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
    coalesce(case when j.choices = 1 then j.counterpart else j.candidates end, '') as counterpart,
    j.reference, j.trip
from open as o left join judged as j using (location_id, sku, to_date)
union all
select location_id, sku, to_date, left_quantity, right_quantity, variance, 'negative_stock', 'more issued than received', null, null
from turned_negative
