-- Vendure's lists as canonical rows. Of a record that came twice the one read last counts: it does not say when it changed.

-- object: orders, stock
-- What the server says of itself. Amounts are whole units of 10^-precision, whatever the currency; what the currency cannot hold
-- is no amount, and its row is rejected.
create or replace temp table vendure_shop as
select
    cast(case record->>'$.globalSettings.serverConfig.moneyStrategyPrecision'
        when '0' then 1 when '1' then 0.1 when '2' then 0.01 when '3' then 0.001 when '4' then 0.0001 end as decimal(5, 4)) as unit,
    coalesce(record->>'$.activeChannel.pricesIncludeTax', '') = 'true' as prices_include_tax,
    coalesce(record->>'$.globalSettings.trackInventory', '') = 'true' as is_tracked,
    quantity_of(record->>'$.globalSettings.outOfStockThreshold') as threshold
from records where part = 'shop' limit 1;
create or replace temp macro vendure_money(x, unit, least_unit) as
    case when minor_of(x, unit) % least_unit = 0 then minor_of(x, unit) end;
create or replace temp macro whole_of(x) as case when regexp_full_match(x, '-?\d{1,13}') then cast(x as hugeint) end;
-- A sum of which a part cannot be read is none; of no parts it is zero.
create or replace temp macro whole_sum_of(texts) as
    case when len(list_filter(texts, lambda x: whole_of(x) is null)) = 0
        then coalesce(list_sum(list_transform(texts, lambda x: whole_of(x))), 0) end;
create or replace temp macro divided(x, y) as (2 * x + y) // (2 * y);

-- object: orders
create or replace temp table vendure_orders as
select line_no, record, record->>'$.code' as order_id, instant_of(record->>'$.orderPlacedAt') as ordered_at,
    record->>'$.currencyCode' as currency, s.unit, u.unit as least_unit, s.prices_include_tax,
    whole_of(record->>'$.history.totalItems') <= json_array_length(record, '$.history.items') as has_history
from records
cross join vendure_shop as s
left join currency_units as u on u.currency = (record->>'$.currencyCode')
where part = ''
qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1;
-- What a person is still putting together in the back office is no order yet.
insert into staged_left_out select line_no, 'a draft' from vendure_orders where (record->>'$.state') = 'Draft';
delete from vendure_orders where (record->>'$.state') = 'Draft';

-- When a payment, refund or shipment came to be what it is.
create or replace temp table vendure_changes as
with changes as (
    select order_id, unnest(cast(record->'$.history.items[*]' as json[])) as change from vendure_orders
)
select order_id, replace(replace(change->>'$.type', 'ORDER_', ''), '_TRANSITION', '') as what,
    coalesce(change->>'$.data.paymentId', change->>'$.data.refundId', change->>'$.data.fulfillmentId') as id,
    change->>'$.data.to' as state, min(change->>'$.createdAt') as changed_at
from changes
group by all;

create or replace temp table vendure_shipped as
with shipments as (
    select o.order_id, o.line_no, o.has_history, unnest(cast(record->'$.fulfillments[*]' as json[])) as shipment
    from vendure_orders as o
),
left_at as (
    select s.*, coalesce(c.changed_at, case when has_history and (shipment->>'$.state') in ('Shipped', 'Delivered')
        then shipment->>'$.updatedAt' end) as shipped_at
    from shipments as s
    left join (
        select order_id, id, min(changed_at) as changed_at from vendure_changes
        where what = 'FULFILLMENT' and state in ('Shipped', 'Delivered') group by all
    ) as c on c.order_id = s.order_id and c.id = (shipment->>'$.id')
)
select order_id, line_no, shipment->>'$.id' as shipment_id, shipment->>'$.state' as state, shipped_at,
    unnest(cast(shipment->'$.lines[*]' as json[])) as line
from left_at where shipped_at is not null or (shipment->>'$.state') in ('Shipped', 'Delivered');

