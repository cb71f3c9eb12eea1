-- Channels whose offers are mapped to no article because no source delivers articles: the breaks, how many offers, and the days.
select a.channel, list(distinct b.subject) as subjects, count(distinct a.sku) as offers,
    min(b.since_date) as first_day, max(b.since_date) as last_day
from reconcile.availability as a
join reconcile.breaks as b on b.break_class = 'listed_unmapped' and b.subject = left(a.channel || ' ' || a.sku, 200)
where a.status = 'listed_unmapped' and not exists (select 1 from canonical.owned_products)
group by a.channel
order by a.channel
