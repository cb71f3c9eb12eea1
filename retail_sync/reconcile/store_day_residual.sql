-- Differences of the totals that are in no break, in no tolerance and not awaited; payments that are in no row: must be empty.
with sides as (
    select comparison, currency, sum(coalesce(right_amount, 0)) - sum(coalesce(left_amount, 0)) as difference
    from new_store_days
    where status not in ('open', 'awaiting_processor')
    group by all
),
tolerated as (
    select comparison, currency, sum(difference) as difference
    from told_store_days as d
    where comparison = 'drawer' and status = 'variance' and not exists (
        select 1 from new_store_breaks as b
        where b.break_class = 'drawer_over_short' and b.currency = d.currency
            and b.subject = concat_ws(' ', d.store, cast(d.business_date as varchar), nullif(d.register, '-'), d.told_currency)
    )
    group by all
),
told as (
    select
        case when break_class like 'drawer%' then 'drawer' when break_class like 'card%' then 'card_payments'
            when break_class = 'receipt_in_two_sources' then 'receipt_sources' else 'sales_tenders' end
            as comparison,
        b.currency, sum(amount) as difference
    from new_store_breaks as b
    where not (break_class = 'drawer_not_counted' and exists (
        select 1 from told_store_days as d
        where d.comparison = 'drawer' and d.status = 'open' and d.currency = b.currency
            and b.subject = concat_ws(' ', d.store, cast(d.business_date as varchar), nullif(d.register, '-'), d.told_currency)
    ))
    group by all
),
explained as (
    -- Receipt by receipt, and only where the till's tenders are told and what is told of them holds the payment.
    select 'card_payments' as comparison, r.currency, sum(r.paid_amount - coalesce(r.card_amount, 0)) as difference
    from new_store_day_receipts as r
    join new_store_days as d on d.comparison = 'card_payments' and d.status <> 'awaiting_processor'
        and d.store = r.store and d.business_date = r.business_date and d.currency = r.currency
    join new_store_breaks as b on b.break_class in ('tenders_differ', 'tenders_missing') and b.currency = r.currency
        and b.subject = concat_ws(' ', r.store, cast(r.business_date as varchar), nullif(nullif(r.register, '-'), ''))
    where r.is_explained
        and abs(r.paid_amount - coalesce(r.card_amount, 0)) <= abs(r.rung_up_amount - coalesce(r.tendered_amount, 0))
    group by all
),
payments as (
    select 'payments of receipts' as comparison, currency, sum(amount) as difference
    from (
        select currency, amount from receipt_payments
        union all
        select currency, -right_amount from new_store_days where comparison = 'card_payments' and right_amount is not null
    )
    group by all
)
select s.comparison, s.currency,
    s.difference - coalesce(t.difference, 0) - coalesce(b.difference, 0) - coalesce(e.difference, 0) as rest
from sides as s
left join tolerated as t on t.comparison = s.comparison and t.currency = s.currency
left join told as b on b.comparison = s.comparison and b.currency = s.currency
left join explained as e on e.comparison = s.comparison and e.currency = s.currency
where rest <> 0
union all
select comparison, currency, difference from payments where difference <> 0
order by all
