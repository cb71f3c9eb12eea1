-- Places of the source that owns them. Where nobody does (data/rules/ownership.csv), all count.
create or replace view canonical.owned_locations as
select t.*
from canonical.locations as t
anti join (select source, location_id from raw.unowned where domain = 'locations') as u on u.source = t.source and u.location_id = t.location_id
