-- A declared bank statement, typed; x__raw keeps the text that x was read from. Without an id of the bank's own, a line is
-- identified by its content and by how often that content occurred before it in the file, so that overlapping exports
-- agree and two equal payments on one day stay two.
create or replace temp table staged_bank_transactions as
with typed as (
    select
        line_no,
        coalesce(nullif(account, ''), $account) as account,
        cast(try_strptime(value_date, $date_format) as date) as value_date,
        value_date as value_date__raw,
        case when regexp_full_match(
                amount,
                '-?(\d{1,13}|\d{1,3}(' || case $decimal_mark when ',' then '\.' else ',' end || '\d{3}){1,4})(\'
                    || $decimal_mark || '\d{1,4})?'
            )
            then cast(replace(replace(amount, $thousands_mark, ''), $decimal_mark, '.') as decimal(18, 4))
        end as amount_value,
        amount as amount__raw,
        currency,
        reference,
        transaction_id
    from fields
    where bad_line is null
)
select
    case when transaction_id <> '' then transaction_id
        else 'content-' || left(sha256(concat_ws('|', account, value_date__raw, amount__raw, currency, reference)), 20)
            || '-' || row_number() over (
                partition by account, value_date__raw, amount__raw, currency, reference order by line_no
            )
    end as transaction_id,
    account, value_date, value_date__raw,
    -- More decimals than the currency has (1.005 EUR, 100.5 JPY) is no amount of money; zeros after them lose nothing.
    case when amount_value % coalesce(unit, 0.0001) = 0 then amount_value end as amount,
    amount__raw, currency, reference, line_no,
    $source as source,
    $delivery_id as delivery_id
from typed
left join currency_units using (currency)
