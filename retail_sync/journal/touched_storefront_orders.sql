-- The touched orders of the channels that are booked here, each with all that was told of it. An order that names the store that
-- sold it is a till's: receipts book it.
with wanted as (
    select *, 'storefront_order:' || channel || '|' || order_id as document_id
    from canonical.orders
    where list_contains($channels, channel) and location_id is null
        and 'storefront_order:' || channel || '|' || order_id in (
            select document_id from raw.touched where stage = 'journal' and kind = 'storefront_order'
        )
),
-- Two sources may tell of one customer or place; where they differ nothing is known.
buyers as (
    select channel, customer_id,
        case when min(country) = max(country) then upper(min(country)) end as country,
        case when min(tax_status) = max(tax_status) then lower(min(tax_status)) end as tax_status
    from canonical.customers group by all
),
places as (
    select location_id, case when min(country) = max(country) then upper(min(country)) end as country
    from canonical.owned_locations group by all
),
heads as (
    select w.document_id, any_value(w.channel) as channel, any_value(w.order_id) as order_id, count(*) as order_count,
        any_value(w.business_date) as business_date, any_value(w.currency) as currency, any_value(w.total_amount) as total_amount,
        any_value(w.tax_amount) as tax_amount, any_value(w.shipping_amount) as shipping_amount,
        coalesce(any_value(w.tax_owed_by), '') as tax_owed_by,
        coalesce(any_value(upper(w.destination_country)), any_value(b.country), '') as destination,
        coalesce(any_value(b.tax_status), '') as tax_status
    from wanted as w
    left join buyers as b on b.channel = w.channel and b.customer_id = w.customer_id
    group by w.document_id
),
goods as (
    select h.document_id, list({
        'sku': coalesce(l.sku, ''), 'quantity': l.quantity, 'value': l.quantity * l.unit_price - coalesce(l.discount_amount, 0),
        'tax': l.tax_amount
    } order by l.order_line_no, l.source) as rows
    from heads as h join canonical.order_lines as l on l.channel = h.channel and l.order_id = h.order_id
    group by all
),
shipped as (
    select h.document_id, list({
        'on': f.business_date, 'sku': f.sku, 'quantity': f.quantity, 'departure': coalesce(p.country, '')
    } order by f.business_date, f.sku, f.quantity, p.country) as rows
    from heads as h
    join canonical.fulfilments as f on f.channel = h.channel and f.order_id = h.order_id
    left join places as p on p.location_id = f.location_id
    group by all
),
-- What a customer reclaims through the card company is booked by the payout, on an account of its own.
moved as (
    select h.document_id, list({
        'on': m.business_date, 'kind': m.kind, 'amount': m.gross_amount, 'currency': m.currency
    } order by m.business_date, m.kind, m.gross_amount, m.currency) as rows
    from heads as h join canonical.payments as m on m.channel = h.channel and m.order_id = h.order_id
    where m.kind in ('charge', 'refund')
    group by all
),
returned as (
    select h.document_id, list({
        'on': r.business_date, 'id': r.return_id, 'amount': r.refund_amount, 'tax': r.tax_amount, 'currency': r.currency
    } order by r.business_date, r.return_id, r.source) as rows
    from heads as h join canonical.returns as r on r.channel = h.channel and r.order_id = h.order_id
    group by all
)
select h.*, coalesce(g.rows, []) as goods, coalesce(s.rows, []) as shipped, coalesce(m.rows, []) as moved, coalesce(r.rows, []) as returned
from heads as h
left join goods as g using (document_id)
left join shipped as s using (document_id)
left join moved as m using (document_id)
left join returned as r using (document_id)
order by h.business_date, h.document_id
