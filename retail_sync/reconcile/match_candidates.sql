-- Every pair of still open items that one rule could put together, and whether each is the other's only candidate.
-- A suggestion takes an item from later suggestions only: it must not keep a confirming rule from deciding.
create or replace temp table match_candidates as
with taken as (
    select left_id, right_id from match_pairs
    where reconciliation = $reconciliation and (is_confirmed or not $is_confirmed)
),
open_left as (
    select * from match_left
    where item_id not in (select left_id from taken)
),
open_right as (
    select * from match_right
    where item_id not in (select right_id from taken)
),
candidates as (
    select l.item_id as left_id, r.item_id as right_id, l.amount as left_amount, r.amount as right_amount
    from open_left as l
    join open_right as r
        on l.block = r.block
        -- A short settlement starts and ends within one window: what it opens with is not what it ends with.
        and l.item_id <> r.item_id
        and r.item_date between l.item_date - cast($days_before as integer) and l.item_date + cast($days_after as integer)
        -- `any` does not need a key, but two sides that name different ones do not belong together.
        and (l.key = r.key or ($key = 'any' and (l.key is null or r.key is null)))
        and abs(r.amount - l.amount) <= $tolerance
)
select
    $reconciliation as reconciliation,
    left_id,
    right_id,
    $rule_id as rule_id,
    $rule_version as rule_version,
    $is_confirmed as is_confirmed,
    left_amount,
    right_amount,
    right_amount - left_amount as difference,
    count(*) over (partition by left_id) = 1 and count(*) over (partition by right_id) = 1 as is_only
from candidates
