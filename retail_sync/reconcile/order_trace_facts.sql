-- What the rows of each traced order and receipt say by themselves, whatever settlements and other orders do.
create or replace temp table traced_facts as
with events as (
    select *,
        step = 'refunded' or (step = 'returned' and amount <> 0) as is_refund,
        step in ('paid', 'refunded', 'processed') or (step = 'returned' and amount <> 0) as is_money,
        kind = 'receipt' and step in ('paid', 'refunded') and word = 'card' as is_card
    from order_steps
),
settled_lines as (
    select channel as named_by_channel, order_id, settlement_id, currency, posted_at, amount,
        category in (select category from refund_categories) as is_refund
    from canonical.settlement_lines
    where order_id in (select order_id from traced_ids)
),
settled as (
    -- Most rows are settlement lines: summed by settlement before their owner is looked up.
    select named_by_channel, order_id, settlement_id, min(currency) as currency, max(currency) as other_currency,
        min(posted_at) as first_at, max(posted_at) as last_at, count(*) as row_count, sum(amount) as amount,
        min(posted_at) filter (is_refund) as refunded_from, max(posted_at) filter (is_refund) as refunded_to,
        sum(amount) filter (is_refund) as refunded_amount
    from settled_lines
    group by all
),
parts as (
    select kind, channel, register, order_id, step, is_money, is_card, currency, currency as other_currency,
        min(on_day) as on_day, min(happened_at) as first_at, max(happened_at) as last_at,
        count(*) as row_count, sum(amount) as amount, sum(quantity) as quantity,
        min(happened_at) filter (is_refund) as refunded_from, max(happened_at) filter (is_refund) as refunded_to,
        sum(amount) filter (is_refund) as refunded_amount
    from events
    group by all
    union all by name
    -- One part for each settlement.
    select o.kind, o.channel, o.register, 'settled' as step, true as is_money, false as is_card,
        s.* exclude (named_by_channel)
    from settled as s
    join order_owners as o using (named_by_channel, order_id)
    where o.named_by = 'money'
),
summed as (
    select
        kind, channel, register, order_id,
        min(on_day) filter (step = 'ordered') as ordered_on,
        min(first_at) filter (step = 'ordered') as ordered_at,
        sum(row_count) filter (step = 'goods' or (step = 'ordered' and kind = 'receipt')) as line_count,
        min(currency) filter (step = 'ordered') as order_currency,
        max(other_currency) filter (step = 'ordered') as other_order_currency,
        sum(amount) filter (step = 'ordered') as ordered_amount,
        min(currency) filter (is_money) as currency,
        max(other_currency) filter (is_money) as other_currency,
        min(first_at) filter (step = 'paid') as first_paid_at,
        max(last_at) filter (step = 'paid') as last_paid_at,
        sum(row_count) filter (step = 'paid') as payment_count,
        sum(amount) filter (step = 'paid') as paid_amount,
        sum(amount) filter (is_card) as card_amount,
        min(on_day) filter (step = 'shipped') as shipped_on,
        min(first_at) filter (step = 'shipped') as first_shipped_at,
        max(last_at) filter (step = 'shipped') as last_shipped_at,
        sum(row_count) filter (step = 'shipped') as shipment_count,
        min(first_at) filter (step = 'settled') as first_posted_at,
        max(last_at) filter (step = 'settled') as last_posted_at,
        count(*) filter (step = 'settled') as settlement_count,
        arg_min(settlement_id, (first_at, settlement_id)) filter (step = 'settled') as first_settlement_id,
        arg_max(settlement_id, (last_at, settlement_id)) filter (step = 'settled') as last_settlement_id,
        sum(amount) filter (step = 'settled') as settled_amount,
        min(refunded_from) as first_refunded_at,
        max(refunded_to) as last_refunded_at,
        sum(refunded_amount) filter (step = 'refunded') as refunded_payments,
        sum(refunded_amount) filter (step = 'settled') as refunded_lines,
        sum(refunded_amount) filter (step = 'returned') as refunded_returns,
        min(first_at) filter (step = 'returned') as first_returned_at,
        max(last_at) filter (step = 'returned') as last_returned_at,
        sum(quantity) filter (step = 'returned') as returned_quantity
    from parts
    group by kind, channel, register, order_id
)
select
    kind, channel, register, order_id, ordered_on, ordered_at,
    cast(coalesce(line_count, 0) as bigint) as line_count,
    case when order_currency = other_order_currency then order_currency end as order_currency,
    case when order_currency = other_order_currency then cast(ordered_amount as decimal(18, 4)) end as ordered_amount,
    case when currency = other_currency then currency end as currency,
    first_paid_at, last_paid_at,
    cast(coalesce(payment_count, 0) as bigint) as payment_count,
    case when currency = other_currency then cast(paid_amount as decimal(18, 4)) end as paid_amount,
    case when currency = other_currency then cast(card_amount as decimal(18, 4)) end as card_amount,
    shipped_on, first_shipped_at, last_shipped_at,
    cast(coalesce(shipment_count, 0) as bigint) as shipment_count,
    first_posted_at, last_posted_at, settlement_count, first_settlement_id, last_settlement_id,
    case when currency = other_currency then cast(settled_amount as decimal(18, 4)) end as settled_amount,
    first_refunded_at, last_refunded_at,
    case when currency = other_currency
        then cast(coalesce(refunded_payments, refunded_lines, refunded_returns) as decimal(18, 4)) end as refunded_amount,
    first_returned_at, last_returned_at,
    cast(returned_quantity as decimal(18, 6)) as returned_quantity
from summed
