-- Goods that came back, one row per document and article. What a return and a till's receipt both tell is counted once, as the
-- return says it, or the receipt where it names no sale: `own_amount` and `own_total` (without and with tax) are then what its
-- goods are worth. What the ERP posted for the number stands apart.
create or replace temp table return_goods as
with stores as (
    select store as location_id from canonical.pos_sales group by store
    union select location_id from canonical.owned_locations where kind = 'store'
),
documents as (
    select kind, channel, register, order_id, return_id as document, taken_by, location_id, business_date, sku, quantity,
        disposition, currency, cast(null as decimal(18, 4)) as own_amount, cast(null as decimal(18, 4)) as own_total
    from return_documents as d
    where disposition <> 'none' and quantity > 0 and not exists (
        select 1 from return_receipts as t
        where t.is_own and t.kind = d.kind and t.channel = d.channel and t.register = d.register
            and t.order_id = d.order_id and t.sku = d.sku
    )
),
rung as (
    select kind, channel, register, order_id, store || ' ' || receipt_id, store, store, business_date, sku, quantity,
        'restocked', currency,
        case when is_own then net_amount end, case when is_own then gross_amount end
    from return_receipts as t
    where quantity > 0 and not exists (
        select 1 from documents as d
        where d.kind = t.kind and d.channel = t.channel and d.register = t.register and d.order_id = t.order_id and d.sku = t.sku
            and coalesce(d.location_id, t.store) = t.store
    )
),
numbers as (
    select kind, channel, register, order_id, order_id as number from return_owners
    union
    select kind, channel, register, order_id, return_id from return_documents
),
posted as (
    -- A number of several belongs to the one whose store posted it, or to none.
    select n.kind, n.channel, n.register, n.order_id, m.source, m.movement_id, m.location_id, m.business_date, m.sku,
        m.quantity, m.currency,
        count(*) over (partition by m.source, m.movement_id) as owners
    from canonical.owned_stock_movements as m
    join numbers as n on n.number = m.reference
    where m.kind = 'return'
    qualify owners = 1 or n.kind = 'receipt' and n.channel = m.location_id
        and count(*) filter (n.kind = 'receipt' and n.channel = m.location_id) over (partition by m.source, m.movement_id) = 1
),
told as (
    select * from documents union all select * from rung
)
select kind, channel, register, order_id, 'told' as told_by, document, taken_by, location_id, business_date, sku, quantity,
    disposition,
    currency, own_amount, own_total,
    case kind when 'order' then taken_by <> channel or coalesce(location_id, '') in (select location_id from stores)
        else coalesce(location_id, channel) <> channel end as is_elsewhere
from told
union all
select kind, channel, register, order_id, 'erp', movement_id, source, location_id, business_date, sku, quantity, 'posted',
    currency, null, null,
    case kind when 'order' then location_id in (select location_id from stores) else location_id <> channel end
from posted
