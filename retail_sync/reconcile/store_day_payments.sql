-- What card processors report of receipts that the stores rang up, by receipt, in the store day it belongs to.
create or replace temp table receipt_payments as
with payments as (
    select source, channel, payment_id, order_id as receipt_id, business_date, currency, gross_amount
    from canonical.payments
    where kind in ('charge', 'refund') and order_id is not null
),
rung_up as (
    -- What tells best on which day the card was taken comes first: its own tender, another one, the lines of the receipt.
    select receipt_id, store, register, business_date, 'tenders' as told_by, case tender when 'card' then 1 else 2 end as place
    from canonical.pos_tenders
    where receipt_id in (select receipt_id from payments)
    union all
    select receipt_id, store, register, business_date, 'sales', 3
    from canonical.pos_sales
    where receipt_id in (select receipt_id from payments)
),
receipts as (
    -- A number that two receipts have names neither. Receipts and tenders may call one till by two names.
    select receipt_id, min(place) as place
    from rung_up
    group by receipt_id
    having count(distinct store) = 1
        and count(distinct register) filter (told_by = 'tenders') <= 1
        and count(distinct register) filter (told_by = 'sales') <= 1
),
days as (
    select distinct receipt_id, store, u.business_date
    from receipts join rung_up as u using (receipt_id, place)
),
placed as (
    -- Of a receipt that was paid on several days, a payment belongs to the nearest.
    select p.source, p.channel, p.payment_id, p.currency, p.gross_amount, d.receipt_id, d.store,
        arg_min(d.business_date, (abs(d.business_date - p.business_date), d.business_date)) as business_date
    from payments as p
    join days as d using (receipt_id)
    group by all
)
select store, business_date, currency, receipt_id, channel, cast(sum(gross_amount) as decimal(18, 4)) as amount
from placed
group by all
