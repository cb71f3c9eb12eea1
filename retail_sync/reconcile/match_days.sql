-- Every day that an item of this reconciliation may have, with the number of banking days up to it.
create or replace temp table business_days as
with reach as (
    select min(item_date) as first_day, max(item_date) as last_day
    from (select item_date from match_left union all select item_date from match_right)
),
days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day from reach where first_day is not null
)
select day, count(*) filter (isodow(day) < 6 and day not in (select day from bank_holidays))
    over (order by day rows unbounded preceding) as number
from days