-- What was cancelled after it left counts again: `ordered` units, and their worth without what the line was discounted.
create or replace temp table vendure_lines as
with lines as (
    select order_id, line_no, currency, unit, least_unit, prices_include_tax,
        unnest(cast(record->'$.lines[*]' as json[])) as line, generate_subscripts(cast(record->'$.lines[*]' as json[]), 1) as n
    from vendure_orders
),
left_units as (
    select order_id, line->>'$.orderLineId' as line_id, sum(whole_of(line->>'$.quantity')) as quantity
    from vendure_shipped where state <> 'Cancelled' group by all
),
counted as (
    select l.*, line->>'$.id' as line_id, line->>'$.productVariant.sku' as sku, whole_of(line->>'$.quantity') as quantity,
        greatest(whole_of(line->>'$.quantity'), coalesce(s.quantity, 0)) as ordered,
        whole_of(line->>'$.proratedUnitPrice') as net_unit, whole_of(line->>'$.proratedUnitPriceWithTax') as gross_unit,
        whole_of(line->>'$.proratedLinePrice') as net, whole_of(line->>'$.proratedLinePriceWithTax') as gross,
        1000000 + cast(cast(line->>'$.taxRate' as decimal(9, 4)) * 10000 as hugeint) as with_tax
    from lines as l
    left join left_units as s on s.order_id = l.order_id and s.line_id = (line->>'$.id')
),
worth as (
    select *,
        case when ordered = quantity then gross when prices_include_tax then gross_unit * ordered
            else divided(net_unit * ordered * with_tax, 1000000) end as ordered_gross
    from counted
)
select *,
    case when ordered = quantity then net when prices_include_tax then divided(ordered_gross * 1000000, with_tax)
        else net_unit * ordered end as ordered_net
from worth;

-- What was ever settled, and the refunds of it that were.
create or replace temp table vendure_payments as
with payments as (
    select o.*, unnest(cast(record->'$.payments[*]' as json[])) as payment from vendure_orders as o
)
select p.*, payment->>'$.id' as payment_id, payment->>'$.state' as state,
    coalesce(s.changed_at, case when has_history then payment->>'$.updatedAt' end) as settled_at,
    coalesce(c.changed_at, payment->>'$.updatedAt') as cancelled_at
from payments as p
left join vendure_changes as s
    on s.order_id = p.order_id and s.id = (payment->>'$.id') and s.what = 'PAYMENT' and s.state = 'Settled'
left join vendure_changes as c
    on c.order_id = p.order_id and c.id = (payment->>'$.id') and c.what = 'PAYMENT' and c.state = 'Cancelled'
where s.changed_at is not null or (payment->>'$.state') = 'Settled';

create or replace temp table vendure_refunds as
with refunds as (
    select *, unnest(cast(payment->'$.refunds[*]' as json[])) as refund from vendure_payments
)
select r.* exclude (payment, payment_id, state, settled_at, cancelled_at), refund->>'$.id' as refund_id,
    coalesce(c.changed_at, case when has_history then refund->>'$.updatedAt' end) as settled_at
from refunds as r
left join vendure_changes as c
    on c.order_id = r.order_id and c.id = (refund->>'$.id') and c.what = 'REFUND' and c.state = 'Settled'
where (refund->>'$.state') = 'Settled';

create or replace temp table staged_payments as
with moved as (
    select order_id, line_no, currency, unit, least_unit, 'payment/' || payment_id as payment_id, 'charge' as kind,
        payment->>'$.method' as source_type, settled_at as moved_at, payment->>'$.amount' as amount, 1 as sign
    from vendure_payments
    union all
    select order_id, line_no, currency, unit, least_unit, 'payment/' || payment_id || '/cancelled', 'refund', state,
        cancelled_at, payment->>'$.amount', -1
    from vendure_payments where state = 'Cancelled'
    union all
    select order_id, line_no, currency, unit, least_unit, 'refund/' || refund_id, 'refund', refund->>'$.method',
        settled_at, refund->>'$.total', -1
    from vendure_refunds
)
select
    $channel as channel,
    payment_id,
    $account as account,
    kind,
    source_type,
    order_id,
    instant_of(moved_at) as paid_at, moved_at as paid_at__raw,
    local_day_of(instant_of(moved_at), $time_zone) as business_date,
    currency,
    cast(sign * vendure_money(amount, unit, least_unit) as decimal(18, 4)) as gross_amount, amount as gross_amount__raw,
    cast(0 as decimal(18, 4)) as fee_amount,
    cast(sign * vendure_money(amount, unit, least_unit) as decimal(18, 4)) as net_amount, amount as net_amount__raw,
    cast(null as decimal(18, 4)) as presentment_amount,
    cast(null as varchar) as presentment_currency,
    cast(null as varchar) as payout_id,
    cast(null as date) as payout_date,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from moved;

