-- Every pair of units that one rule could put together, and whether each is the other's only candidate.
create or replace temp table match_candidates as
with dated as (
    -- Windows in business days count the days that banks work; a day on which they do not is the one before.
    select u.*,
        case when $day_kind = 'business' then f.number else u.first_date - date '1970-01-01' end as first_number,
        case when $day_kind = 'business' then l.number else u.last_date - date '1970-01-01' end as last_number
    from match_units as u
    left join business_days as f on f.day = u.first_date
    left join business_days as l on l.day = u.last_date
),
candidates as (
    select l.unit_id as left_id, r.unit_id as right_id, l.amount as left_amount, r.amount as right_amount,
        l.members as left_members, r.members as right_members, r.first_date as right_date
    from dated as l
    join dated as r
        on l.side = 'left' and r.side = 'right' and l.block = r.block
        -- A short settlement starts and ends within one window: what it opens with is not what it ends with.
        and l.unit_id <> r.unit_id
        and r.first_number >= l.last_number - cast($days_before as bigint)
        and r.last_number <= l.first_number + cast($days_after as bigint)
        -- `any` does not need a key, but two sides that name different ones do not belong together.
        and (l.key = r.key or ($key = 'any' and (l.key is null or r.key is null)))
        and abs(r.amount - l.amount) <= greatest(
            $tolerance, abs(l.amount) * $percent / 100, $rounding_per_line * greatest(l.line_count, r.line_count)
        )
        -- Whatever the amount may be, what comes in is not what goes out: a fee that names a payout is not that payout.
        and sign(l.amount) * sign(r.amount) >= 0
    where not exists (
        -- A person said that these do not belong together.
        select 1 from match_decisions as d
        where d.reconciliation = $reconciliation and not d.is_match
            and list_contains(list_transform(l.members, m -> m.item_id), d.left_id)
            and list_contains(list_transform(r.members, m -> m.item_id), d.right_id)
    )
)
select *, count(*) over (partition by left_id) = 1 and count(*) over (partition by right_id) = 1 as is_only,
    count(*) over (partition by right_id) = 1 as is_only_left,
    row_number() over (partition by left_id order by right_date, right_id) as place
from candidates
