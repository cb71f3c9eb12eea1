-- Each difference once: what was given back beyond or below what came back is worth (right - left), what is not booked
-- (booked - given back), and what came back beyond what was sold.
create or replace temp table new_return_breaks as
with candidates as (
    -- Orders whose money went back and whose goods have not come: a return that names no order may be theirs.
    select u.channel, u.order_id, left(string_agg(distinct o.channel || ' ' || o.order_id,
        ', ' order by o.channel || ' ' || o.order_id), 200) as orders
    from reconcile.returns as u
    join canonical.order_lines as l on list_contains(string_split(u.skus, ', '), l.sku)
    join reconcile.returns as o on o.kind = 'order' and o.channel = l.channel and o.order_id = l.order_id
        and o.returned_quantity = 0 and o.refunded_amount > 0
    where u.kind = 'return'
    group by u.channel, u.order_id
),
named as (
    select r.*, left(concat_ws(' ', r.channel, nullif(r.register, ''), r.order_id, case when currency_count > 1
        then r.currency end), 190) as subject,
        coalesce(c.orders, '') as orders
    from reconcile.returns as r
    left join candidates as c on r.kind = 'return' and c.channel = r.channel and c.order_id = r.order_id
)
select 'returns' as reconciliation, subject,
    case finding
        when 'no_goods' then 'return_refund_without_goods'
        when 'no_refund' then 'return_goods_without_refund'
        when 'more' then 'return_refunded_more'
        when 'less' then 'return_refunded_less'
        when 'twice' then 'return_refunded_twice'
        else 'return_undetermined'
    end as break_class,
    difference as amount, currency, coalesce(least(refunded_from, returned_from), sold_on) as since_date,
    left(case finding
        when 'currencies' then 'currencies|' || refunds
        when 'no_order' then 'no_order|' || orders
        when 'order_unknown' then 'order_unknown|' || return_documents
        when 'stated_or_twice' then 'stated_or_twice|' || refunds
        when 'no_refund' then in_units(returned_quantity) || ' units at ' || returned_to_places
        when 'no_goods' then refunds
        else concat_ws('; ', refunds, case when returned_quantity > 0
            then in_units(returned_quantity) || ' units at ' || returned_to_places end)
    end, 1000) as counterpart
from named
where finding not in ('', 'goods_awaited', 'refund_awaited', 'order_awaited')
union all
select 'returns', subject, 'return_not_booked', booking_difference, currency, refunded_from, refunds
from named where booking_difference <> 0
union all
-- Goods that two systems tell of may be the same goods.
select 'returns', subject || case when taker_count > 1 then ' goods' else '' end,
    case when taker_count > 1 then 'return_undetermined' else 'return_goods_more' end,
    excess_amount, currency, returned_from,
    left(case when taker_count > 1 then 'two_systems|' else ''
        end || in_units(excess_quantity) || ' of ' || in_units(returned_quantity) || ' units: ' || return_documents
        || case when is_repeated then ', each of them all that was sold' else '' end, 1000)
from named
where excess_quantity > 0 and has_document and finding not in ('currencies', 'no_order', 'order_unknown', 'order_awaited')
