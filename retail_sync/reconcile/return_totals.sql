-- What each order or receipt brought in all, tax and shipping included, by currency: as it says itself, else as it was paid,
-- else as it was settled. And the day it was sold.
create or replace temp table return_totals as
with sold as (
    select 'order' as kind, channel, '' as register, order_id, currency, business_date, total_amount as amount, 1 as rank
    from canonical.orders
    -- A total with a minus is a wrong sign, which the orders tell: it is no measure of what may be given back.
    where order_id in (select order_id from traced_ids) and total_amount >= 0
    union all
    select 'receipt', store, register, receipt_id, currency, business_date, gross_amount, 1
    from canonical.pos_sales where kind = 'sale' and receipt_id in (select order_id from traced_ids)
    union all
    select o.kind, o.channel, o.register, p.order_id, p.currency, p.business_date, p.gross_amount, 2
    from canonical.payments as p
    join order_owners as o on o.named_by = 'money' and o.named_by_channel = p.channel and o.order_id = p.order_id
    where p.kind = 'charge' and o.kind = 'order'
    union all
    select 'order', channel, '', order_id, currency, business_date, amount, 3
    from return_lines where part is null
    union all
    select 'order', channel, '', order_id, null, business_date, null, 4
    from canonical.fulfilments where order_id in (select order_id from traced_ids)
),
best as (
    select * from sold
    qualify rank = min(rank) over (partition by kind, channel, register, order_id, currency)
)
select kind, channel, register, order_id, currency, min(business_date) as sold_on, cast(sum(amount) as decimal(18, 4)) as amount
from best
group by kind, channel, register, order_id, currency
