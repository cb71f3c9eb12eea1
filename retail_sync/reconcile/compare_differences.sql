-- Each difference once, with its class and its value (right - left) in the currency of that value. A pair that differs in
-- several things has a row for each; together they are what the amounts differ by. What the evidence does not tell apart is
-- undetermined, with what it could be.
create or replace temp table compare_differences as
with parts as (
    select *,
        cast(left_amount - left_tax - left_fee as decimal(38, 6)) as left_goods,
        cast(right_amount - right_tax - right_fee as decimal(38, 6)) as right_goods,
        left_count is not null and right_count is not null as is_pair
    from compare_pairs
),
judged as (
    select *,
        case
            when is_mixed then 'mixed'
            when left_count is null then 'missing_left'
            when right_count is null then 'missing_right'
            when left_currency <> right_currency then 'currency'
            when greatest(left_count, right_count) > 1 and left_count <> right_count and is_even
                and right_amount * left_count = left_amount * right_count
                and right_quantity * left_count = left_quantity * right_count and left_amount <> right_amount then 'duplicate'
            when left_amount <> 0 and right_amount = -left_amount and right_tax = -left_tax and right_fee = -left_fee
                then 'reversed_sign'
            else 'parts'
        end as story
    from parts
),
whole as (
    select key, story as kind, '' as candidates, coalesce(left_date, right_date) as day, coalesce(left_currency, right_currency) as currency,
        case story when 'missing_left' then right_amount when 'missing_right' then -left_amount
            else right_amount - left_amount end as amount
    from judged where story in ('missing_left', 'missing_right', 'duplicate', 'reversed_sign')
    union all
    -- Money of two currencies has no difference: each side stands alone in its own.
    select key, 'currency', left_currency || ' or ' || right_currency, left_date, left_currency, -left_amount
    from judged where story = 'currency'
    union all
    select key, 'currency', left_currency || ' or ' || right_currency, right_date, right_currency, right_amount
    from judged where story = 'currency'
),
mixed as (
    -- Several currencies under one key: nothing can be said but that, with what each day has too much or too little in each.
    select i.key, 'undetermined' as kind, 'currency or duplicate' as candidates, i.item_date as day, i.currency,
        sum(i.amount) as amount
    from (
        select key, item_date, currency, -amount as amount from compare_left
        union all
        select key, item_date, currency, amount from compare_right
    ) as i
    where i.key in (select key from judged where story = 'mixed')
    group by i.key, i.currency, i.item_date
    having sum(i.amount) <> 0
),
tax as (
    select key, 'tax' as kind, '' as candidates, left_date as day, left_currency as currency, right_tax - left_tax as amount
    from judged where story = 'parts' and right_tax <> left_tax
),
fee as (
    select key, 'fee', '', left_date, left_currency, right_fee - left_fee
    from judged where story = 'parts' and right_fee <> left_fee
),
goods as (
    select key,
        case
            when left_quantity = right_quantity and left_quantity <> 0 then 'price'
            when left_quantity is not distinct from right_quantity then 'amount'
            when left_quantity * pack_quantity = right_quantity or right_quantity * pack_quantity = left_quantity
                then 'unit_of_measure'
            when right_goods * left_quantity = left_goods * right_quantity then 'quantity'
            -- The goods cost the same: nothing but their number differs.
            when right_goods = left_goods then 'quantity'
            else 'undetermined'
        end as kind,
        case when left_quantity <> right_quantity then 'quantity or price' else '' end as candidates,
        left_date as day, left_currency as currency, right_goods - left_goods as amount
    from judged
    where story = 'parts' and (right_goods <> left_goods or left_quantity <> right_quantity)
),
timing as (
    -- The same money on another day: in another month it is in the wrong books.
    select key,
        case when date_trunc('month', left_date) = date_trunc('month', right_date) then 'timing' else 'wrong_period' end as kind,
        right_date || '' as candidates, left_date as day, left_currency as currency, cast(0 as decimal(38, 6)) as amount
    from judged
    where story in ('parts', 'duplicate', 'reversed_sign') and left_date <> right_date
)
select key, kind, case kind when 'undetermined' then candidates when 'currency' then candidates
        when 'timing' then candidates when 'wrong_period' then candidates else '' end as candidates,
    day, currency, cast(amount as decimal(18, 4)) as amount
from (
    select * from whole union all select * from mixed union all select * from tax union all select * from fee
    union all select * from goods union all select * from timing
)
