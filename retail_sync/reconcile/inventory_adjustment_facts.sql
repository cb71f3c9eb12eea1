-- What is booked of an adjustment rests on the count that it takes over: found without packs, as the facts of counts are.
create or replace temp table adjustment_facts as
select m.source, m.movement_id, coalesce(any_value(t.quantity), 0) as taken_quantity, bool_or(t.movement_id is not null) as is_taken,
    sum(c.facts) as count_facts
from canonical.owned_stock_movements as m
left join counts_taken_over as t on t.source = m.source and t.movement_id = m.movement_id
left join count_facts as c on c.location_id = m.location_id and c.sku = m.sku
    and m.business_date between c.business_date and c.business_date + 14
where m.kind = 'adjustment' and m.quantity <> 0
group by m.source, m.movement_id
