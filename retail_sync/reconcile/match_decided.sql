-- What a person put together: the newest decision on a pair holds, and one item belongs to one decision. Amounts of two
-- currencies have no difference: that is for the deposits that are converted.
insert into match_pairs by name
select
    $reconciliation as reconciliation,
    'manual-' || d.decision_id as match_id,
    d.left_id,
    d.right_id,
    'manual' as rule_id,
    d.decision_id as rule_version,
    true as is_confirmed,
    l.amount as left_amount,
    r.amount as right_amount,
    cast(r.amount - l.amount as decimal(18, 4)) as difference
from match_decisions as d
join match_left as l on l.item_id = d.left_id
join match_right as r on r.item_id = d.right_id
where d.reconciliation = $reconciliation and d.is_match and split_part(l.block, '|', -1) = split_part(r.block, '|', -1)
