-- Left and right of every key that differs in anything. What agrees in all is counted in compare_totals and not kept.
create or replace temp table compare_pairs as
with grouped as (
    select side, key, count(*) as row_count, min(item_date) as item_date, min(currency) as currency,
        min(currency) <> max(currency) as is_mixed, min(amount) = max(amount) as is_even,
        sum(quantity) as quantity, sum(amount) as amount, sum(tax) as tax, sum(fee) as fee, min(pack_quantity) as pack_quantity
    from (
        select 'left' as side, * from compare_left semi join compare_repeated using (key)
        union all by name
        select 'right' as side, * from compare_right semi join compare_repeated using (key)
    )
    group by side, key
),
repeated as (
    select
        k.key,
        l.row_count as left_count, r.row_count as right_count,
        l.item_date as left_date, r.item_date as right_date,
        l.currency as left_currency, r.currency as right_currency,
        l.quantity as left_quantity, r.quantity as right_quantity,
        l.amount as left_amount, r.amount as right_amount,
        l.tax as left_tax, r.tax as right_tax,
        l.fee as left_fee, r.fee as right_fee,
        coalesce(l.pack_quantity, r.pack_quantity) as pack_quantity,
        coalesce(l.is_even, true) and coalesce(r.is_even, true) as is_even,
        coalesce(l.is_mixed, false) or coalesce(r.is_mixed, false) as is_mixed
    from compare_repeated as k
    left join grouped as l on l.key = k.key and l.side = 'left'
    left join grouped as r on r.key = k.key and r.side = 'right'
),
single as (
    select
        coalesce(l.key, r.key) as key,
        case when l.key is not null then 1 end as left_count, case when r.key is not null then 1 end as right_count,
        l.item_date as left_date, r.item_date as right_date,
        l.currency as left_currency, r.currency as right_currency,
        l.quantity as left_quantity, r.quantity as right_quantity,
        l.amount as left_amount, r.amount as right_amount,
        l.tax as left_tax, r.tax as right_tax,
        l.fee as left_fee, r.fee as right_fee,
        coalesce(l.pack_quantity, r.pack_quantity) as pack_quantity,
        true as is_even, false as is_mixed
    from (from compare_left anti join compare_repeated using (key)) as l
    full outer join (from compare_right anti join compare_repeated using (key)) as r on l.key = r.key
    where l.key is null or r.key is null or l.item_date <> r.item_date or l.currency <> r.currency
        or l.quantity <> r.quantity or l.amount <> r.amount or l.tax <> r.tax or l.fee <> r.fee
)
select * from single
union all by name
select * from repeated
where left_count is null or right_count is null or left_count <> right_count or left_date <> right_date
    or left_currency <> right_currency or is_mixed
    or left_quantity <> right_quantity or left_amount <> right_amount or left_tax <> right_tax or left_fee <> right_fee
