-- Vendure's lists as canonical rows. Money is an integer in minor units. Of a record that came twice the newest counts.

-- object: orders
create or replace temp table vendure_orders as
select line_no, record, record->>'$.code' as order_id, instant_of(record->>'$.orderPlacedAt') as ordered_at,
    record->>'$.currencyCode' as currency, unit
from records
left join currency_units as u on u.currency = (record->>'$.currencyCode')
qualify row_number() over (partition by record->>'$.id' order by instant_of(record->>'$.updatedAt') desc, line_no desc) = 1;

create or replace temp table staged_orders as
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
    minor_of(record->>'$.totalWithTax', unit) as total_amount, record->>'$.totalWithTax' as total_amount__raw,
    minor_sum_of(record->>'$.taxSummary[*].taxTotal', unit) as tax_amount,
    cast(record->'$.taxSummary' as varchar) as tax_amount__raw,
    minor_of(record->>'$.shippingWithTax', unit) as shipping_amount, record->>'$.shippingWithTax' as shipping_amount__raw,
    -- A discount is negative there.
    -minor_sum_of(record->>'$.discounts[*].amountWithTax', unit) as discount_amount,
    cast(record->'$.discounts' as varchar) as discount_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from vendure_orders;

create or replace temp table staged_order_lines as
with lines as (
    select *, unnest(cast(record->'$.lines[*]' as json[])) as line, generate_subscripts(cast(record->'$.lines[*]' as json[]), 1) as n
    from vendure_orders
)
select
    $channel as channel,
    order_id,
    n as order_line_no,
    line->>'$.productVariant.sku' as sku,
    line->>'$.productVariant.name' as title,
    quantity_of(line->>'$.quantity') as quantity, line->>'$.quantity' as quantity__raw,
    currency,
    minor_of(line->>'$.unitPriceWithTax', unit) as unit_price, line->>'$.unitPriceWithTax' as unit_price__raw,
    cast(quantity_of(line->>'$.quantity') * minor_of(line->>'$.unitPriceWithTax', unit)
        - minor_of(line->>'$.proratedLinePriceWithTax', unit) as decimal(18, 4)) as discount_amount,
    line->>'$.proratedLinePriceWithTax' as discount_amount__raw,
    minor_of(line->>'$.lineTax', unit) as tax_amount, line->>'$.lineTax' as tax_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from lines
