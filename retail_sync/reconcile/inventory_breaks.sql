-- Each variance once: its class, its value (right - left), its day, and its quantity with the evidence.
create or replace temp table new_stock_breaks as
with newest as (
    select location_id, max(snapshot_date) as snapshot_date from whole_snapshots group by 1
),
negative_now as (
    select location_id, sku from whole_snapshots join newest using (location_id, snapshot_date)
    group by all having sum(quantity_on_hand) < 0
)
select
    'inventory' as reconciliation,
    left(case question
        when 'valuation' then concat_ws(' ', 'stock', business_date, currency)
        else concat_ws(' ', location_id, nullif(sku, '*'), business_date, case question
            when 'interface_sales' then part when 'interface_snapshot' then 'snapshot'
            when 'interface_transfers' then 'transfer ' || part else split_part(part, ' ', 1) || ' count' end)
    end, 200) as subject,
    'stock_' || cause as break_class,
    value_variance as amount,
    currency,
    business_date as since_date,
    left(case
        when question = 'valuation' or cause = 'snapshot_incomplete' then counterpart
        else concat_ws('; ',
            in_units(abs(case when quantity_variance <> 0 then quantity_variance else right_quantity end)) || ' units',
            nullif(counterpart, ''))
    end, 1000) as counterpart
from new_variances
where (question <> 'valuation' or value_variance is null or value_variance <> 0 and not $is_trued_up)
    -- The snapshot itself is told once; the journal says which month waits for it.
    and not (question = 'valuation' and cause = 'snapshot_incomplete')
    -- Stock that was negative once and is not now needs nobody.
    and (cause <> 'negative_stock' or quantity_variance <> 0
        or exists (select 1 from negative_now as n where n.location_id = new_variances.location_id and n.sku = new_variances.sku))
