-- What the rows of each traced order and receipt say by themselves, whatever settlements and other orders do.
create or replace temp table traced_facts as
with events as (
    select *, step = 'settled' and category in (
        'product_refunds', 'shipping_refunds', 'gift_wrap_refunds', 'promotion_refunds', 'tax_refunded', 'restocking_fee',
        'refund_goodwill', 'order_refunds', 'chargebacks', 'payment_chargebacks'
    ) as is_refund_line,
    step in ('paid', 'refunded', 'processed', 'settled') or (step = 'returned' and amount <> 0) as is_money
    from order_events
),
summed as (
    select
        kind, channel, register, order_id,
        min(on_day) filter (step = 'ordered') as ordered_on,
        min(happened_at) filter (step = 'ordered') as ordered_at,
        count(*) filter (step = 'goods' or (step = 'ordered' and kind = 'receipt')) as line_count,
        min(currency) filter (step = 'ordered') as order_currency,
        max(currency) filter (step = 'ordered') as other_order_currency,
        sum(amount) filter (step = 'ordered') as ordered_amount,
        min(currency) filter (is_money) as currency,
        max(currency) filter (is_money) as other_currency,
        min(happened_at) filter (step = 'paid') as first_paid_at,
        max(happened_at) filter (step = 'paid') as last_paid_at,
        count(*) filter (step = 'paid') as payment_count,
        sum(amount) filter (step = 'paid') as paid_amount,
        sum(amount) filter (step in ('paid', 'refunded') and kind = 'receipt' and word = 'card') as card_amount,
        min(on_day) filter (step = 'shipped') as shipped_on,
        min(happened_at) filter (step = 'shipped') as first_shipped_at,
        max(happened_at) filter (step = 'shipped') as last_shipped_at,
        count(*) filter (step = 'shipped') as shipment_count,
        min(happened_at) filter (step = 'settled') as first_posted_at,
        max(happened_at) filter (step = 'settled') as last_posted_at,
        count(distinct settlement_id) filter (step = 'settled') as settlement_count,
        arg_min(settlement_id, (happened_at, settlement_id)) filter (step = 'settled') as first_settlement_id,
        arg_max(settlement_id, (happened_at, settlement_id)) filter (step = 'settled') as last_settlement_id,
        sum(amount) filter (step = 'settled') as settled_amount,
        min(happened_at) filter (step = 'refunded' or is_refund_line or (step = 'returned' and amount <> 0)) as first_refunded_at,
        max(happened_at) filter (step = 'refunded' or is_refund_line or (step = 'returned' and amount <> 0)) as last_refunded_at,
        sum(amount) filter (step = 'refunded') as refunded_payments,
        sum(amount) filter (is_refund_line) as refunded_lines,
        sum(amount) filter (step = 'returned' and amount <> 0) as refunded_returns,
        min(happened_at) filter (step = 'returned') as first_returned_at,
        max(happened_at) filter (step = 'returned') as last_returned_at,
        sum(quantity) filter (step = 'returned') as returned_quantity
    from events
    group by kind, channel, register, order_id
)
select
    kind, channel, register, order_id, ordered_on, ordered_at, line_count,
    case when order_currency = other_order_currency then order_currency end as order_currency,
    case when order_currency = other_order_currency then cast(ordered_amount as decimal(18, 4)) end as ordered_amount,
    case when currency = other_currency then currency end as currency,
    first_paid_at, last_paid_at, payment_count,
    case when currency = other_currency then cast(paid_amount as decimal(18, 4)) end as paid_amount,
    case when currency = other_currency then cast(card_amount as decimal(18, 4)) end as card_amount,
    shipped_on, first_shipped_at, last_shipped_at, shipment_count,
    first_posted_at, last_posted_at, settlement_count,
    first_settlement_id, last_settlement_id,
    case when currency = other_currency then cast(settled_amount as decimal(18, 4)) end as settled_amount,
    first_refunded_at, last_refunded_at,
    case when currency = other_currency
        then cast(coalesce(refunded_payments, refunded_lines, refunded_returns) as decimal(18, 4)) end as refunded_amount,
    first_returned_at, last_returned_at,
    cast(returned_quantity as decimal(18, 6)) as returned_quantity
from summed
