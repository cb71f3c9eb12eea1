-- The parts of the proof of traces, over all days: what rows name an order or receipt × what its traces say. A trace whose money
-- is in several currencies has no sum, so numbers of such traces are left out on both sides, and so are orders that a card
-- processor is paid for, whose rows do not say whose they are.
create or replace temp table proof_parts as
with mixed as (
    select order_id from reconcile.order_traces
    where currency is null and (settlement_count > 0 or payment_count > 0)
),
of_processors as (
    select order_id from reconcile.order_traces
    where kind = 'order' and order_id in (
        select order_id from canonical.payments
        where kind = 'charge' and channel not in (select channel from selling_channels)
    )
),
documents as (
    select 'documents_settled' as comparison, 'left' as part, currency, amount
    from canonical.settlement_lines
    where order_id is not null and order_id not in (select order_id from mixed)
    union all
    select 'documents_tendered', 'left', currency, amount
    from canonical.pos_tenders where amount > 0 and receipt_id not in (select order_id from mixed)
    union all
    select 'documents_charged', 'left', currency, gross_amount
    from canonical.payments
    where kind = 'charge' and order_id is not null and channel in (select channel from selling_channels)
        and order_id not in (select order_id from mixed) and order_id not in (select order_id from of_processors)
    union all
    select 'documents_settled', 'right', currency, settled_amount
    from reconcile.order_traces where settlement_count > 0 and order_id not in (select order_id from mixed)
    union all
    select case kind when 'receipt' then 'documents_tendered' else 'documents_charged' end, 'right', currency, paid_amount
    from reconcile.order_traces
    where payment_count > 0 and order_id not in (select order_id from mixed)
        and (kind = 'receipt' or order_id not in (select order_id from of_processors))
)
select 'order_traces' as reconciliation, comparison, cast(null as date) as business_date, currency, part, sum(amount) as amount,
    count(*) as item_count
from documents group by comparison, currency, part
