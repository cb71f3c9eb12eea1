-- What rests on goods, places and articles: the same work that a changed row of each of them hands on.
insert into raw.touched
select stage, kind, document_id
from (
    select unnest([
        {'stage': 'reconcile', 'kind': 'stock', 'document_id': '*'},
        {'stage': 'reconcile', 'kind': 'availability', 'document_id': '*'}
    ], recursive := true)
    union
    select 'reconcile', 'return', reference from canonical.stock_movements where kind = 'return' and reference is not null
    union
    select 'journal', 'storefront_order', 'location:' || location_id from canonical.locations
)
except
select stage, kind, document_id from raw.touched
