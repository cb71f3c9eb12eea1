-- Every number that any row names, or named when it was traced.
create or replace temp table traced_ids as
with numbers as (
    select order_id from canonical.orders
    union select order_id from canonical.order_lines
    union select order_id from canonical.payments
    union select order_id from canonical.fulfilments
    union select order_id from canonical.returns
    union select order_id from canonical.settlement_lines
    union select receipt_id from canonical.pos_sales
    union select receipt_id from canonical.pos_tenders
    union select order_id from reconcile.order_traces
)
select order_id from numbers where order_id is not null
