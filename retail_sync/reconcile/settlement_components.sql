-- Lines of the touched settlements, summed once by month, category and marketplace. A line dated after the period's end
-- belongs to the closing month: the settlement that lists it is where it is booked.
insert into reconcile.settlement_components by name
select
    l.settlement_id,
    l.channel,
    l.account,
    l.currency,
    cast(date_trunc('month', least(l.business_date, coalesce(s.closing_date, l.business_date))) as date) as posting_month,
    case when l.category = 'failed_transfer' then l.business_date end as event_date,
    l.category,
    l.marketplace,
    cast(sum(l.amount) as decimal(18, 4)) as amount,
    count(*) as line_count
from canonical.settlement_lines as l
left join canonical.settlements as s on l.settlement_id = s.settlement_id
where l.settlement_id in (select document_id from raw.touched where stage = 'reconcile' and kind = 'settlement')
group by all
