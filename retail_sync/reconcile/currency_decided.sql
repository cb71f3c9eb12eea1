-- What a person put together over a rate, whatever the amounts are. Without a rate there is nothing to compare, so it waits.
insert into match_pairs by name
select
    $reconciliation as reconciliation,
    'manual-' || d.decision_id as match_id,
    d.left_id,
    d.right_id,
    'manual' as rule_id,
    d.decision_id as rule_version,
    true as is_confirmed,
    c.expected_amount as left_amount,
    c.deposit_amount as right_amount,
    cast(c.deposit_amount - c.expected_amount as decimal(18, 4)) as difference
from match_decisions as d
join currency_conversions as c on c.settlement_id = d.left_id and c.item_id = d.right_id
where d.reconciliation = $reconciliation and d.is_match and c.rate is not null
