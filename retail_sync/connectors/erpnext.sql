-- ERPNext's lists as canonical rows. Days and times are those of the site; 9:05:00 is five past nine.
create or replace temp macro erpnext_time(x) as lpad(split_part(x, ':', 1), 2, '0') || ':' || substr(x, strpos(x, ':') + 1);

-- object: products
create or replace temp table staged_products as
select record->>'$.name' as sku, record->>'$.item_name' as title, cast(null as varchar) as gtin, record->>'$.stock_uom' as unit,
    cast(null as decimal(18, 6)) as pack_quantity,
    -- 0 is what an article has whose cost nobody has set; its stock has one of its own.
    nullif(quantity_of(record->>'$.valuation_rate'), 0) as unit_cost,
    case when quantity_of(record->>'$.valuation_rate') is distinct from 0 then record->>'$.valuation_rate' end as unit_cost__raw,
    key as currency, cast(null as varchar) as tax_code, record->>'$.disabled' = '0' as is_active, line_no, $source as source,
    $delivery_id as delivery_id
from records
qualify row_number() over (partition by record->>'$.name' order by line_no desc) = 1;

-- object: locations
create or replace temp table staged_locations as
select record->>'$.name' as location_id, record->>'$.warehouse_name' as title,
    case when coalesce(list_contains(cast($stores as varchar[]), record->>'$.name'), false) then 'store' else 'warehouse' end as kind,
    cast(null as varchar) as country, $time_zone as time_zone, line_no, $source as source, $delivery_id as delivery_id
from records
qualify row_number() over (partition by record->>'$.name' order by line_no desc) = 1;

-- object: stock
create or replace temp table erpnext_bins as
select part, record->>'$.item_code' as sku, record->>'$.warehouse' as location_id, record->>'$.actual_qty' as told,
    quantity_of(record->>'$.actual_qty') as quantity, record->>'$.reserved_qty' as reserved, record->>'$.valuation_rate' as cost,
    key as currency, line_no
from records where part in ('bins', 'bins_again')
qualify row_number() over (partition by part, sku, location_id order by line_no desc) = 1;
create or replace temp table erpnext_counts as
select part, record->>'$.name' as name, record->>'$.item_code' as sku, record->>'$.warehouse' as location_id,
    (record->>'$.posting_date') || ' ' || erpnext_time(record->>'$.posting_time') || ' ' || (record->>'$.creation') as posted,
    quantity_of(record->>'$.actual_qty') as change, quantity_of(record->>'$.qty_after_transaction') as balance
from records where part in ('counts', 'that_day')
qualify row_number() over (partition by part, name order by line_no desc) = 1;
-- What the ledger comes to: all changes, or the last balance that was set and the changes since.
create or replace temp table erpnext_ledger as
with sums as (
    select part, key as location_id, record->>'$.item_code' as sku, quantity_of(record->>'$.actual_qty') as quantity, line_no
    from records where part in ('sums', 'later')
    qualify row_number() over (partition by part, key, sku order by line_no desc) = 1
),
set_last as (
    select location_id, sku, max(posted) as posted, arg_max(balance, posted) as balance from erpnext_counts
    where part = 'counts' and change = 0 group by all
),
that_day as (
    select c.location_id, c.sku, sum(c.change) as change
    from erpnext_counts as c join set_last as s using (location_id, sku)
    where c.part = 'that_day' and c.posted > s.posted group by all
)
select s.location_id, s.sku, s.line_no,
    cast(case when l.posted is null then s.quantity
        else l.balance + coalesce(d.change, 0) + coalesce(r.quantity, 0) end as decimal(18, 6)) as quantity
from sums as s
left join set_last as l using (location_id, sku)
left join that_day as d using (location_id, sku)
left join sums as r on r.part = 'later' and r.location_id = s.location_id and r.sku = s.sku
where s.part = 'sums';
-- Both, once: the newer reading of the Bin holds, and is compared only where it is that of before.
create or replace temp table erpnext_beside as
select coalesce(n.sku, l.sku) as sku, coalesce(n.location_id, l.location_id) as location_id, n.quantity, n.told, n.reserved, n.cost,
    n.currency, coalesce(n.line_no, l.line_no) as line_no, l.quantity as in_ledger,
    o.quantity is not distinct from n.quantity and coalesce(n.quantity, 0) <> coalesce(l.quantity, 0) as is_apart
