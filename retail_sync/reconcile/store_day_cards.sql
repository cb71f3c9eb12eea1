-- Card tenders × what the processor reports, by store day, where a processor reports of the store at all; and how far it does.
create or replace temp table card_days as
with tendered as (
    select store, business_date, currency, sum(amount) as tendered
    -- A card tender of nothing (all of it was a coupon) never reaches the processor.
    from canonical.pos_tenders where tender = 'card' and amount <> 0
    group by all
),
paid as (
    select store, business_date, currency, sum(amount) as paid from receipt_payments group by all
),
reported as (
    select p.store, max(q.business_date) as reported_to
    from (select distinct store, channel from receipt_payments) as p
    join canonical.payments as q on q.channel = p.channel
    group by p.store
)
select store, business_date, currency, tendered, paid, reported_to
from tendered
full join paid using (store, business_date, currency)
join reported using (store)
