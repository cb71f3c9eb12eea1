-- Numbers that this delivery and the one in force have on different days, with the day and delivery that do not count.
create or replace temp table moved as
with staged_days as (
    select source, store, register, receipt_id, min(business_date) as day from numbered_staged group by all
),
days_in_force as (
    select source, store, register, receipt_id, delivery_id, min(business_date) as day
    from numbered_rows semi join staged_days using (source, store, register, receipt_id)
    group by all
)
select s.source, $table as table_name, s.store, s.register, s.receipt_id,
    case when d.received_order > mine.received_order then s.day else f.day end as earlier_date,
    case when d.received_order > mine.received_order then mine.delivery_id else f.delivery_id end as delivery_id
from staged_days as s
join days_in_force as f using (source, store, register, receipt_id)
join raw.deliveries as d on d.delivery_id = f.delivery_id
join raw.deliveries as mine on mine.delivery_id = $delivery
where s.day <> f.day and f.delivery_id <> $delivery
