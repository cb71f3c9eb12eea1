-- What happened to the traced orders and receipts but for their settlement, one row per canonical row, with its place in the
-- delivery.
create or replace temp view order_steps as
select
    'order' as kind, channel, '' as register, order_id, 'ordered' as step, ordered_at as happened_at, business_date as on_day,
    status as word, null as sku, null as quantity, total_amount as amount, currency, null as settlement_id, null as category,
    null as component, source, delivery_id, line_no
from canonical.orders where order_id in (select order_id from traced_ids)
union all
select
    'order', channel, '', order_id, 'goods', null, null, title, sku, quantity, null, currency, null, null, null,
    source, delivery_id, line_no
from canonical.order_lines where order_id in (select order_id from traced_ids)
union all
select
    'receipt', store, register, receipt_id, 'ordered', sold_at, business_date, kind, sku, quantity, gross_amount, currency,
    null, null, null, source, delivery_id, line_no
from canonical.pos_sales where receipt_id in (select order_id from traced_ids)
union all
select
    'receipt', store, register, receipt_id, case when amount < 0 then 'refunded' else 'paid' end, tendered_at, business_date,
    tender, null, null, amount, currency, null, null, null, source, delivery_id, line_no
from canonical.pos_tenders where receipt_id in (select order_id from traced_ids)
union all
-- A till's tender is the payment of a receipt; what a processor reports of it is the same money on its way.
select
    o.kind, o.channel, o.register, p.order_id,
    case when o.kind = 'receipt' then 'processed'
        when p.kind = 'charge' then 'paid'
        when p.kind in ('refund', 'chargeback') then 'refunded'
        else 'processed' end,
    p.paid_at, p.business_date, p.kind, null, null, p.gross_amount, p.currency, p.payout_id, null, null,
    p.source, p.delivery_id, p.line_no
from canonical.payments as p
join order_owners as o on o.named_by = 'money' and o.named_by_channel = p.channel and o.order_id = p.order_id
union all
select
    'order', channel, '', order_id, 'shipped', shipped_at, business_date, location_id, sku, quantity, null, null,
    null, null, null, source, delivery_id, line_no
from canonical.fulfilments where order_id in (select order_id from traced_ids)
union all
select
    o.kind, o.channel, o.register, r.order_id, 'returned', r.returned_at, r.business_date,
    concat_ws(' in ', r.disposition, r.location_id), r.sku, r.quantity, cast(-r.refund_amount as decimal(18, 4)), r.currency,
    null, null, null, r.source, r.delivery_id, r.line_no
from canonical.returns as r
join order_owners as o on o.named_by = 'returns' and o.named_by_channel = r.channel and o.order_id = r.order_id
