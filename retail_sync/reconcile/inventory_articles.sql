-- What the products table says of an article today, once per sku. Where two sources describe it, the first by name decides.
create or replace temp table articles as
select
    sku,
    arg_min(unit_cost, source) filter (unit_cost is not null) as unit_cost,
    arg_min(currency, source) filter (unit_cost is not null) as currency,
    min_by(pack_quantity, source) filter (pack_quantity > 1) as pack_quantity
from canonical.products
group by sku
