-- What became of every item of one reconciliation.
insert into new_match_items by name
with items as (
    select 'left' as side, * from match_left union all select 'right', * from match_right
),
paired as (
    select 'left' as side, left_id as item_id, bool_or(is_confirmed) as is_confirmed, min(match_id) as match_id
    from match_pairs where reconciliation = $reconciliation group by all
    union all
    select 'right', right_id, bool_or(is_confirmed), min(match_id)
    from match_pairs where reconciliation = $reconciliation group by all
),
doubtful as (
    -- Candidates that no other rule decided since.
    select left_id, right_id from match_ambiguities as a
    where reconciliation = $reconciliation
        and not exists (select 1 from paired as p where p.is_confirmed and p.side = 'left' and p.item_id = a.left_id)
        and not exists (select 1 from paired as p where p.is_confirmed and p.side = 'right' and p.item_id = a.right_id)
)
select
    $reconciliation as reconciliation,
    i.side,
    i.item_id,
    i.block,
    i.key as key_name,
    i.amount,
    i.item_date,
    case
        when p.is_confirmed then 'matched'
        when i.side = 'right' and i.item_id in (select item_id from match_repeated where reconciliation = $reconciliation)
            then 'repeated'
        when (i.side = 'left' and i.item_id in (select left_id from doubtful))
            or (i.side = 'right' and i.item_id in (select right_id from doubtful)) then 'ambiguous'
        when p.match_id is not null then 'suggested'
        else 'open'
    end as status,
    p.match_id
from items as i
left join paired as p using (side, item_id)
