-- Locations whose counts have no book, because no snapshot of them was delivered for those days: the breaks, articles and days.
select location_id,
    list(left(concat_ws(' ', location_id, sku, business_date, split_part(part, ' ', 1) || ' count'), 200)) as subjects,
    count(distinct sku) as articles, min(business_date) as first_day, max(business_date) as last_day
from reconcile.inventory_variances
where question = 'count' and cause = 'no_book' and counterpart like 'no snapshot%'
group by location_id
having count(*) > 1
order by location_id
