-- What is listed beyond what is there, valued at cost, and offers that are mapped to no article.
create or replace temp table new_availability_breaks as
with listed as (
    select channel, coalesce(sku, channel_sku) as sku, arg_max(business_date, (listed_at, source)) as listed_on
    from canonical.listings group by all
)
select
    'availability' as reconciliation,
    left(a.channel || ' ' || a.sku, 200) as subject,
    case a.status when 'oversell_risk' then 'oversell_risk' else 'listed_unmapped' end as break_class,
    case a.status when 'oversell_risk' then in_money(a.oversell_quantity * p.unit_cost, m.digits) end as amount,
    coalesce(p.currency, 'XXX') as currency,
    l.listed_on as since_date,
    trim(trailing '.' from trim(trailing '0' from
        cast(case a.status when 'oversell_risk' then a.oversell_quantity else a.listed_quantity end as varchar))) || ' units'
        as counterpart
from new_availability as a
join listed as l using (channel, sku)
left join articles as p using (sku)
left join minor_units as m on m.currency = p.currency
where a.status in ('oversell_risk', 'listed_unmapped')
