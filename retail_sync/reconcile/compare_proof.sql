-- By day and currency: what each side sums to, from the sides alone, and what the differences sum to. `moved_amount` is what
-- stands on another day on the right than on the left. right - left = differences + moved, to the cent, or the rest says how much.
create or replace temp table compare_proof as
with sides as (
    select item_date as day, currency, count(*) as left_count, sum(amount) as left_total, 0 as right_count,
        cast(0 as decimal(38, 4)) as right_total
    from compare_left group by all
    union all
    select item_date, currency, 0, 0, count(*), sum(amount) from compare_right group by all
),
told as (
    select day, currency, sum(amount) as told, count(*) as difference_count from compare_differences group by all
),
moved as (
    select day, currency, sum(amount) as moved
    from (
        -- A pair's differences are told on the day of its left side: its right amount is taken there.
        select left_date as day, left_currency as currency, -right_amount as amount
        from compare_pairs where left_date <> right_date and left_currency = right_currency and not is_mixed
        union all
        select right_date, right_currency, right_amount
        from compare_pairs where left_date <> right_date and left_currency = right_currency and not is_mixed
    )
    group by all
),
-- Under a repeated key the rows may have several days: sums are told on the first.
summed as (
    select key from compare_repeated where key not in (select key from compare_pairs where is_mixed)
),
spread as (
    select day, currency, sum(amount) as spread
    from (
        select i.item_date as day, i.currency, i.amount from compare_right as i semi join summed using (key)
        union all
        select min(item_date), currency, -sum(amount) from compare_right as i semi join summed using (key)
        group by key, currency
        union all
        select i.item_date, i.currency, -i.amount from compare_left as i semi join summed using (key)
        union all
        select min(item_date), currency, sum(amount) from compare_left as i semi join summed using (key)
        group by key, currency
    )
    group by all
),
days as (
    select day, currency from sides union select day, currency from told union select day, currency from moved
)
select d.day, d.currency,
    cast(coalesce(sum(s.left_count), 0) as bigint) as left_count,
    cast(coalesce(sum(s.right_count), 0) as bigint) as right_count,
    cast(coalesce(sum(s.left_total), 0) as decimal(18, 4)) as left_total,
    cast(coalesce(sum(s.right_total), 0) as decimal(18, 4)) as right_total,
    cast(coalesce(any_value(t.told), 0) as decimal(18, 4)) as difference_total,
    coalesce(any_value(t.difference_count), 0) as difference_count,
    cast(coalesce(any_value(m.moved), 0) + coalesce(any_value(p.spread), 0) as decimal(18, 4)) as moved_total,
    cast(coalesce(sum(s.right_total), 0) - coalesce(sum(s.left_total), 0) - coalesce(any_value(t.told), 0)
        - coalesce(any_value(m.moved), 0) - coalesce(any_value(p.spread), 0) as decimal(18, 4)) as unexplained
from days as d
left join sides as s using (day, currency)
left join told as t using (day, currency)
left join moved as m using (day, currency)
left join spread as p using (day, currency)
group by d.day, d.currency
