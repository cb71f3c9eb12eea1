-- Every listed payout, typed; x__raw keeps the text that x was read from. An empty part is none of that kind.
create or replace temp table staged_payouts as
with typed as (
    select
        line_no,
        cast(try_strptime(payout_date, $day_format) as date) as payout_date, payout_date as payout_date__raw,
        currency,
        nullif(payout_id, '') as payout_id,
        replace(trim(regexp_replace(lower(status), '[^a-z]+', '_', 'g'), '_'), 'cancelled', 'canceled') as status,
        status as status__raw,
        amount_of(coalesce(nullif(charges, ''), '0'), unit) as charges_amount, charges as charges_amount__raw,
        amount_of(coalesce(nullif(refunds, ''), '0'), unit) as refunds_amount, refunds as refunds_amount__raw,
        amount_of(coalesce(nullif(adjustments, ''), '0'), unit) as adjustments_amount, adjustments as adjustments_amount__raw,
        amount_of(coalesce(nullif(reserved_funds, ''), '0'), unit) as reserved_amount, reserved_funds as reserved_amount__raw,
        amount_of(coalesce(nullif(fees, ''), '0'), unit) as fees, fees as fees_amount__raw,
        amount_of(coalesce(nullif(retried_amount, ''), '0'), unit) as retried_amount, retried_amount as retried_amount__raw,
        amount_of(coalesce(nullif(marketplace_sales_tax, ''), '0'), unit) as tax,
        amount_of(coalesce(nullif(advances, ''), '0'), unit) as advances,
        concat_ws(' and ', nullif(marketplace_sales_tax, ''), nullif(advances, '')) as other_amount__raw,
        amount_of(total, unit) as total_amount, total as total_amount__raw
    from cells
    left join currency_units using (currency)
),
summed as (
    select *,
        cast(tax + advances as decimal(18, 4)) as other_amount,
        charges_amount + refunds_amount + adjustments_amount + reserved_amount + retried_amount + tax + advances as before_fees
    from typed
),
signed as (
    select *, cast(case when before_fees - fees = total_amount then -fees else fees end as decimal(18, 4)) as fees_amount
    from summed
)
select
    $channel as channel,
    $account as account,
    payout_date, payout_date__raw,
    currency,
    row_number() over (partition by payout_date, currency order by line_no) as payout_no,
    payout_id,
    cast(null as varchar) as bank_reference,
    status, status__raw,
    charges_amount, charges_amount__raw,
    refunds_amount, refunds_amount__raw,
    adjustments_amount, adjustments_amount__raw,
    reserved_amount, reserved_amount__raw,
    fees_amount, fees_amount__raw,
    retried_amount, retried_amount__raw,
    other_amount, other_amount__raw,
    total_amount, total_amount__raw,
    cast(before_fees + fees_amount as decimal(18, 4)) as parts_amount,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from signed
