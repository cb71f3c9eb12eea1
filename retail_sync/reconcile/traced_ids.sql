-- The numbers that were touched: everything that has one of them is traced anew.
create or replace temp table traced_ids as
select document_id as order_id from raw.touched where stage = 'reconcile' and kind = 'order_trace'
