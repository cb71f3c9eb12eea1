-- Everything that happened to the traced orders and receipts, one row per canonical row, with its place in the delivery.
create or replace temp view order_events as
select * from order_steps
union all
select
    o.kind, o.channel, o.register, l.order_id, 'settled', l.posted_at, l.business_date,
    concat_ws(' / ', l.transaction_type, nullif(l.amount_description, '')), l.sku, l.quantity, l.amount, l.currency,
    l.settlement_id, l.category, l.component, l.source, l.delivery_id, l.line_no
from canonical.settlement_lines as l
join order_owners as o on o.named_by = 'money' and o.named_by_channel = l.channel and o.order_id = l.order_id
