-- To which order or receipt each named number belongs: a channel's money and returns name an order, but it may be another's.
create or replace temp table order_owners as
with homes as (
    select 'order' as kind, channel, '' as register, order_id
    from canonical.orders where order_id in (select order_id from traced_ids)
    union
    select 'order', channel, '', order_id from canonical.order_lines where order_id in (select order_id from traced_ids)
    union
    select 'order', channel, '', order_id from canonical.fulfilments where order_id in (select order_id from traced_ids)
    union
    select 'receipt', store, register, receipt_id
    from canonical.pos_sales where receipt_id in (select order_id from traced_ids)
    union
    select 'receipt', store, register, receipt_id
    from canonical.pos_tenders where receipt_id in (select order_id from traced_ids)
),
only_homes as (
    select order_id, any_value(kind) as kind, any_value(channel) as channel, any_value(register) as register
    from homes group by order_id having count(*) = 1
),
named as (
    select 'money' as named_by, channel, order_id from canonical.payments where order_id in (select order_id from traced_ids)
    union
    select 'money', channel, order_id from canonical.settlement_lines where order_id in (select order_id from traced_ids)
    union
    select 'returns', channel, order_id from canonical.returns where order_id in (select order_id from traced_ids)
),
placed as (
    -- The money of a channel that sells is its own; a card processor's is that of whoever sold.
    select *, case when named_by = 'money' and channel in (select channel from selling_channels) then null else order_id end as wanted_id
    from named
)
select n.named_by, n.channel as named_by_channel, n.order_id,
    case when h.kind is null and o.kind is not null then o.kind else 'order' end as kind,
    case when h.kind is null and o.kind is not null then o.channel else n.channel end as channel,
    case when h.kind is null and o.kind is not null then o.register else '' end as register
from placed as n
left join homes as h on h.kind = 'order' and h.channel = n.channel and h.order_id = n.order_id
left join only_homes as o on o.order_id = n.wanted_id
