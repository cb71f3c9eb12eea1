-- The one line of the document that states its period and total, typed; x__raw keeps the text that x was read from.
create or replace temp table staged_settlements as
select
    line_no,
    settlement_id,
    'amazon' as channel,
    $account as account,
    currency,
    cast(try_strptime(period_start, $instant_format) as timestamptz) as period_start_at,
    period_start as period_start_at__raw,
    cast(try_strptime(period_end, $instant_format) as timestamptz) as period_end_at,
    period_end as period_end_at__raw,
    cast(timezone($time_zone, cast(try_strptime(period_end, $instant_format) as timestamptz)) as date) as closing_date,
    cast(timezone($time_zone, cast(try_strptime(deposit, $instant_format) as timestamptz)) as date) as deposit_date,
    deposit as deposit_date__raw,
    case when regexp_full_match(total, $amount_pattern)
        then cast(replace(replace(total, $thousands_mark, ''), $decimal_mark, '.') as decimal(18, 4))
    end as total_amount,
    total as total_amount__raw,
    $source as source,
    $delivery_id as delivery_id
from fields
where bad_line is null and coalesce(total, '') <> ''
