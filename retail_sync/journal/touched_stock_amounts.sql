-- Cost of sales, write-offs and count differences of the touched documents, by what is booked for them.
with known as (
    select 'stock:cogs:' || location_id || '|' || business_date as document_id, 'cogs' as kind, location_id, business_date,
        component, currency, amount, uncosted_count, uncosted_sku, facts
    from reconcile.cost_of_sales
    union all
    select 'stock:count:' || location_id || '|' || business_date, 'count', location_id, business_date,
        case when cause in ('shrinkage', 'gain') then 'count_difference' else 'marketplace_difference' end,
        currency, sum(coalesce(value_variance, 0)), count(*) filter (value_variance is null),
        coalesce(min(sku) filter (value_variance is null), ''), 0
    from reconcile.inventory_variances
    -- What is only a wrong unit, a late posting or an unknown book is no loss and no gain.
    where question = 'count' and cause in ('shrinkage', 'gain', 'marketplace_lost', 'marketplace_found')
    group by all
),
rows as (
    select * from known
    union all
    -- A count that has nothing to book wants no entry: one that it had before is taken back.
    select distinct 'stock:count:' || location_id || '|' || business_date as document_id, 'count', location_id, business_date,
        'count_difference', 'XXX', 0, 0, '', 0
    from canonical.owned_stock_counts
    where document_id not in (select document_id from known where kind = 'count')
),
count_facts as (
    -- Of whatever the count found: what is booked of it today follows from packs too, which are no facts.
    select 'stock:count:' || location_id || '|' || business_date as document_id, sum(facts) as facts
    from reconcile.inventory_variances where question = 'count' group by all
)
select document_id, kind, location_id, business_date, component, currency, cast(amount as decimal(18, 4)) as amount,
    uncosted_count, uncosted_sku, sum(r.facts) over (partition by document_id) + coalesce(c.facts, 0) as facts
from rows as r
left join count_facts as c using (document_id)
where document_id in (select document_id from raw.touched where stage = 'journal' and kind = 'stock')
order by business_date, document_id, component, currency
