-- The parts of the proof of returns, on the day money or goods of it first went back: what was due × what was given back, and what
-- was given back × what is booked of it. What is not known to be due yet, and what need not be booked yet, is carried. And over all
-- days, that every refund that settlements and tills book stands in a row.
create or replace temp table proof_parts as
with dated as (
    select *, coalesce(least(refunded_from, returned_from), sold_on) as business_date from reconcile.returns
),
summed as (
    select business_date, currency, sum(expected_amount) as due, sum(refunded_amount) as refunded, count(*) as item_count,
        sum(refunded_amount) filter (expected_amount is null) as carried
    from dated group by all
),
booked as (
    select refunded_from as business_date, currency, sum(refunded_amount) as refunded, sum(booked_amount) as booked,
        sum(-unsettled_amount - unrung_amount - booking_difference) as carried, count(*) as item_count
    from reconcile.returns where refunded_amount <> 0 or booked_amount <> 0 group by all
),
refund_lines as (
    select l.order_id, l.currency, l.amount, s.channel is null as is_of_processor
    from canonical.settlement_lines as l
    left join selling_channels as s on s.channel = l.channel
    where l.category in (select category from refund_categories) and l.order_id is not null
),
-- What a processor gives back for a receipt is what the till gave: whose number it is, is looked up for these alone.
numbers as (select distinct order_id from refund_lines where is_of_processor),
homes as (
    select receipt_id as order_id, store as channel, register, true as is_receipt
    from canonical.pos_sales where receipt_id in (select order_id from numbers)
    union
    select receipt_id, store, register, true from canonical.pos_tenders where receipt_id in (select order_id from numbers)
    union
    select order_id, channel, '', false from canonical.orders where order_id in (select order_id from numbers)
    union
    select order_id, channel, '', false from canonical.order_lines where order_id in (select order_id from numbers)
    union
    select order_id, channel, '', false from canonical.fulfilments where order_id in (select order_id from numbers)
),
receipts as (select order_id from homes group by order_id having count(*) = 1 and bool_and(is_receipt)),
documents as (
    select 'left' as part, currency, -amount as amount
    from refund_lines where not is_of_processor or order_id not in (select order_id from receipts)
    union all
    select 'left', currency, -gross_amount from canonical.pos_sales where kind = 'return'
    union all
    select 'right', currency, booked_amount from reconcile.returns
)
select 'returns' as reconciliation, 'due_refunded' as comparison, business_date, currency, 'left' as part, due as amount, item_count
from summed
union all
select 'returns', 'due_refunded', business_date, currency, 'carried', carried, item_count from summed
union all
select 'returns', 'due_refunded', business_date, currency, 'right', refunded, item_count from summed
union all
select 'returns', 'due_refunded', since_date, currency, 'break', amount, 1
from new_return_breaks
where break_class not in ('return_goods_more', 'return_not_booked') and not starts_with(counterpart, 'two_systems|')
union all
select 'returns', 'due_refunded', business_date, currency, case status when 'matched' then 'matched' else 'different' end,
    sum(abs(greatest(refunded_amount, expected_amount))), count(*)
from dated where status not in ('awaiting', 'not_compared') group by all
union all
select 'returns', 'refunded_booked', business_date, currency, 'left', refunded, item_count from booked
union all
select 'returns', 'refunded_booked', business_date, currency, 'right', booked, item_count from booked
union all
select 'returns', 'refunded_booked', since_date, currency, 'break', amount, 1
from new_return_breaks where break_class = 'return_not_booked'
union all
select 'returns', 'refunded_booked', business_date, currency, 'carried', carried, item_count from booked
union all
select 'returns', 'documents_booked', null, currency, part, sum(amount), count(*) from documents group by currency, part
