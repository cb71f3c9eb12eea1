-- The parts of the proof of offers, in units: listed = what can be delivered + oversold + mapped to no article.
create or replace temp table proof_parts as
with listed as (
    select arg_max(listed_quantity, (listed_at, source)) as quantity from canonical.current_listings group by channel, channel_sku
),
offers as (
    select * from new_availability where status <> 'unlisted'
)
select 'availability' as reconciliation, 'deliverable_listed' as comparison, cast(null as date) as business_date, 'XXX' as currency,
    'left' as part, least(listed_quantity, greatest(coalesce(available_to_promise, 0), 0)) as amount, 1 as item_count
from offers where status <> 'listed_unmapped'
union all
select 'availability', 'deliverable_listed', null, 'XXX', 'right', quantity, 1 from listed
union all
select 'availability', 'deliverable_listed', null, 'XXX', 'break',
    case status when 'oversell_risk' then oversell_quantity else listed_quantity end, 1
from offers where status <> 'ok'
union all
select 'availability', 'deliverable_listed', null, 'XXX', case status when 'ok' then 'matched' else 'different' end, listed_quantity, 1
from offers
