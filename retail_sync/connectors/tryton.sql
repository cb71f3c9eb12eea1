-- Tryton's lists as canonical rows. Decimals and days are objects there, quantities are numbers whose digits are kept.
create or replace temp macro tryton_day(x) as
    try_cast(format('{}-{}-{}', x->>'$.year', x->>'$.month', x->>'$.day') as date);
create or replace temp table tryton_locations as
select cast(record->>'$.id' as bigint) as id, record->>'$.type' as type, cast(record->>'$.parent' as bigint) as parent,
    coalesce(nullif(record->>'$.code', ''), record->>'$.name') as location_id, record->>'$.name' as title, line_no
from records where part = 'locations'
qualify row_number() over (partition by id order by line_no desc) = 1;
-- The place that a location belongs to: the warehouse around it, else the outermost storage location.
create or replace temp table tryton_places as
with recursive upwards as (
    select id, id as at, type, parent, 0 as steps from tryton_locations where type in ('storage', 'warehouse')
    union
    select u.id, l.id, l.type, l.parent, u.steps + 1
    from upwards as u join tryton_locations as l on l.id = u.parent where u.type <> 'warehouse' and u.steps < 100
)
select u.id, arg_max(u.at, (u.type = 'warehouse', u.steps)) as place
from upwards as u where u.type in ('storage', 'warehouse') group by u.id;
create or replace temp table tryton_articles as
select record->>'$.id' as id, record->>'$.code' as sku, record->>'$.name' as title, record->>'$."default_uom.".symbol' as unit,
    record->>'$.cost_price.decimal' as cost, key as currency, cast(record->>'$.active' as boolean) as is_active, line_no
from records where part = 'products'
qualify row_number() over (partition by id order by line_no desc) = 1;

-- object: products
create or replace temp table staged_products as
select sku, title, cast(null as varchar) as gtin, unit, cast(null as decimal(18, 6)) as pack_quantity,
    quantity_of(cost) as unit_cost, cost as unit_cost__raw, currency, cast(null as varchar) as tax_code, is_active,
    line_no, $source as source, $delivery_id as delivery_id
from tryton_articles;

-- object: locations
create or replace temp table staged_locations as
select location_id, title,
    case when coalesce(list_contains(cast($stores as varchar[]), location_id), false) then 'store' else 'warehouse' end as kind,
    cast(null as varchar) as country, $time_zone as time_zone, line_no, $source as source, $delivery_id as delivery_id
from tryton_locations where id in (select place from tryton_places);

-- object: stock
-- Every article at every place, so that a place that was emptied says so.
create or replace temp table staged_stock_snapshots as
with lying as (
    select p.place, r.record->>'$.id' as id, sum(quantity_of(r.record->>'$.quantity')) as quantity,
        -- A sum hides a number that cannot be read.
        bool_and(quantity_of(r.record->>'$.quantity') is not null) as is_read, string_agg(r.record->>'$.quantity', ' + ') as told
    from records as r join tryton_places as p on cast(p.id as varchar) = r.key
    where r.part = 'quantities'
    group by all
)
select
    case when $window_start = $window_end then local_day_of($pulled_at, $time_zone)
        else local_day_of($window_end, $time_zone) - 1 end as snapshot_date,
    w.location_id, a.sku,
    cast(case when l.is_read then l.quantity when l.id is null then 0 end as decimal(18, 6)) as quantity_on_hand,
    coalesce(l.told, '0') as quantity_on_hand__raw,
    cast(null as decimal(18, 6)) as quantity_reserved,
    case when $window_start = $window_end then quantity_of(a.cost) end as unit_cost,
    case when $window_start = $window_end then a.cost end as unit_cost__raw,
    a.currency, a.line_no, $source as source, $delivery_id as delivery_id
from tryton_articles as a
cross join (select * from tryton_locations where id in (select place from tryton_places)) as w
left join lying as l on l.place = w.id and l.id = a.id;

-- object: movements
-- A move out of one place into another is a row at each; within a place nothing moves. Its day has no time: it is put at its
-- beginning.
create or replace temp table staged_stock_movements as
with moves as (
    select line_no, record, key as currency, record->>'$.id' as id,
        cast(record->>'$.from_location' as bigint) as from_id, cast(record->>'$.to_location' as bigint) as to_id,
        tryton_day(record->'$.effective_date') as day
    from records where part = 'moves'
    qualify row_number() over (partition by id order by line_no desc) = 1
),
placed as (
    select m.*, f.place as from_place, t.place as to_place, fl.type as from_type, tl.type as to_type
    from moves as m
    left join tryton_places as f on f.id = m.from_id
    left join tryton_places as t on t.id = m.to_id
    left join tryton_locations as fl on fl.id = m.from_id
    left join tryton_locations as tl on tl.id = m.to_id
),
legs as (
    select *, id || '/out' as movement_id, from_place as place, to_place as other_place, to_type as other, -1 as direction
    from placed where from_place is not null and from_place is distinct from to_place
    union all
    select *, id || '/in', to_place, from_place, from_type, 1
    from placed where to_place is not null and from_place is distinct from to_place
)
select
    g.movement_id,
    timezone($time_zone, cast(g.day as timestamp)) as moved_at, cast(g.record->'$.effective_date' as varchar) as moved_at__raw,
    g.day as business_date,
    l.location_id,
    g.record->>'$."product.".code' as sku,
    case
        when g.other_place is not null then 'transfer'
        when g.other = 'customer' and g.direction < 0 then 'sale'
        when g.other = 'customer' then 'return'
        when g.other = 'supplier' then 'receipt'
        when g.other in ('lost_found', 'production') then 'adjustment'
    end as kind,
    g.other as kind__raw,
    cast(g.direction * quantity_of(g.record->>'$.internal_quantity') as decimal(18, 6)) as quantity,
    g.record->>'$.internal_quantity' as quantity__raw,
    quantity_of(g.record->>'$.cost_price.decimal') as unit_cost, g.record->>'$.cost_price.decimal' as unit_cost__raw,
    g.currency,
    coalesce(nullif(g.record->>'$."shipment.".reference', ''), g.record->>'$."shipment.".number', g.record->>'$.origin') as reference,
    g.line_no, $source as source, $delivery_id as delivery_id
from legs as g join tryton_locations as l on l.id = g.place;
