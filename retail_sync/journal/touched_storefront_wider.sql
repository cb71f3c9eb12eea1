-- The orders of the customers and places that changed: the tax of a sale follows from where it left and who bought it.
insert into raw.touched
with changed as (
    select document_id from raw.touched where stage = 'journal' and kind = 'storefront_order'
)
select 'journal', 'storefront_order', 'storefront_order:' || channel || '|' || order_id
from canonical.orders where 'customer:' || channel || '|' || customer_id in (select document_id from changed)
union
select 'journal', 'storefront_order', 'storefront_order:' || channel || '|' || order_id
from canonical.fulfilments where 'location:' || location_id in (select document_id from changed)
except
select stage, kind, document_id from raw.touched
