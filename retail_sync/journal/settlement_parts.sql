-- Components of the settlements $ids, by the part of the settlement that they are booked with. By month they are summed already;
-- finer parts are summed here, from the lines of these settlements.
select settlement_id, posting_month, event_date, category, marketplace, amount, '' as order_id
from reconcile.settlement_components
where $granularity = 'settlement' and list_contains($ids, settlement_id)
union all
select
    settlement_id, posting_month, case when category = 'failed_transfer' then business_date end, category, marketplace,
    cast(sum(amount) as decimal(18, 4)), part_order_id
from journal.settlement_line_parts
where $granularity <> 'settlement' and settlement_id in (select unnest($ids))
group by all
