-- The traces that are new or have changed: facts, the days of their settlements, latencies, and what should be there by now.
create or replace temp table changed_traces as
with facts as (
    select *, true as is_new from traced_facts
    union all by name
    select *, false as is_new from reconcile.order_traces where order_id not in (select order_id from traced_ids)
),
coverage as (
    -- From when to when a channel shows a step in a currency. One that it never shows is never missing.
    select kind, channel, coalesce(currency, order_currency) as series,
        min(first_paid_at) as paid_from, max(last_paid_at) as paid_to,
        min(first_shipped_at) as shipped_from, max(last_shipped_at) as shipped_to,
        min(first_posted_at) as posted_from, max(last_posted_at) as posted_to
    from facts where coalesce(currency, order_currency) is not null
    group by all
),
common_coverage as (
    -- Where an order names no currency, what all currencies of its channel show.
    select kind, channel,
        max(paid_from) as paid_from, min(paid_to) as paid_to,
        max(shipped_from) as shipped_from, min(shipped_to) as shipped_to,
        max(posted_from) as posted_from, min(posted_to) as posted_to
    from coverage group by all
),
sellers as (select distinct kind, channel from facts),
patience as (
    -- The rule of the channel holds before the rule of all.
    select s.kind, s.channel,
        to_days(arg_max(r.days_after, r.channel <> '*') filter (r.step = 'payment')) as payment,
        to_days(arg_max(r.days_after, r.channel <> '*') filter (r.step = 'shipment')) as shipment,
        to_days(arg_max(r.days_after, r.channel <> '*') filter (r.step = 'settlement')) as settlement
    from sellers as s join step_rules as r on r.channel in (s.channel, '*')
    group by all
),
judged as (
    select f.* exclude (settled_on, deposited_on, last_deposited_on, order_to_payment_hours, payment_to_shipment_hours,
            shipment_to_settlement_days, settlement_to_deposit_days, order_to_deposit_days, missing),
        f.settled_on as old_settled_on, f.deposited_on as old_deposited_on, f.last_deposited_on as old_last_deposited_on,
        f.missing as old_missing,
        n.settled_on, n.deposited_on, l.deposited_on as last_deposited_on,
        coalesce(n.is_overdue, false) or coalesce(l.is_overdue, false) as lacks_deposit,
        coalesce(f.settled_amount, 0) > 0 and f.first_posted_at is not null as is_sold,
        f.first_refunded_at is not null or f.first_returned_at is not null as is_taken_back,
        greatest(f.first_paid_at, f.first_shipped_at) as earned_at,
        p.payment, p.shipment, p.settlement,
        coalesce(c.paid_from, a.paid_from) as paid_from, coalesce(c.paid_to, a.paid_to) as paid_to,
        coalesce(c.shipped_from, a.shipped_from) as shipped_from, coalesce(c.shipped_to, a.shipped_to) as shipped_to,
        coalesce(c.posted_from, a.posted_from) as posted_from, coalesce(c.posted_to, a.posted_to) as posted_to
    from facts as f
    left join settlement_steps as n on n.settlement_id = f.first_settlement_id
    left join settlement_steps as l on l.settlement_id = f.last_settlement_id
    left join coverage as c on c.kind = f.kind and c.channel = f.channel and c.series = coalesce(f.currency, f.order_currency)
    left join common_coverage as a on a.kind = f.kind and a.channel = f.channel
        and coalesce(f.currency, f.order_currency) is null
    left join patience as p on p.kind = f.kind and p.channel = f.channel
),
told as (
    select *,
        concat_ws(', ',
            -- Goods left, or a receipt was rung up, and nobody is seen to have paid.
            case when payment_count = 0 and coalesce(ordered_amount, 1) <> 0
                and (shipment_count > 0 or (kind = 'receipt' and line_count > 0 and not is_taken_back))
                and coalesce(ordered_at, first_shipped_at) - payment >= paid_from
                and coalesce(first_shipped_at, ordered_at) + payment <= paid_to
                then 'payment' end,
            -- Money was taken and not given back, and no goods left.
            case when kind = 'order' and shipment_count = 0 and (payment_count > 0 or is_sold) and not is_taken_back
                and coalesce(first_paid_at, first_posted_at) - shipment >= shipped_from
                and coalesce(first_paid_at, first_posted_at) + shipment <= shipped_to
                then 'shipment' end,
            -- A processor or marketplace took the money and no settlement has it.
            case when settlement_count = 0
                and case kind when 'order' then payment_count > 0 or (shipment_count > 0 and paid_from is null)
                    else card_amount <> 0 end
                and coalesce(earned_at, first_refunded_at) - settlement >= posted_from
                and coalesce(earned_at, first_refunded_at) + settlement <= posted_to
                then 'settlement' end,
            case when lacks_deposit then 'deposit' end
        ) as missing
    from judged
)
select
    kind, channel, register, order_id, ordered_on, ordered_at, line_count, order_currency, ordered_amount, currency,
    first_paid_at, last_paid_at, payment_count, paid_amount, card_amount,
    shipped_on, first_shipped_at, last_shipped_at, shipment_count,
    first_posted_at, last_posted_at, settlement_count, first_settlement_id, last_settlement_id, settled_amount,
    first_refunded_at, last_refunded_at, refunded_amount, first_returned_at, last_returned_at, returned_quantity,
    settled_on, deposited_on, last_deposited_on,
    cast(date_diff('second', ordered_at, first_paid_at) / 3600 as decimal(18, 2)) as order_to_payment_hours,
    cast(date_diff('second', first_paid_at, first_shipped_at) / 3600 as decimal(18, 2)) as payment_to_shipment_hours,
    settled_on - shipped_on as shipment_to_settlement_days,
    deposited_on - settled_on as settlement_to_deposit_days,
    deposited_on - ordered_on as order_to_deposit_days,
    missing
from told
where is_new or (settled_on, deposited_on, last_deposited_on, missing)
    is distinct from (old_settled_on, old_deposited_on, old_last_deposited_on, old_missing)
