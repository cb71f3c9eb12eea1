-- The numbers to look at: those that were touched and that any refund or goods that came back name, or named before.
create or replace temp table traced_ids as
with changed as (
    select document_id as number from raw.touched where stage = 'reconcile' and kind in ('order_trace', 'return')
),
wanted as (
    select number from changed
    union
    -- What has the number of a return is of the order that this return names.
    select r.order_id from canonical.returns as r join changed as c on c.number = r.return_id
),
named as (
    select order_id from canonical.settlement_lines where category in (select category from refund_categories)
    union
    select order_id from canonical.payments where kind in ('refund', 'chargeback')
    union
    select unnest([order_id, return_id]) from canonical.returns
    union
    select receipt_id from canonical.pos_sales where kind = 'return'
    union
    select reference from canonical.owned_stock_movements where kind = 'return'
    union
    select order_id from reconcile.returns
)
select order_id from named
where order_id is not null and ($is_whole or order_id in (select number from wanted where number is not null))
