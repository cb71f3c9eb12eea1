-- The components of the touched store days, all their tills together.
select 'store_day:' || store || '|' || business_date as document_id, side, component, sum(amount) as amount
from reconcile.store_day_components
where 'store_day:' || store || '|' || business_date in (
    select document_id from raw.touched where stage = 'journal' and kind = 'store_day'
)
group by all
order by all
