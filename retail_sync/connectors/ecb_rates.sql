-- Both directions of every rate: as the ECB says it, and its inverse, half away from zero at the 12 decimals of the table. Of a
-- rate like 17163.42 rupiah that leaves eight digits, one more than the ECB has said.
create or replace temp table staged_fx_rates as
with typed as (
    select line_no, currency, rate as text, day,
        cast(coalesce(
            case when regexp_full_match(day, '\d{4}-\d\d-\d\d') then try_strptime(day, '%Y-%m-%d') end,
            case when regexp_full_match(day, '\d{1,2} [A-Z][a-z]+ \d{4}') then try_strptime(day, '%d %B %Y') end
        ) as date) as rate_date,
        case when regexp_full_match(rate, '\d{1,8}(\.\d{1,8})?') then cast(rate as decimal(20, 12)) end as rate
    from ecb_rates
),
directions as (
    select 2 * line_no - 1 as line_no, day, rate_date, 'EUR' as from_currency, currency as to_currency, rate, text from typed
    union all
    -- Divided in whole numbers: 10^24 / (rate × 10^12), and one half added, is the inverse × 10^12.
    select 2 * line_no, day, rate_date, currency, 'EUR',
        case when rate > 0 then
            cast((2 * cast('1000000000000000000000000' as hugeint) + units) // (2 * units) as decimal(38, 0)) * 0.000000000001
        end,
        text
    from (select *, cast(rate * 1000000000000 as hugeint) as units from typed)
)
select
    rate_date, day as rate_date__raw,
    from_currency, to_currency,
    cast(rate as decimal(20, 12)) as rate, text as rate__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from directions