-- An order is worth what it was before something that had left was cancelled, where that is what was paid for it. Shipping that
-- was cancelled then is part of it where only so the sums agree. Where they never do, nothing says how much tax is in it.
create or replace temp table staged_orders as
with sums as (
    select order_id, sum(ordered_gross - gross) as gross, sum(ordered_gross - ordered_net - gross + net) as tax,
        bool_or(ordered > quantity) as is_restored
    from vendure_lines group by all
),
paid as (
    select order_id, sum(whole_of(payment->>'$.amount')) as paid from vendure_payments
    where state <> 'Cancelled' group by all
),
told as (
    select o.*, coalesce(s.is_restored, false) as is_restored, coalesce(s.gross, 0) as more, coalesce(s.tax, 0) as more_tax,
        whole_of(record->>'$.totalWithTax') as total, whole_of(record->>'$.shippingWithTax') as shipping,
        whole_sum_of(record->>'$.taxSummary[*].taxTotal') as tax,
        whole_sum_of(record->>'$.shippingLines[*].priceWithTax') - whole_of(record->>'$.shippingWithTax') as more_shipping,
        whole_sum_of(record->>'$.shippingLines[*].price') - whole_of(record->>'$.shipping') as more_shipping_net,
        p.paid
    from vendure_orders as o
    left join sums as s using (order_id)
    left join paid as p using (order_id)
),
restored as (
    select *,
        case when not is_restored then 0 when total + more = paid then more
            when total + more + more_shipping = paid then more + more_shipping end as more_total,
        case when is_restored and total + more <> paid and total + more + more_shipping = paid then more_shipping else 0 end
            as shipping_again,
        case when not is_restored then tax when total + more = paid then tax + more_tax
            when total + more + more_shipping = paid then tax + more_tax + more_shipping - more_shipping_net end as whole_tax
    from told
)
select
    $channel as channel,
    order_id,
    ordered_at, record->>'$.orderPlacedAt' as ordered_at__raw,
    local_day_of(ordered_at, $time_zone) as business_date,
    record->>'$.state' as status,
    left(sha256($channel || '|' || (record->>'$.customer.id')), 16) as customer_id,
    nullif(upper(record->>'$.shippingAddress.countryCode'), '') as destination_country,
    cast(null as varchar) as tax_owed_by,
    cast(null as varchar) as location_id,
    currency,
    vendure_money(cast(total + coalesce(more_total, 0) as varchar), unit, least_unit) as total_amount,
    record->>'$.totalWithTax' as total_amount__raw,
    vendure_money(cast(whole_tax as varchar), unit, least_unit) as tax_amount, cast(whole_tax as varchar) as tax_amount__raw,
    vendure_money(cast(shipping + shipping_again as varchar), unit, least_unit) as shipping_amount,
    record->>'$.shippingWithTax' as shipping_amount__raw,
    -- A discount is negative there.
    vendure_money(cast(-whole_sum_of(record->>'$.discounts[*].amountWithTax') as varchar), unit, least_unit) as discount_amount,
    cast(record->'$.discounts' as varchar) as discount_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from restored;

create or replace temp table staged_order_lines as
with surcharges as (
    select *, json_array_length(record, '$.lines') as line_count, unnest(cast(record->'$.surcharges[*]' as json[])) as surcharge,
        generate_subscripts(cast(record->'$.surcharges[*]' as json[]), 1) as n
    from vendure_orders
),
parts as (
    select order_id, line_no, currency, unit, least_unit, n, sku, line->>'$.productVariant.name' as title, ordered,
        line->>'$.unitPriceWithTax' as price, ordered_gross as gross, ordered_gross - ordered_net as tax
    from vendure_lines
    union all
    select order_id, line_no, currency, unit, least_unit, line_count + n, null, surcharge->>'$.description', 1,
        surcharge->>'$.priceWithTax', whole_of(surcharge->>'$.priceWithTax'),
        whole_of(surcharge->>'$.priceWithTax') - whole_of(surcharge->>'$.price')
    from surcharges
)
select
    $channel as channel,
    order_id,
    n as order_line_no,
    sku,
    title,
    cast(ordered as decimal(18, 6)) as quantity,
    currency,
    minor_of(price, unit) as unit_price, price as unit_price__raw,
    vendure_money(cast(ordered * whole_of(price) - gross as varchar), unit, least_unit) as discount_amount,
    cast(gross as varchar) as discount_amount__raw,
    vendure_money(cast(tax as varchar), unit, least_unit) as tax_amount, cast(tax as varchar) as tax_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from parts;

