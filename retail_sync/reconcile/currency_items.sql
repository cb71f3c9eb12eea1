-- What became of the payouts and bank lines that can be compared over a rate. One that is matched here is open nowhere else.
insert into new_match_items by name
with paired as (
    select left_id as item_id, bool_or(is_confirmed) as is_confirmed, min(match_id) as match_id
    from match_pairs where reconciliation = $reconciliation group by all
    union all
    select right_id, bool_or(is_confirmed), min(match_id)
    from match_pairs where reconciliation = $reconciliation group by all
),
doubtful as (
    select unnest([left_id, right_id]) as item_id from match_ambiguities as a
    where reconciliation = $reconciliation
        and not exists (select 1 from paired as p where p.is_confirmed and p.item_id in (a.left_id, a.right_id))
),
items as (
    select distinct 'left' as side, settlement_id as item_id, channel || '|' || currency as block, settlement_id as key_name,
        header_total as amount, deposit_date as item_date
    from currency_conversions
    union all
    select distinct 'right', item_id, channel || '|' || deposit_currency, case when is_named then settlement_id end,
        deposit_amount, item_date
    from currency_conversions
)
select
    $reconciliation as reconciliation,
    i.side,
    i.item_id,
    i.block,
    i.key_name,
    i.amount,
    i.item_date,
    case when p.is_confirmed then 'matched' when d.item_id is not null then 'ambiguous' else 'suggested' end as status,
    p.match_id
from items as i
left join paired as p on p.item_id = i.item_id
left join (select distinct item_id from doubtful) as d on d.item_id = i.item_id
-- What no rule could put with anything is listed where it is open already, among the deposits of its own currency.
where p.item_id is not null or d.item_id is not null
