-- Every booked entry, typed, with its identity; x__raw keeps the text that x was read from.
create or replace temp table staged_bank_transactions as
with typed as (
    select
        line_no, account, reference, currency, bank_id,
        iso_day_of(value_date) as value_date, value_date as value_date__raw,
        amount_of(amount, unit) as amount, amount as amount__raw
    from movements
    left join currency_units using (currency)
),
named as (
    select *,
        -- Without an id, what the entry says: each text with its length, or one that holds the separator would pass for two.
        case when bank_id <> '' then concat_ws(' ', bank_id, value_date__raw, coalesce(cast(amount as varchar), amount__raw))
            else 'content-' || left(sha256(concat_ws('|', value_date__raw, coalesce(cast(amount as varchar), amount__raw), currency,
                length(reference) || ':' || reference)), 20)
        end as name
    from typed
),
numbered as (
    select *, row_number() over (partition by account, currency, name order by line_no) as nth from named
)
select
    name || case when nth > 1 then ' #' || nth else '' end as transaction_id,
    account,
    value_date, value_date__raw,
    amount, amount__raw,
    currency,
    reference,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from numbered
