-- The payouts and bank lines that one rule could put together over a rate, and whether each is the other's only candidate. The
-- amounts are those of the bank line's currency, so that a pair's difference is in that currency too.
create or replace temp table match_candidates as
with taken as (
    select left_id as item_id from match_pairs where reconciliation = $reconciliation and (is_confirmed or not $is_confirmed)
    union all
    select right_id from match_pairs where reconciliation = $reconciliation and (is_confirmed or not $is_confirmed)
),
candidates as (
    select settlement_id as left_id, item_id as right_id, expected_amount as left_amount, deposit_amount as right_amount,
        [struct_pack(item_id := settlement_id, amount := expected_amount)] as left_members,
        [struct_pack(item_id := item_id, amount := deposit_amount)] as right_members,
        item_date as right_date
    from currency_conversions as c
    where rate is not null
        and (is_named or $key = 'any')
        and item_date between deposit_date - cast($days_before as integer) and deposit_date + cast($days_after as integer)
        and (
            abs(deposit_amount - expected_amount) <= $tolerance
            or abs(deposit_amount - expected_amount) * 100 <= expected_amount * $percent
        )
        and settlement_id not in (select item_id from taken)
        and item_id not in (select item_id from taken)
        and not exists (
            select 1 from match_decisions as d
            where d.reconciliation = $reconciliation and not d.is_match
                and d.left_id = c.settlement_id and d.right_id = c.item_id
        )
)
select *, count(*) over (partition by left_id) = 1 and count(*) over (partition by right_id) = 1 as is_only,
    count(*) over (partition by right_id) = 1 as is_only_left,
    row_number() over (partition by left_id order by right_date, right_id) as place
from candidates
