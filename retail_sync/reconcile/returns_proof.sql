-- The parts of the proof of returns, on the day money or goods of it first went back: what was due × what was given back, and what
-- was given back × what is booked of it. What is not known to be due yet, and what need not be booked yet, is carried.
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
