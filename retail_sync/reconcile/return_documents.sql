-- Every return that a channel or store took, with the order or receipt it belongs to, and the till's return receipt that is
-- the same return: one that has its number, in its store.
create or replace temp table return_documents as
with taken as (
    select * from canonical.returns
    where coalesce(order_id, return_id) in (select order_id from traced_ids)
),
receipts as (
    select distinct store, register, receipt_id from canonical.pos_sales
    where kind = 'return' and receipt_id in (select return_id from taken)
),
rung as (
    -- A number that two tills have used names neither.
    select t.source, t.channel, t.return_id, min(r.store) as store, min(r.register) as register
    from taken as t
    join receipts as r on r.receipt_id = t.return_id and r.store in (t.location_id, t.channel)
    group by t.source, t.channel, t.return_id having count(*) = 1
)
select
    t.* exclude (order_id, channel), t.channel as taken_by, r.store, r.register as till,
    case when t.order_id is not null then o.kind when r.store is not null then 'receipt' else 'return' end as kind,
    case when t.order_id is not null then o.channel when r.store is not null then r.store else t.channel end as channel,
    case when t.order_id is not null then o.register else coalesce(r.register, '') end as register,
    coalesce(t.order_id, t.return_id) as order_id
from taken as t
left join order_owners as o on o.named_by = 'returns' and o.named_by_channel = t.channel and o.order_id = t.order_id
left join rung as r on r.source = t.source and r.channel = t.channel and r.return_id = t.return_id
