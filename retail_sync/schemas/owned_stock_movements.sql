-- Movements of the source that owns them at that place on that day. Where nobody does (data/rules/ownership.csv), all count.
create or replace view canonical.owned_stock_movements as
select t.*
from canonical.stock_movements as t
anti join (select source, location_id, day from raw.unowned where domain = 'movements') as u
    on u.source = t.source and u.location_id = t.location_id and u.day = t.business_date
