-- The uneven receipts of what is told: of tills whose tenders differ, of store days whose card payments do.
create or replace temp table new_store_day_receipts as
with told as (
    select store, business_date, currency, register, comparison from new_store_days
    where status in ('variance', 'left_only', 'right_only', 'explained_by_tenders')
)
select
    u.store, u.business_date, u.currency, u.register, u.receipt_id,
    u.rung_up as rung_up_amount, u.tendered as tendered_amount, u.card as card_amount, u.paid as paid_amount,
    u.is_explained, u.has_shared_number,
    coalesce(d.reported_to >= u.business_date + 3, false) as is_reported
from uneven_receipts as u
left join (select store, max(reported_to) as reported_to from card_days group by store) as d using (store)
where u.rung_up is distinct from u.tendered and exists (
        select 1 from told as t
        where t.comparison = 'sales_tenders' and t.store = u.store and t.business_date = u.business_date
            and t.currency = u.currency and t.register = u.register
    )
    or u.card is distinct from u.paid and exists (
        select 1 from told as t
        where t.comparison = 'card_payments' and t.store = u.store and t.business_date = u.business_date
            and t.currency = u.currency
    )
