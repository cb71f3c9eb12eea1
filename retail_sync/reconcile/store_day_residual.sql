-- Differences of the totals that are in no break, in no tolerance and not awaited: must be empty.
with sides as (
    select comparison, currency, sum(coalesce(right_amount, 0)) - sum(coalesce(left_amount, 0)) as difference
    from new_store_days
    where status not in ('open', 'awaiting_processor')
    group by all
),
tolerated as (
    select comparison, currency, sum(difference) as difference
    from new_store_days as d
    where comparison = 'drawer' and status = 'variance' and not exists (
        select 1 from new_store_breaks as b
        where b.break_class = 'drawer_over_short' and b.currency = d.currency
            and b.subject = concat_ws(' ', d.store, cast(d.business_date as varchar), nullif(d.register, '-'))
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
        select 1 from new_store_days as d
        where d.comparison = 'drawer' and d.status = 'open' and d.currency = b.currency
            and b.subject = concat_ws(' ', d.store, cast(d.business_date as varchar), nullif(d.register, '-'))
    ))
    group by all
)
select s.comparison, s.currency, s.difference - coalesce(t.difference, 0) - coalesce(b.difference, 0) as rest
from sides as s
left join tolerated as t on t.comparison = s.comparison and t.currency = s.currency
left join told as b on b.comparison = s.comparison and b.currency = s.currency
where s.difference - coalesce(t.difference, 0) - coalesce(b.difference, 0) <> 0
order by all
