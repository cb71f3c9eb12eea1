-- The units that a rule compares on one side: single items, or sums of the open items that share a group. What a confirming
-- rule matched is not open any more; a suggestion keeps its items from later suggestions only.
create or replace temp table match_units as
with taken as (
    select left_id as item_id, 'left' as side from match_pairs
    where reconciliation = $reconciliation and (is_confirmed or not $is_confirmed)
    union all
    select right_id, 'right' from match_pairs
    where reconciliation = $reconciliation and (is_confirmed or not $is_confirmed)
    union all
    select item_id, 'right' from match_repeated where reconciliation = $reconciliation
),
items as (
    select 'left' as side, *, case when $key = 'equal' then key else group_key end as grouped_by from match_left
    union all
    select 'right', *, case when $key = 'equal' then key else group_key end from match_right
),
open_items as (
    select * from items anti join taken using (side, item_id)
)
select side, item_id as unit_id, block, key, amount, line_count, item_date as first_date, item_date as last_date,
    [struct_pack(item_id := item_id, amount := amount)] as members
from open_items where side <> $grouped_side
union all
select side, min(item_id), block, case when $key = 'equal' then any_value(key) end, cast(sum(amount) as decimal(18, 4)),
    cast(sum(line_count) as bigint), min(item_date), max(item_date),
    list(struct_pack(item_id := item_id, amount := amount) order by item_id)
from open_items where side = $grouped_side and grouped_by is not null
group by side, block, grouped_by having count(*) > 1
