-- The parts of the touched store days, summed by component.
insert into reconcile.store_day_components by name
select
    store, business_date, currency, register, side, component,
    cast(sum(amount) as decimal(18, 4)) as amount,
    count(*) as row_count
from reconcile.store_day_parts
where store || '|' || business_date in (select document_id from raw.touched where stage = 'reconcile' and kind = 'store_day')
group by all
