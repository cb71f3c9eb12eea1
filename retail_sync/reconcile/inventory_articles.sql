-- What the products table says of an article today, once per sku. Where two sources describe it, the first by name decides.
-- Costs and packs are wide: DuckDB multiplies two DECIMAL(18) within 18 digits and stops where they do not suffice.
create or replace temp table articles as
select
    sku,
    cast(arg_min(unit_cost, source) filter (unit_cost is not null) as decimal(38, 6)) as unit_cost,
    arg_min(currency, source) filter (unit_cost is not null) as currency,
    cast(arg_min(pack_quantity, source) filter (pack_quantity > 1) as decimal(38, 6)) as pack_quantity
from canonical.owned_products
group by sku
