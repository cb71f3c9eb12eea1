-- The comparisons with the currency that their subject must name: where a store's day has several, each differs by itself.
create or replace temp view told_store_days as
select *,
    case when min(currency) over (partition by store, business_date) <> max(currency) over (partition by store, business_date)
        then currency end as told_currency
from new_store_days
