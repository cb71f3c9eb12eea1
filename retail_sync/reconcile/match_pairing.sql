-- The units that were each other's only candidate, item by item. Where several items stand against one, each has its own part
-- of it, and the first by id carries the difference: so both amounts of all pairs sum to those of the items.
insert into match_pairs by name
with matched as (
    select *, right_amount - left_amount as rest, left(sha256($reconciliation || '|' || left_id || '|' || right_id), 16) as match_id
    from match_candidates where is_only or ($shape = 'first_of_repeated' and is_only_left and place = 1)
),
spread as (
    select match_id, rest, left_members[1].item_id as first_left, right_members, unnest(left_members) as l from matched
),
paired as (
    select match_id, rest, first_left, l, right_members[1].item_id as first_right, len(right_members) as right_count,
        unnest(right_members) as r
    from spread
),
parts as (
    select match_id, l.item_id as left_id, r.item_id as right_id,
        case when right_count = 1 then l.amount when r.item_id = first_right then r.amount - rest else r.amount end as left_part,
        case when right_count > 1 then r.amount when l.item_id = first_left then l.amount + rest else l.amount end as right_part
    from paired
)
select
    $reconciliation as reconciliation,
    match_id,
    left_id,
    right_id,
    $rule_id as rule_id,
    cast($rule_version as bigint) as rule_version,
    $is_confirmed as is_confirmed,
    cast(left_part as decimal(18, 4)) as left_amount,
    cast(right_part as decimal(18, 4)) as right_amount,
    cast(right_part - left_part as decimal(18, 4)) as difference
from parts
