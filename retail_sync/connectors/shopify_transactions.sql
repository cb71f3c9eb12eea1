-- Every movement, typed; x__raw keeps the text that x was read from. The export has no id: a row is identified by what does
-- not change when it is paid out (instant, type, order, checkout, money) and, among equal ones, by their order of payout.
create or replace temp table staged_payments as
with typed as (
    select
        *,
        cast(try_strptime(transaction_date, $instant_format) as timestamptz) as paid_at,
        trim(regexp_replace(lower(type), '[^a-z0-9]+', '_', 'g'), '_') as word,
        amount_of(amount, u.unit) as gross_amount,
        amount_of(fee, u.unit) as fee_amount,
        amount_of(net, u.unit) as net_amount,
        amount_of(presentment_amount, p.unit) as presentment_value,
        nullif(payout_id, '') as paid_in
    from cells
    left join currency_units as u on u.currency = cells.currency
    left join currency_units as p on p.currency = cells.presentment_currency
),
identified as (
    select *, concat_ws('|', epoch_us(paid_at), word, "order", checkout, gross_amount, fee_amount, currency) as content
    from typed
)
select
    $channel as channel,
    'content-' || left(sha256(content), 20) || '-' || row_number() over (
        partition by content order by paid_in is null, length(paid_in), paid_in, line_no
    ) as payment_id,
    $account as account,
    payment_kind_of(word) as kind,
    type as source_type,
    nullif("order", '') as order_id,
    paid_at, transaction_date as paid_at__raw,
    cast(timezone($time_zone, paid_at) as date) as business_date,
    currency,
    gross_amount, amount as gross_amount__raw,
    fee_amount, fee as fee_amount__raw,
    net_amount, net as net_amount__raw,
    -- The export shows what the customer saw without a sign.
    case when gross_amount < 0 then -abs(presentment_value) else presentment_value end as presentment_amount,
    presentment_amount as presentment_amount__raw,
    nullif(presentment_currency, '') as presentment_currency,
    paid_in as payout_id,
    case when paid_in is not null then cast(try_strptime(payout_date, $day_format) as date) end as payout_date,
    case when paid_in is not null then payout_date end as payout_date__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from identified
