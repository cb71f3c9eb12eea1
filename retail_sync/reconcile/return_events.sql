-- Money given back, one row per document that says so (payment, settlement and instant, return, till receipt) and part, positive.
-- `side` is who gave it: the channel that sold, or another place. One refund is told by several documents: counted (`is_told`)
-- is what says most of it, payments before settlements before the return itself; a till before what a return says of it.
create or replace temp table return_events as
with paid as (
    select o.kind, o.channel, o.register, p.order_id, 'payment' as told_by, 'channel' as side, p.payment_id as document,
        p.channel as given_by, case p.kind when 'chargeback' then 'dispute' else 'goods' end as part, p.currency,
        p.business_date, -p.gross_amount as amount
    from canonical.payments as p
    join order_owners as o on o.named_by = 'money' and o.named_by_channel = p.channel and o.order_id = p.order_id
    where p.kind in ('refund', 'chargeback') and o.kind = 'order'
),
lines as (
    select channel, order_id, settlement_id, posted_at, part, currency, min(business_date) as business_date, sum(amount) as amount
    from return_lines where part is not null group by all
),
settled as (
    select o.kind, o.channel, o.register, l.order_id, 'settlement', 'channel', l.settlement_id || ' ' || l.posted_at, l.channel,
        l.part, l.currency, l.business_date, -l.amount
    from lines as l
    join order_owners as o on o.named_by = 'money' and o.named_by_channel = l.channel and o.order_id = l.order_id
    where o.kind = 'order'
),
stated as (
    select kind, channel, register, order_id, 'return', case when kind <> 'receipt' and taken_by = channel
        then 'channel' else 'elsewhere' end,
        return_id, taken_by, 'goods', currency, business_date, refund_amount
    from return_documents where refund_amount <> 0
),
rung as (
    select kind, channel, register, order_id, 'till', 'elsewhere', store || ' ' || receipt_id, store, 'goods', currency,
        min(business_date), sum(gross_amount)
    from return_receipts group by all
),
events as (
    select * from paid union all select * from settled union all select * from stated union all select * from rung
)
select *,
    case told_by
        when 'settlement' then not bool_or(told_by = 'payment') over owner
        when 'return' then case side
            when 'channel' then not bool_or(told_by in ('payment', 'settlement')) over owner
            else not bool_or(told_by = 'till') over owner end
        else true
    end as is_told
from events
where amount <> 0
window owner as (partition by kind, channel, register, order_id)
