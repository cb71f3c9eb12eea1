-- What card processors report of receipts that the stores rang up, by receipt, in the store day it belongs to.
create or replace temp table receipt_payments as
with payments as (
    select source, channel, payment_id, order_id as receipt_id, business_date, currency, gross_amount
    from canonical.payments
    where kind in ('charge', 'refund') and order_id is not null
),
rung_up as (
    -- What tells best on which day the card was taken comes first: its own tender, another one, the lines of the receipt.
    select receipt_id, case tender when 'card' then 1 else 2 end as place, store, register, business_date
    from canonical.pos_tenders
    where receipt_id in (select receipt_id from payments)
    union all
    select receipt_id, 3, store, register, business_date
    from canonical.pos_sales
    where receipt_id in (select receipt_id from payments)
),
by_place as (
    select receipt_id, place, min(store) as store, max(store) as last_store, min(register) as register,
        max(register) as last_register, min(business_date) as first_day, max(business_date) as last_day
    from rung_up
    group by receipt_id, place
),
receipts as (
    -- A number that two receipts have names neither. Receipts and tenders may call one till by two names.
    select receipt_id, min(place) as place, min(store) as store, arg_min(first_day, place) as first_day,
        arg_min(last_day, place) as last_day
    from by_place
    group by receipt_id
    having min(store) = max(last_store)
        and coalesce(min(register) filter (place < 3) = max(last_register) filter (place < 3), true)
        and coalesce(min(register) filter (place = 3) = max(last_register) filter (place = 3), true)
),
nearest as (
    -- Of a receipt that was paid on several days, a payment belongs to the nearest.
    select p.source, p.channel, p.payment_id,
        arg_min(u.business_date, (abs(u.business_date - p.business_date), u.business_date)) as business_date
    from receipts as r
    join rung_up as u using (receipt_id, place)
    join payments as p using (receipt_id)
    where r.first_day < r.last_day
    group by all
)
select r.store, coalesce(n.business_date, r.first_day) as business_date, p.currency, p.receipt_id, p.channel,
    cast(sum(p.gross_amount) as decimal(18, 4)) as amount
from payments as p
join receipts as r using (receipt_id)
left join nearest as n on n.source = p.source and n.channel = p.channel and n.payment_id = p.payment_id
group by all
