-- Why a part differs: every cause that its evidence fits; one gives the cause, none or several give `undetermined`.
create or replace temp table sales_causes as
with open as (
    select p.*, a.pack_quantity,
        -- Sold under a code that no article has, or that a channel lists without one.
        not exists (select 1 from articles as k where k.sku = p.sku)
            and (
                exists (select 1 from articles)
                    and not exists (select 1 from canonical.owned_stock_movements as m where m.sku = p.sku)
                or exists (select 1 from canonical.listings as l where l.channel_sku = p.sku and l.sku is null)
            ) as is_unmapped
    from sales_parts as p
    left join articles as a on a.sku = p.sku
    where variance <> 0 and not is_unread
),
opposite as (
    -- The same quantity missing on one day and too much on another: the same receipt on any day, or the day beside it.
    select p.location_id, p.sku, p.direction, p.business_date, p.receipt, o.business_date as other_date
    from open as p
    join open as o on o.location_id = p.location_id and o.sku = p.sku and o.direction = p.direction
        and o.receipt = p.receipt and o.variance = -p.variance and o.business_date <> p.business_date
        and (p.receipt <> '' or abs(o.business_date - p.business_date) = 1)
),
pairs as (
    -- With two days to choose from, neither is chosen.
    select p.*, count(*) over (partition by location_id, sku, direction, business_date, receipt) as choices,
        count(*) over (partition by location_id, sku, direction, other_date, receipt) as rivals
    from opposite as p
),
evidence as (
    select location_id, sku, direction, business_date, receipt, 'timing' as cause,
        case when choices = 1 and rivals = 1 then cast(other_date as varchar) else 'one of two days' end as counterpart,
        choices > 1 or rivals > 1 as is_doubtful
    from pairs
    union all
    select location_id, sku, direction, business_date, receipt, 'posted_twice',
        right_count || ' movements for ' || left_count || ' lines', false
    from open
    where left_quantity <> 0
        and (right_quantity = 2 * left_quantity
            or receipt <> '' and right_count > left_count and right_count % left_count = 0
                and right_quantity = (right_count // left_count) * left_quantity)
    union all
    -- Posted once on its own day and again on another.
    select o.location_id, o.sku, o.direction, o.business_date, o.receipt, 'posted_twice',
        'posted on ' || p.business_date || ' already', false
    from open as o
    join sales_parts as p on p.location_id = o.location_id and p.sku = o.sku and p.direction = o.direction
        and p.receipt = o.receipt and p.business_date <> o.business_date
    where o.receipt <> '' and o.left_quantity = 0 and p.variance = 0 and p.right_quantity = o.right_quantity
    union all
    select location_id, sku, direction, business_date, receipt, 'unit_of_measure',
        'pack of ' || trim(trailing '.' from trim(trailing '0' from cast(pack_quantity as varchar))), false
    from open
    where left_quantity <> 0 and right_quantity <> 0
        and (right_quantity = left_quantity * pack_quantity or right_quantity * pack_quantity = left_quantity)
        -- Two movements of one receipt's quantity are two postings, whatever the pack.
        and not (receipt <> '' and right_count > left_count and right_quantity = (right_count // left_count) * left_quantity)
    union all
    select location_id, sku, direction, business_date, receipt, 'unmapped_sku', 'no article has this code', false
    from open
    where is_unmapped and right_quantity = 0
    union all
    -- Its other half: the same receipt and quantity, posted under the code of an article.
    select o.location_id, o.sku, o.direction, o.business_date, o.receipt, 'unmapped_sku', 'sold as ' || u.sku, false
    from open as o
    join open as u on u.location_id = o.location_id and u.direction = o.direction and u.receipt = o.receipt
        and u.business_date = o.business_date and u.sku <> o.sku
    where o.receipt <> '' and o.left_quantity = 0 and u.is_unmapped and u.right_quantity = 0
        and u.left_quantity = o.right_quantity
    union all
    select location_id, sku, direction, business_date, receipt, 'unposted_' || direction, shown, false
    from open
    where left_quantity <> 0
        and (right_quantity = 0 and not is_unmapped
            -- Part of the day is missing: exactly one of its lines.
            or list_contains(left_items, cast(left_quantity - right_quantity as decimal(18, 6)))
                and sign(right_quantity) = sign(left_quantity) and abs(right_quantity) < abs(left_quantity))
),
fitting as (
    -- A day that explains another leaves nothing to be unposted.
    select e.* from evidence as e
    where not (cause like 'unposted%' and exists (
        select 1 from evidence as t
        where t.cause = 'timing' and t.location_id = e.location_id and t.sku = e.sku and t.direction = e.direction
            and t.business_date = e.business_date and t.receipt = e.receipt
    ))
),
judged as (
    select location_id, sku, direction, business_date, receipt,
        count(distinct cause) = 1 and not bool_or(is_doubtful) as is_clear,
        min(cause) as cause,
        min(counterpart) as counterpart,
        string_agg(distinct cause, ' or ' order by cause) as candidates,
        bool_or(cause = 'timing') as has_timing
    from fitting
    group by all
)
select o.location_id, o.sku, o.direction, o.business_date, o.receipt, o.left_quantity, o.right_quantity, o.variance, o.shown,
    -- A day is explained by another only where that one is explained by nothing else.
    case
        when coalesce(j.is_clear, false) and not (j.cause = 'timing' and not coalesce(partner.is_clear, false)) then j.cause
        else 'undetermined'
    end as cause,
    case
        when j.cause is null then o.shown
        when j.is_clear and not (j.cause = 'timing' and not coalesce(partner.is_clear, false)) then j.counterpart
        when j.has_timing and j.candidates = 'timing' then 'timing, with more than one day or cause to choose from'
        else j.candidates
    end as counterpart
from open as o
left join judged as j using (location_id, sku, direction, business_date, receipt)
left join pairs as t on j.is_clear and j.cause = 'timing'
    and t.location_id = o.location_id and t.sku = o.sku and t.direction = o.direction
    and t.business_date = o.business_date and t.receipt = o.receipt
left join judged as partner on partner.location_id = t.location_id and partner.sku = t.sku
    and partner.direction = t.direction and partner.business_date = t.other_date and partner.receipt = t.receipt
union all
select location_id, sku, direction, business_date, receipt, left_quantity, right_quantity, variance, shown, 'undetermined',
    'a receipt of it was not read whole'
from sales_parts
where variance <> 0 and is_unread
