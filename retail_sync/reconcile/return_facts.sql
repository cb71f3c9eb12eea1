-- What the rows of each order or receipt say of its refunds and of the goods that came back, one row per currency.
create or replace temp table return_facts as
with refunds as (
    select kind, channel, register, order_id, currency,
        cast(sum(amount) as decimal(18, 4)) as refunded_amount,
        cast(coalesce(sum(amount) filter (part = 'goods'), 0) as decimal(18, 4)) as goods_refunded_amount,
        cast(coalesce(sum(amount) filter (part = 'goodwill'), 0) as decimal(18, 4)) as goodwill_amount,
        cast(coalesce(-sum(amount) filter (part = 'fee'), 0) as decimal(18, 4)) as kept_fee_amount,
        -- What a return says was given back elsewhere, and no till has.
        cast(coalesce(sum(amount) filter (side = 'elsewhere' and told_by = 'return'), 0) as decimal(18, 4)) as unrung_amount,
        any_value(given_by) filter (side = 'elsewhere' and told_by = 'return') as unrung_at,
        -- What payments or the channel's returns say, and is to be found in its settlements.
        cast(coalesce(sum(amount) filter (side = 'channel' and told_by <> 'settlement'), 0) as decimal(18, 4)) as unsettled_amount,
        min(business_date) as refunded_from, max(business_date) as refunded_to,
        min(business_date) filter (side = 'channel' or kind = 'receipt') as own_refunded_from,
        max(business_date) filter (side = 'channel' or kind = 'receipt') as own_refunded_to
    from return_events where is_told
    group by kind, channel, register, order_id, currency
),
documents as (
    select kind, channel, register, order_id, currency, document, given_by, min(business_date) as business_date,
        sum(amount) as amount
    from return_events where is_told
    group by all
),
counted as (
    select kind, channel, register, order_id, currency, count(*) as refund_count,
        cast(min(amount) as decimal(18, 4)) as smallest_refund, cast(max(amount) as decimal(18, 4)) as largest_refund,
        left(string_agg(given_by || ' on ' || business_date, ', ' order by business_date, given_by, document), 200) as refunds
    from documents where amount <> 0
    group by kind, channel, register, order_id, currency
),
booked as (
    select kind, channel, register, order_id, currency, cast(sum(amount) as decimal(18, 4)) as booked_amount,
        cast(coalesce(sum(amount) filter (told_by = 'settlement'), 0) as decimal(18, 4)) as settled_amount
    from return_events where told_by in ('settlement', 'till')
    group by kind, channel, register, order_id, currency
),
told as (
    -- What only the ERP posted came back too.
    select * from return_goods
    qualify told_by = 'told' or not bool_or(told_by = 'told') over (partition by kind, channel, register, order_id)
),
articles as (
    select kind, channel, register, order_id, sku, sum(quantity) as quantity, count(*) as document_count,
        min(quantity) = max(quantity) and min(document) <> max(document) as is_repeated
    from told where own_amount is null
    group by kind, channel, register, order_id, sku
),
known as (
    select distinct kind, channel, register, order_id from return_sold
),
worth as (
    select a.kind, a.channel, a.register, a.order_id, s.currency,
        return_share(s.amount, least(a.quantity, s.quantity), s.quantity) as amount,
        case when k.kind is not null and a.sku is not null then greatest(a.quantity - coalesce(s.quantity, 0), 0) else 0
            end as excess_quantity,
        case when s.quantity > 0 then return_share(s.amount, greatest(a.quantity - s.quantity, 0), s.quantity) end as excess_amount,
        a.is_repeated and a.quantity > s.quantity and a.quantity = a.document_count * s.quantity as is_repeated
    from articles as a
    left join return_sold as s on s.kind = a.kind and s.channel = a.channel and s.register = a.register
        and s.order_id = a.order_id and s.sku = a.sku
    left join known as k on k.kind = a.kind and k.channel = a.channel and k.register = a.register and k.order_id = a.order_id
),
valued as (
    select kind, channel, register, order_id,
        -- One article of which nothing is known, and nobody can say what all are worth.
        case when count(*) = count(amount) and min(currency) = max(currency) then sum(amount) end as named_amount,
        min(currency) as currency, count(*) as named_count, sum(excess_quantity) as excess_quantity,
        case when count(*) filter (excess_quantity > 0) = count(excess_amount) filter (excess_quantity > 0)
            then sum(excess_amount) filter (excess_quantity > 0) end as excess_amount,
        bool_or(is_repeated) as is_repeated
    from worth group by kind, channel, register, order_id
),
goods as (
    select kind, channel, register, order_id,
        sum(quantity) as returned_quantity,
        coalesce(sum(quantity) filter (disposition = 'restocked'), 0) as restocked_quantity,
        coalesce(sum(quantity) filter (disposition = 'written_off'), 0) as written_off_quantity,
        bool_or(told_by = 'told' and own_amount is null) as has_document,
        count(distinct taken_by) as taker_count,
        min(business_date) as returned_from, max(business_date) as returned_to,
        min(business_date) filter (not is_elsewhere) as own_returned_from, max(business_date)
            filter (not is_elsewhere) as own_returned_to,
        bool_or(is_elsewhere) as is_elsewhere,
        left(string_agg(distinct coalesce(location_id, taken_by), ', ' order by coalesce(location_id, taken_by)),
            200) as returned_to_places,
        left(string_agg(distinct sku, ', ' order by sku), 200) as skus,
        left(string_agg(distinct document || ' by ' || taken_by, ', ' order by document || ' by ' || taken_by), 200) as documents,
        sum(own_amount) as own_amount, sum(own_total) as own_total, min(currency) as currency
    from told group by kind, channel, register, order_id
),
posted as (
    select kind, channel, register, order_id, sum(quantity) as posted_quantity, min(business_date) as posted_on
    from return_goods where told_by = 'erp' group by kind, channel, register, order_id
),
sold as (
    select kind, channel, register, order_id, sum(quantity) as sold_quantity,
        case when min(currency) = max(currency) and count(*) = count(amount) then sum(amount) end as goods_sold_amount,
        min(return_share(amount, 1, quantity)) filter (amount > 0 and quantity > 0) as cheapest_amount, min(currency) as currency
    from return_sold group by kind, channel, register, order_id
),
first_sold as (
    select kind, channel, register, order_id, min(sold_on) as sold_on, min(currency) as currency
    from return_totals group by kind, channel, register, order_id
),
currencies as (
    select kind, channel, register, order_id, currency from refunds
    union
    -- What was settled and is not counted as told is booked all the same.
    select kind, channel, register, order_id, currency from booked
    union
    select g.kind, g.channel, g.register, g.order_id, coalesce(s.currency, f.currency, g.currency)
    from goods as g
    left join sold as s using (kind, channel, register, order_id)
    left join first_sold as f using (kind, channel, register, order_id)
    where (g.kind, g.channel, g.register, g.order_id) not in (select (kind, channel, register, order_id) from refunds)
),
rows as (
    select *, count(*) over (partition by kind, channel, register, order_id) as currency_count,
        -- Goods stand in one row.
        row_number() over (partition by kind, channel, register, order_id order by currency) = 1 as has_goods
    from currencies
)
select
    r.kind, r.channel, r.register, r.order_id, r.currency, cast(r.currency_count as bigint) as currency_count,
    f.sold_on, s.sold_quantity, in_money(t.amount, m.digits) as sold_amount,
    case when s.currency = r.currency then in_money(s.cheapest_amount, m.digits) end as cheapest_amount,
    coalesce(x.refunded_amount, 0) as refunded_amount,
    coalesce(x.goods_refunded_amount, 0) as goods_refunded_amount, coalesce(x.goodwill_amount, 0) as goodwill_amount,
    coalesce(x.kept_fee_amount, 0) as kept_fee_amount,
    coalesce(c.refund_count, 0) as refund_count, c.smallest_refund, c.largest_refund, coalesce(c.refunds, '') as refunds,
    x.refunded_from, x.refunded_to, x.own_refunded_from, x.own_refunded_to,
    cast(coalesce(g.returned_quantity, 0) as decimal(18, 6)) as returned_quantity,
    cast(coalesce(g.restocked_quantity, 0) as decimal(18, 6)) as restocked_quantity,
    cast(coalesce(g.written_off_quantity, 0) as decimal(18, 6)) as written_off_quantity,
    g.returned_from, g.returned_to, g.own_returned_from, g.own_returned_to,
    coalesce(g.is_elsewhere, false) as is_elsewhere, coalesce(g.returned_to_places, '') as returned_to_places,
    coalesce(g.skus, '') as skus, coalesce(g.documents, '') as return_documents,
    coalesce(g.has_document, false) as has_document, coalesce(g.taker_count, 0) as taker_count,
    -- From what the goods cost alone to what is left of the whole when the goods that stayed are paid.
    case when g.kind is null then null
        when v.named_count > 0 and v.currency is distinct from r.currency then null
        else in_money(coalesce(g.own_amount, 0) + case when v.named_count > 0 then v.named_amount else 0 end, m.digits)
            end as goods_amount,
    case when g.kind is null then null
        when v.named_count > 0 and (v.currency is distinct from r.currency or t.amount is null) then null
        else in_money(coalesce(g.own_total, 0)
            + case when v.named_count > 0 then t.amount - (s.goods_sold_amount - v.named_amount) else 0 end, m.digits)
                end as goods_total,
    cast(coalesce(v.excess_quantity, 0) as decimal(18, 6)) as excess_quantity,
    case when v.excess_quantity > 0 and v.currency is not distinct from r.currency then in_money(v.excess_amount,
        m.digits) end as excess_amount,
    coalesce(v.is_repeated, false) as is_repeated,
    cast(coalesce(p.posted_quantity, 0) as decimal(18, 6)) as posted_quantity, p.posted_on,
    coalesce(b.booked_amount, 0) as booked_amount,
    cast(case when coalesce(x.unsettled_amount, 0) <> 0 then x.unsettled_amount - coalesce(b.settled_amount, 0) else 0
        end as decimal(18, 4)) as unsettled_amount,
    coalesce(x.unrung_amount, 0) as unrung_amount, coalesce(x.unrung_at, '') as unrung_at
from rows as r
left join refunds as x using (kind, channel, register, order_id, currency)
left join counted as c using (kind, channel, register, order_id, currency)
left join booked as b using (kind, channel, register, order_id, currency)
left join goods as g on r.has_goods and g.kind = r.kind and g.channel = r.channel and g.register = r.register
    and g.order_id = r.order_id
left join valued as v on r.has_goods and v.kind = r.kind and v.channel = r.channel and v.register = r.register
    and v.order_id = r.order_id
left join posted as p on r.has_goods and p.kind = r.kind and p.channel = r.channel and p.register = r.register
    and p.order_id = r.order_id
left join sold as s on s.kind = r.kind and s.channel = r.channel and s.register = r.register and s.order_id = r.order_id
left join first_sold as f on f.kind = r.kind and f.channel = r.channel and f.register = r.register and f.order_id = r.order_id
left join return_totals as t on t.kind = r.kind and t.channel = r.channel and t.register = r.register
    and t.order_id = r.order_id and t.currency = r.currency
left join minor_units as m on m.currency = r.currency
