-- Month ends whose stock was valued and whose document was touched, oldest first.
select 'stock:valuation:' || strftime(business_date, '%Y-%m') as document_id, business_date, currency, value_variance as amount,
    cause, counterpart, facts
from reconcile.inventory_variances
where question = 'valuation'
    and 'stock:valuation:' || strftime(business_date, '%Y-%m') in (
        select document_id from raw.touched where stage = 'journal' and kind = 'stock'
    )
order by business_date, currency
