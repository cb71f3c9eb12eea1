-- Odoo's lists as canonical rows. An empty field is false, a reference is [id, name], instants are UTC without saying so.
create or replace temp macro odoo_text(record, path) as case when json_type(record, path) = 'VARCHAR' then record->>path end;
create or replace temp macro odoo_part(part, name) as part in (name, name || '.rpc');
create or replace temp table odoo_locations as
select record->>'$.id' as id, record->>'$.complete_name' as complete_name, record->>'$.usage' as usage,
    record->>'$.parent_path' as parent_path, line_no
from records where odoo_part(part, 'locations')
qualify row_number() over (partition by id order by line_no desc) = 1;
create or replace temp table odoo_warehouses as
select record->>'$.code' as code, record->>'$.name' as name, record->>'$.view_location_id[0]' as view_id, line_no
from records where odoo_part(part, 'warehouses')
qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1;
-- The place that a location belongs to: the warehouse around it, else the location itself.
create or replace temp table odoo_places as
select l.id, coalesce(max(w.code), any_value(l.complete_name)) as location_id,
    coalesce(max(w.name), any_value(l.complete_name)) as title, min(coalesce(w.line_no, l.line_no)) as line_no
from odoo_locations as l
left join (select w.*, v.parent_path from odoo_warehouses as w join odoo_locations as v on v.id = w.view_id) as w
    on starts_with(l.parent_path, w.parent_path)
where l.usage in ('internal', 'transit')
group by l.id;
create or replace temp table odoo_articles as
select record->>'$.id' as id, odoo_text(record, '$.default_code') as sku, odoo_text(record, '$.name') as title,
    odoo_text(record, '$.barcode') as gtin, record->>'$.uom_id[0]' as unit_id, record->>'$.uom_id[1]' as unit,
    record->>'$.standard_price' as cost, key as currency, cast(record->>'$.active' as boolean) as is_active, line_no
from records where odoo_part(part, 'products')
qualify row_number() over (partition by id order by line_no desc) = 1;

-- object: products
create or replace temp table staged_products as
select sku, title, gtin, unit, cast(null as decimal(18, 6)) as pack_quantity, quantity_of(cost) as unit_cost,
    cost as unit_cost__raw, currency, cast(null as varchar) as tax_code, is_active, line_no, $source as source,
    $delivery_id as delivery_id
from odoo_articles;

-- object: locations
create or replace temp table staged_locations as
select location_id, any_value(title) as title,
    case when coalesce(list_contains(cast($stores as varchar[]), location_id), false) then 'store' else 'warehouse' end as kind,
    cast(null as varchar) as country, $time_zone as time_zone, min(line_no) as line_no, $source as source,
    $delivery_id as delivery_id
from odoo_places group by location_id;

-- object: stock
-- Every article at every place, so that a place that was emptied says so; and what lies there of no article that we know of.
create or replace temp table staged_stock_snapshots as
with lying as (
    select p.location_id, r.record->>'$.product_id[0]' as id, min(r.line_no) as line_no,
        sum(quantity_of(r.record->>'$.quantity')) as quantity, sum(quantity_of(r.record->>'$.reserved_quantity')) as reserved,
        -- A sum hides a number that cannot be read.
        bool_and(quantity_of(r.record->>'$.quantity') is not null) as is_read,
        string_agg(r.record->>'$.quantity', ' + ' order by r.line_no) as told,
        bool_and(quantity_of(r.record->>'$.reserved_quantity') is not null) as is_reserved_read,
        string_agg(r.record->>'$.reserved_quantity', ' + ' order by r.line_no) as reserved_told
    from records as r join odoo_places as p on p.id = (r.record->>'$.location_id[0]')
    where odoo_part(r.part, 'quants')
    group by all
),
known as (
    select a.id, w.location_id from odoo_articles as a cross join (select distinct location_id from odoo_places) as w
    union
    select id, location_id from lying
)
select
    local_day_of($pulled_at, $time_zone) as snapshot_date, k.location_id, a.sku,
    cast(case when l.is_read then l.quantity when l.id is null then 0 end as decimal(18, 6)) as quantity_on_hand,
    coalesce(l.told, '0') as quantity_on_hand__raw,
    cast(case when l.is_reserved_read then l.reserved when l.id is null then 0 end as decimal(18, 6)) as quantity_reserved,
    coalesce(l.reserved_told, '0') as quantity_reserved__raw,
    quantity_of(a.cost) as unit_cost, a.cost as unit_cost__raw, coalesce(a.currency, 'XXX') as currency,
    coalesce(l.line_no, a.line_no) as line_no, $source as source, $delivery_id as delivery_id
from known as k
left join odoo_articles as a on a.id = k.id
left join lying as l on l.id = k.id and l.location_id = k.location_id;

-- object: movements
-- A move out of one place into another is a row at each; within a place nothing moves.
create or replace temp table staged_stock_movements as
with moves as (
    select line_no, record, key as currency, record->>'$.id' as id, record->>'$.product_id[0]' as product_id,
        record->>'$.location_id[0]' as from_id, record->>'$.location_dest_id[0]' as to_id,
        record->>'$.date' || 'Z' as moved,
        coalesce(record->>'$.quantity_product_uom', record->>'$.quantity', record->>'$.qty_done') as told,
        record->>'$.quantity_product_uom' is not null as is_in_unit, record->>'$.product_uom_id[0]' as unit_id
    from records where odoo_part(part, 'moves')
    qualify row_number() over (partition by id order by line_no desc) = 1
),
placed as (
    select m.*, f.location_id as from_place, t.location_id as to_place, fl.usage as from_usage, tl.usage as to_usage, a.sku,
        case when m.is_in_unit or a.unit_id is not distinct from m.unit_id then quantity_of(m.told) end as quantity,
        instant_of(m.moved) as moved_at
    from moves as m
    left join odoo_places as f on f.id = m.from_id
    left join odoo_places as t on t.id = m.to_id
    left join odoo_locations as fl on fl.id = m.from_id
    left join odoo_locations as tl on tl.id = m.to_id
    left join odoo_articles as a on a.id = m.product_id
),
legs as (
    select *, id || '/out' as movement_id, from_place as place, to_place as other_place, to_usage as other, -1 as direction
    from placed where from_place is not null and from_place is distinct from to_place
    union all
    select *, id || '/in', to_place, from_place, from_usage, 1
    from placed where to_place is not null and from_place is distinct from to_place
)
select
    movement_id, moved_at, moved as moved_at__raw, local_day_of(moved_at, $time_zone) as business_date,
    place as location_id, sku,
    case
        when other_place is not null then 'transfer'
        when other = 'customer' and direction < 0 then 'sale'
        when other = 'customer' then 'return'
        when other = 'supplier' then 'receipt'
        when other in ('inventory', 'production') then 'adjustment'
    end as kind,
    other as kind__raw,
    cast(direction * quantity as decimal(18, 6)) as quantity, told as quantity__raw,
    cast(null as decimal(18, 6)) as unit_cost, currency,
    coalesce(odoo_text(record, '$.origin'), odoo_text(record, '$.reference')) as reference,
    line_no, $source as source, $delivery_id as delivery_id
from legs;