-- A refund names units of lines; what it gave back beside their worth (shipping, goodwill) is a row without goods. Where it gave
-- less than they are worth nothing says for what (a fee was kept, or several payments gave their part of it): one row without goods.
-- Whether goods came back is the ERP's to tell: a refund does not say it.
create or replace temp table staged_returns as
with named as (
    select *, unnest(cast(refund->'$.lines[*]' as json[])) as refunded from vendure_refunds
),
goods as (
    select n.refund_id, n.order_id, l.line_id, l.sku, whole_of(refunded->>'$.quantity') as quantity,
        whole_of(refunded->>'$.quantity') * l.gross_unit as gross,
        whole_of(refunded->>'$.quantity') * (l.gross_unit - l.net_unit) as tax
    from named as n
    left join vendure_lines as l on l.order_id = n.order_id and l.line_id = (refunded->>'$.orderLineId')
),
worth as (
    select r.*, whole_of(refund->>'$.total') as total, coalesce(g.gross, 0) as gross,
        coalesce(g.gross, 0) <= whole_of(refund->>'$.total') as is_told
    from vendure_refunds as r
    left join (
        select order_id, refund_id, sum(gross) as gross from goods group by all
    ) as g on g.order_id = r.order_id and g.refund_id = r.refund_id
),
parts as (
    select w.*, g.line_id, g.sku, g.quantity, g.gross as amount, g.tax
    from worth as w
    join goods as g on g.order_id = w.order_id and g.refund_id = w.refund_id
    where is_told and quantity > 0
    union all
    select *, null, null, 0, case when is_told then total - gross else total end,
        case when total - gross <> whole_of(refund->>'$.shipping') then null
            when (record->>'$.shippingWithTax') = (record->>'$.shipping') then 0
            when (refund->>'$.shipping') = (record->>'$.shippingWithTax')
                then whole_of(record->>'$.shippingWithTax') - whole_of(record->>'$.shipping') end
    from worth where not is_told or total > gross
)
select
    $channel as channel,
    concat_ws('/', refund_id, line_id) as return_id,
    p.order_id,
    instant_of(settled_at) as returned_at, settled_at as returned_at__raw,
    local_day_of(instant_of(settled_at), $time_zone) as business_date,
    cast(null as varchar) as location_id,
    sku,
    cast(quantity as decimal(18, 6)) as quantity,
    'none' as disposition,
    p.currency,
    vendure_money(cast(amount as varchar), p.unit, p.least_unit) as refund_amount, refund->>'$.total' as refund_amount__raw,
    vendure_money(cast(case when o.tax_amount = 0 then 0 else tax end as varchar), p.unit, p.least_unit) as tax_amount,
    cast(tax as varchar) as tax_amount__raw,
    p.line_no,
    $source as source,
    $delivery_id as delivery_id
from parts as p
join staged_orders as o using (order_id);

-- One that was cancelled after it left has no units any more.
create or replace temp table staged_fulfilments as
select
    $channel as channel,
    shipment_id || '/' || l.line_id as fulfilment_id,
    s.order_id,
    instant_of(shipped_at) as shipped_at, shipped_at as shipped_at__raw,
    local_day_of(instant_of(shipped_at), $time_zone) as business_date,
    nullif(cast($location as varchar), '') as location_id,
    l.sku,
    case when state = 'Cancelled' then 0 else quantity_of(s.line->>'$.quantity') end as quantity,
    s.line->>'$.quantity' as quantity__raw,
    s.line_no,
    $source as source,
    $delivery_id as delivery_id
from vendure_shipped as s
join vendure_lines as l on l.order_id = s.order_id and l.line_id = (s.line->>'$.orderLineId');

-- object: stock
-- What Vendure would sell of an article: on hand less allocated at all its places, less what it keeps back. One that is not
-- enabled is not offered. One whose stock is not tracked is offered without end, and has no row.
create or replace temp table staged_listings as
with variants as (
    select line_no, record, cast(record->'$.stockLevels[*]' as json[]) as levels,
        case when (record->>'$.useGlobalOutOfStockThreshold') = 'true' then s.threshold
            else quantity_of(record->>'$.outOfStockThreshold') end as kept_back,
        coalesce((record->>'$.enabled') = 'true' and (record->>'$.product.enabled') = 'true', false) as is_offered
    from records
    cross join vendure_shop as s
    where part = '' and ((record->>'$.trackInventory') = 'TRUE' or (record->>'$.trackInventory') = 'INHERIT' and s.is_tracked)
    qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1
),
free as (
    select *, coalesce(list_sum(list_transform(levels, lambda x:
        quantity_of(x->>'$.stockOnHand') - quantity_of(x->>'$.stockAllocated'))), 0) - kept_back as quantity
    from variants
)
select
    $channel as channel,
    record->>'$.sku' as channel_sku,
    nullif(record->>'$.sku', '') as sku,
    cast($pulled_at as timestamptz) as listed_at,
    local_day_of(cast($pulled_at as timestamptz), $time_zone) as business_date,
    cast(case when is_offered then greatest(quantity, 0) else 0 end as decimal(18, 6)) as listed_quantity,
    cast(levels as varchar) as listed_quantity__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from free;
