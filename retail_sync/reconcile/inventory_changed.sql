-- Rows that are not as they were, with the journal document they belong to. Any of them may move a later month's valuation.
create or replace temp table changed_stock as
with variances as (
    (select * from new_variances except select * from reconcile.inventory_variances)
    union all
    (select * from reconcile.inventory_variances except select * from new_variances)
),
costs as (
    (select * from new_cost_of_sales except select * from reconcile.cost_of_sales)
    union all
    (select * from reconcile.cost_of_sales except select * from new_cost_of_sales)
),
changed as (
    select business_date,
        case question
            when 'count' then 'stock:count:' || location_id || '|' || business_date
            when 'valuation' then 'stock:valuation:' || strftime(business_date, '%Y-%m')
            else ''
        end as document_id
    from variances
    union
    select business_date, 'stock:cogs:' || location_id || '|' || business_date from costs
)
select business_date, document_id from changed
union
select v.business_date, 'stock:valuation:' || strftime(v.business_date, '%Y-%m')
from new_variances as v
where v.question = 'valuation'
    and v.business_date >= (select min(business_date) from changed where document_id <> '')
