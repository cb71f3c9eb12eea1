-- What is offered now. The newest whole list of a system that was read without a rejected row ends the offers that it does not
-- hold; newer lists add to it. A file says nothing of what it does not hold: its offers stand until a newer row of their own.
create or replace view canonical.current_listings as
with whole as (
    select source, object, max(received_order) as received_order
    from raw.deliveries where tells_of = 'now' and is_complete
    group by all
)
select l.*
from canonical.listings as l
left join raw.deliveries as d on d.delivery_id = l.delivery_id
left join whole as w on w.source = d.source and w.object = d.object and d.tells_of = 'now'
where w.received_order is null or d.received_order >= w.received_order
