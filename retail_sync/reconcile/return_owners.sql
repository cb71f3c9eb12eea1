-- The orders and receipts to look at: those that the numbers lead to, and returns that name none.
create or replace temp table return_owners as
select kind, channel, register, order_id from order_owners
union select 'receipt', store, register, receipt_id from canonical.pos_sales where receipt_id in (select order_id from traced_ids)
union select kind, channel, register, order_id from return_documents
union select kind, channel, register, order_id from return_receipts
union
select 'order', channel, '', order_id from canonical.orders where order_id in (select order_id from traced_ids)
union
select 'order', channel, '', order_id from canonical.order_lines where order_id in (select order_id from traced_ids)
union
select 'order', channel, '', order_id from canonical.fulfilments where order_id in (select order_id from traced_ids)
