-- The parts of the proofs of store days: each comparison, and that every payment of a receipt is in a row.
create or replace temp table proof_parts as
with named as (
    select *,
        concat_ws(' ', store, cast(business_date as varchar), nullif(nullif(register, '-'), ''),
            case when comparison <> 'receipt_sources' then told_currency end) as subject,
        coalesce(right_amount, 0) - coalesce(left_amount, 0) as amount
    from told_store_days
),
told as (
    select *, case when break_class like 'drawer%' then 'drawer' when break_class like 'card%' then 'card_payments'
        when break_class = 'receipt_in_two_sources' then 'receipt_sources' else 'sales_tenders' end as comparison
    from new_store_breaks
),
judged as (
    select n.*, t.subject is not null as is_told
    from named as n
    left join (select distinct comparison, subject, currency from told) as t
        on t.comparison = n.comparison and t.subject = n.subject and t.currency = n.currency
),
explained as (
    -- Receipt by receipt, and only where the till's tenders are told and what is told of them holds the payment.
    select r.business_date, r.currency, sum(r.paid_amount - coalesce(r.card_amount, 0)) as amount
    from new_store_day_receipts as r
    join new_store_days as d on d.comparison = 'card_payments' and d.status <> 'awaiting_processor'
        and d.store = r.store and d.business_date = r.business_date and d.currency = r.currency
    join new_store_breaks as b on b.break_class in ('tenders_differ', 'tenders_missing') and b.currency = r.currency
        and b.subject = concat_ws(' ', r.store, cast(r.business_date as varchar), nullif(nullif(r.register, '-'), ''))
    where r.is_explained
        and abs(r.paid_amount - coalesce(r.card_amount, 0)) <= abs(r.rung_up_amount - coalesce(r.tendered_amount, 0))
    group by all
)
select 'store_days' as reconciliation, comparison, business_date, currency, 'left' as part, coalesce(left_amount, 0) as amount,
    1 as item_count
from judged
union all
select 'store_days', comparison, business_date, currency, 'right', coalesce(right_amount, 0), 1 from judged
union all
select 'store_days', comparison, since_date, currency, 'break', amount, 1 from told
union all
-- What is not due yet, and the coins of a drawer that the rule lets pass.
select 'store_days', comparison, business_date, currency, 'carried', amount, 1
from judged where not is_told and (status in ('open', 'awaiting_processor') or comparison = 'drawer' and status = 'variance')
union all
select 'store_days', 'card_payments', business_date, currency, 'carried', amount, 1 from explained
union all
select 'store_days', comparison, business_date, currency, case when is_told then 'different' else 'matched' end,
    greatest(abs(coalesce(left_amount, 0)), abs(coalesce(right_amount, 0))), 1
from judged where is_told or status not in ('open', 'awaiting_processor')
union all
select 'store_days', 'receipt_payments', business_date, currency, 'left', right_amount, 1
from new_store_days where comparison = 'card_payments' and right_amount is not null
union all
select 'store_days', 'receipt_payments', business_date, currency, 'right', sum(amount), count(*) from receipt_payments group by all
