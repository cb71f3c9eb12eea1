-- The differences of all questions with what they are worth: units at the cost of that day.
create or replace temp table new_variances as
with differences as (
    select 'interface_sales' as question, location_id, sku, business_date, left(trim(direction || ' ' || receipt), 1000) as part,
        left_quantity, right_quantity, variance, cause, counterpart, null as counted
    from sales_causes
    union all
    select 'interface_snapshot', location_id, sku, to_date, '', left_quantity, right_quantity, variance, cause, counterpart, null
    from interval_causes
    union all
    select 'interface_transfers', location_id, sku, since, left(reference, 1000), left_quantity, right_quantity, variance,
        'transfer_in_transit', counterpart, null
    from open_transfers where is_told
    union all
    select 'count', location_id, sku, business_date, part, left_quantity, right_quantity, variance, cause, counterpart,
        case when is_first then kind end
    from count_causes
),
costed as (
    select d.*, coalesce(c.unit_cost, a.unit_cost) as unit_cost,
        case when c.unit_cost is not null then c.currency else coalesce(a.currency, 'XXX') end as currency,
        coalesce(c.unit_cost || ' ' || c.currency, 'product') as dated_cost
    from differences as d
    asof left join snapshot_costs as c
        on c.location_id = d.location_id and c.sku = d.sku and c.snapshot_date <= d.business_date
    left join articles as a on a.sku = d.sku
),
known as (
    -- Goods without a cost have no currency either: they leave every value of that month unknown.
    select *, sum(uncosted_count) over (partition by month_end) as uncosted_in_month,
        sum(facts) over (partition by month_end) as facts_of_month
    from stock_values
),
in_ledger as (
    select month_end, sum(md5_number_lower(concat_ws('|', currency, amount))) as facts from ledger_balances group by month_end
),
valued as (
    select v.month_end, b.currency, v.quantity, b.amount as ledger_amount,
        case when v.uncosted_in_month = 0 then in_money(v.value, m.digits) end as stock_amount,
        v.uncosted_in_month as uncosted_count, v.incomplete, v.facts_of_month + l.facts as facts
    from known as v
    join ledger_balances as b on b.month_end = v.month_end and (b.currency = v.currency or v.incomplete is not null)
    join in_ledger as l on l.month_end = v.month_end
    left join minor_units as m on m.currency = b.currency
)
select c.question, c.location_id, c.sku, c.business_date, c.part, c.left_quantity, c.right_quantity,
    c.variance as quantity_variance, cast(c.unit_cost as decimal(18, 6)) as unit_cost, in_money(c.variance * c.unit_cost, m.digits) as value_variance, c.currency,
    c.cause, left(coalesce(c.counterpart, ''), 1000) as counterpart,
    cast(case when c.question <> 'count' then md5_number_lower(concat_ws('|', c.part, c.sku, c.cause, c.variance, c.dated_cost))
        when c.counted is not null then md5_number_lower(concat_ws('|', f.facts, c.dated_cost))
        else 0 end as decimal(38, 0)) as facts
from costed as c
left join minor_units as m using (currency)
left join count_facts as f on f.location_id = c.location_id and f.sku = c.sku and f.business_date = c.business_date
    and f.kind = c.counted
union all
select 'interface_snapshot', location_id, '*', snapshot_date, '', null, null, null, null, null, 'XXX', 'snapshot_incomplete', shown, 0
from incomplete_snapshots
union all
select 'valuation', '*', '*', month_end, '', quantity, quantity, cast(0 as decimal(18, 6)), null,
    cast(ledger_amount - stock_amount as decimal(18, 4)), currency,
    case when incomplete is null then 'ledger_differs' else 'snapshot_incomplete' end,
    left(coalesce(incomplete, 'stock ' || stock_amount || ', ledger ' || ledger_amount,
        uncosted_count || ' articles without a unit cost'), 1000),
    cast(facts as decimal(38, 0))
from valued
