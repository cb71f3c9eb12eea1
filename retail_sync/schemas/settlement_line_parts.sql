-- Settlement lines with the part of their settlement that they are booked with, as the journal last cut them (the setting
-- ledger.granularity): the first day of their month, or their day; and their order where it is by order. A line dated after the
-- period's end belongs to the closing day: the settlement that lists it is where it is booked.
create or replace view journal.settlement_line_parts as
with cut as (
    select coalesce(max(hash), 'settlement') as granularity from raw.applied where name = 'granularity'
),
dated as (
    select l.*, least(l.business_date, coalesce(s.closing_date, l.business_date)) as booked_on
    from canonical.settlement_lines as l
    left join canonical.settlements as s on s.settlement_id = l.settlement_id
)
select d.*,
    case cut.granularity when 'day' then d.booked_on else cast(date_trunc('month', d.booked_on) as date) end as posting_month,
    case cut.granularity when 'order' then coalesce(d.order_id, '') else '' end as part_order_id
from dated as d
cross join cut
