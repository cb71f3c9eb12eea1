-- Every line item, numbered within its order as the export lists them; the currency stands on the order's first row. A second
-- order of the same name numbers its lines anew: they are rejected with it.
create or replace temp table staged_order_lines as
with items as (
    select
        *,
        first_value(currency) over (partition by name order by line_no) as order_currency,
        count(*) filter (created_at <> '') over (partition by name order by line_no) as head_no
    from cells
)
select
    $channel as channel,
    name as order_id,
    row_number() over (partition by name, head_no order by line_no) as order_line_no,
    nullif(lineitem_sku, '') as sku,
    nullif(lineitem_name, '') as title,
    case when regexp_full_match(lineitem_quantity, '-?\d{1,9}') then cast(lineitem_quantity as decimal(18, 6)) end as quantity,
    lineitem_quantity as quantity__raw,
    order_currency as currency,
    case when regexp_full_match(lineitem_price, '-?\d{1,13}(\.\d{1,4})?') then cast(lineitem_price as decimal(18, 4)) end as unit_price,
    lineitem_price as unit_price__raw,
    amount_of(lineitem_discount, unit) as discount_amount, lineitem_discount as discount_amount__raw,
    cast(null as decimal(18, 4)) as tax_amount,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from items
left join currency_units as u on u.currency = order_currency
where lineitem_quantity <> '' or lineitem_name <> '' or lineitem_price <> ''
