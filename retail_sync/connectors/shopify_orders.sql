-- Every order, from the row that holds its own cells: the first of its name, and any other that says when it was created.
create or replace temp table staged_orders as
with heads as (
    select * from cells
    qualify created_at <> '' or row_number() over (partition by name order by line_no) = 1
)
select
    $channel as channel,
    name as order_id,
    cast(try_strptime(created_at, $instant_format) as timestamptz) as ordered_at, created_at as ordered_at__raw,
    cast(timezone($time_zone, try_strptime(created_at, $instant_format)) as date) as business_date,
    case when cancelled_at <> '' or canceled_at <> '' then 'cancelled' else financial_status end as status,
    -- The same person has the same pseudonym in every export of this source; nobody can read who it is.
    case when email <> '' then left(sha256($source || '|' || lower(email)), 16) end as customer_id,
    nullif(upper(shipping_country), '') as destination_country,
    cast(null as varchar) as tax_owed_by,
    nullif(location, '') as location_id,
    currency,
    amount_of(total, unit) as total_amount, total as total_amount__raw,
    amount_of(taxes, unit) as tax_amount, taxes as tax_amount__raw,
    amount_of(shipping, unit) as shipping_amount, shipping as shipping_amount__raw,
    amount_of(discount_amount, unit) as discount_amount, discount_amount as discount_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from heads
left join currency_units using (currency)
