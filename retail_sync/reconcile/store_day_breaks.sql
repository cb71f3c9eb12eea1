-- Each difference of a store day once: its class, its value (right - left, less what another one tells) and its day.
create or replace temp table new_store_breaks as
select
    'store_days' as reconciliation,
    concat_ws(' ', store, cast(business_date as varchar), nullif(nullif(register, '-'), ''), told_currency) as subject,
    case
        when comparison = 'sales_tenders' and status = 'left_only' then 'tenders_missing'
        when comparison = 'sales_tenders' and status = 'right_only' then 'sales_missing'
        when comparison = 'sales_tenders' then 'tenders_differ'
        when comparison = 'drawer' and status = 'variance' then 'drawer_over_short'
        when comparison = 'drawer' then 'drawer_not_counted'
        when status = 'left_only' then 'card_payments_missing'
        else 'card_payments_differ'
    end as break_class,
    cast(sum(coalesce(right_amount, 0) - coalesce(left_amount, 0) - explained_amount) as decimal(18, 4)) as amount,
    currency,
    business_date as since_date,
    store as counterpart
from told_store_days
where status in ('variance', 'left_only', 'right_only')
    and comparison <> 'receipt_sources'
    -- Small differences of a drawer are booked to over/short and need nobody.
    and not (comparison = 'drawer' and status = 'variance' and abs(difference) <= $drawer_tolerance)
group by all
union all
select 'store_days', concat_ws(' ', store, cast(business_date as varchar), nullif(register, '-'), told_currency), 'drawer_not_counted',
    -left_amount, currency, business_date, store
from told_store_days
-- A drawer may be open while its day lasts; when the store sells on the day after next, it was forgotten.
where comparison = 'drawer' and status = 'open'
    and business_date + 2 <= (select max(business_date) from new_store_days as later where later.store = told_store_days.store)
union all
select 'store_days', concat_ws(' ', store, cast(business_date as varchar), nullif(register, '-')), 'receipt_in_two_sources',
    sum(once - counted), currency, business_date,
    count(*) || ' receipt(s), the first ' || min(receipt_id) || '|' || min(sources)
from doubled_receipts
group by store, business_date, currency, register
