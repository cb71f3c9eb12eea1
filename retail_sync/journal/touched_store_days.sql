-- Store days the journal has to look at again, with what stands in the way of booking them.
select
    'store_day:' || store || '|' || business_date as document_id,
    store,
    business_date,
    -- What a processor reports in another currency does not say in which one the tills work.
    coalesce(min(currency) filter (comparison <> 'card_payments'), min(currency)) as currency,
    count(distinct currency) filter (comparison <> 'card_payments') as currency_count,
    coalesce(bool_or(comparison = 'sales_tenders' and status in ('left_only', 'right_only')), false) as tenders_missing,
    coalesce(sum(abs(difference)) filter (comparison = 'sales_tenders' and status = 'variance'), 0) as tenders_difference,
    coalesce(bool_or(comparison = 'drawer' and status = 'open'), false) as drawers_open,
    coalesce(bool_or(comparison = 'drawer' and status = 'left_only'), false) as drawers_missing,
    coalesce(bool_or(comparison = 'receipt_sources'), false) as is_doubled,
    cast(0 as decimal(18, 4)) as zero
from reconcile.store_days
where 'store_day:' || store || '|' || business_date in (
    select document_id from raw.touched where stage = 'journal' and kind = 'store_day'
)
group by store, business_date
order by business_date, store
