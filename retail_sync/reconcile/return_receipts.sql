-- The tills' lines of goods taken back, each with the order or receipt that it belongs to: that of the return with its
-- number, else the return receipt itself (`is_own`), which names no sale.
create or replace temp table return_receipts as
with rung as (
    select store, till as register, return_id as receipt_id, any_value(kind) as kind, any_value(channel) as channel,
        any_value(register) as owner_register, any_value(order_id) as order_id
    from return_documents where store is not null
    group by store, till, return_id having count(distinct (kind, channel, register, order_id)) = 1
),
lines as (
    select coalesce(r.kind, 'receipt') as kind, coalesce(r.channel, s.store) as channel,
        coalesce(r.owner_register, s.register) as owner_register, coalesce(r.order_id, s.receipt_id) as order_id,
        s.* exclude (kind)
    from canonical.pos_sales as s
    left join rung as r on r.store = s.store and r.register = s.register and r.receipt_id = s.receipt_id
    where s.kind = 'return' and (r.kind is not null or s.receipt_id in (select order_id from traced_ids))
)
select
    kind, channel, owner_register as register, order_id,
    kind = 'receipt' and (channel, owner_register, order_id) = (store, register, receipt_id) as is_own,
    store, receipt_id, business_date, sku, -quantity as quantity, currency, -net_amount as net_amount,
    -gross_amount as gross_amount
from lines