from (select * from erpnext_bins where part = 'bins_again') as n
full join erpnext_ledger as l on l.sku = n.sku and l.location_id = n.location_id
left join (select * from erpnext_bins where part = 'bins') as o
    on o.sku = coalesce(n.sku, l.sku) and o.location_id = coalesce(n.location_id, l.location_id)
where n.sku is not null or l.quantity <> 0;
create or replace temp table staged_stock_snapshots as
select local_day_of($pulled_at, $time_zone) as snapshot_date, location_id, sku,
    coalesce(quantity, case when told is null then cast(0 as decimal(18, 6)) end) as quantity_on_hand,
    coalesce(told, '0') as quantity_on_hand__raw,
    quantity_of(reserved) as quantity_reserved, reserved as quantity_reserved__raw,
    quantity_of(cost) as unit_cost, cost as unit_cost__raw,
    coalesce(currency, 'XXX') as currency, line_no, $source as source, $delivery_id as delivery_id
from erpnext_beside;
insert into staged_rejected
select line_no, 'stock_snapshots', 'quantity_on_hand', coalesce(told, 'no Bin'),
    'is in the Bin, the stock ledger comes to ' || coalesce(in_ledger || '', 'nothing') || ': repost the article in ERPNext'
from erpnext_beside where is_apart;

-- object: movements
create or replace temp table staged_stock_movements as
with entries as (
    select line_no, record, key as currency, record->>'$.name' as name, record->>'$.voucher_type' as voucher,
        record->>'$.actual_qty' as told, quantity_of(record->>'$.actual_qty') as change, record->>'$.is_cancelled' <> '0' as is_cancelled,
        (record->>'$.posting_date') || ' ' || erpnext_time(record->>'$.posting_time') as moved
    from records where part = 'entries'
    qualify row_number() over (partition by name order by record->>'$.modified' desc, line_no desc) = 1
),
purposes as (
    select distinct record->>'$.name' as voucher_no, record->>'$.purpose' as purpose from records where part = 'purposes'
),
counted as (
    select distinct record->>'$.name' as detail, record->>'$.qty' as qty, record->>'$.current_qty' as before
    from records where part = 'counted'
),
valued as (
    select e.*, p.purpose, try_cast(e.moved as timestamp) as moved_on,
        case
            when e.is_cancelled then 0
            -- The entry of a count has no change, only the balance after it: the count itself says what it found and what was there.
            when e.voucher = 'Stock Reconciliation' and e.change = 0 then quantity_of(c.qty) - quantity_of(c.before)
            else e.change
        end as quantity,
        case when e.voucher = 'Stock Reconciliation' and e.change = 0 then coalesce(c.qty, '?') || ' - ' || coalesce(c.before, '?')
            else e.told end as quantity_told
    from entries as e
    left join purposes as p on p.voucher_no = (e.record->>'$.voucher_no')
    left join counted as c on c.detail = (e.record->>'$.voucher_detail_no')
)
select
    name as movement_id,
    timezone($time_zone, moved_on) as moved_at, moved as moved_at__raw, cast(moved_on as date) as business_date,
    record->>'$.warehouse' as location_id, record->>'$.item_code' as sku,
    case
        when voucher in ('Delivery Note', 'Sales Invoice', 'POS Invoice') then case when change > 0 then 'return' else 'sale' end
        when voucher in ('Purchase Receipt', 'Purchase Invoice', 'Subcontracting Receipt') then 'receipt'
        when voucher = 'Stock Reconciliation' then 'adjustment'
        when voucher = 'Stock Entry' and (purpose like 'Material Transfer%' or purpose = 'Send to Subcontractor') then 'transfer'
        when voucher = 'Stock Entry' and purpose is not null then 'adjustment'
    end as kind,
    voucher || coalesce(' ' || purpose, '') as kind__raw,
    cast(quantity as decimal(18, 6)) as quantity, quantity_told as quantity__raw,
    quantity_of(record->>'$.valuation_rate') as unit_cost, record->>'$.valuation_rate' as unit_cost__raw,
    currency, record->>'$.voucher_no' as reference, line_no, $source as source, $delivery_id as delivery_id
from valued;
