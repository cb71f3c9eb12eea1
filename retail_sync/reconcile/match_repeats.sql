-- What was found again under the key and amount of an item that is matched by now: the later ones, by day and id.
insert into match_repeated by name
select $reconciliation as reconciliation, m.item_id, c.left_id as repeats_left_id
from (select left_id, unnest(right_members) as m from match_candidates where is_only_left and place > 1) as c
