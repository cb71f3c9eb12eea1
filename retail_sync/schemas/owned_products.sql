-- Articles of the source that owns them. Where nobody does (data/rules/ownership.csv), all count.
create or replace view canonical.owned_products as
select t.*
from canonical.products as t
anti join (select source, location_id from raw.unowned where domain = 'products') as u on u.source = t.source
