-- The breaks sum to the difference of the totals, to the cent: lines against headers, and bank against headers.
with lines_side as (
    select currency, sum(lines_difference) as difference from new_settlement_totals
    where header_total is not null and lines_total is not null group by currency
),
lines_breaks as (
    select b.currency, sum(b.amount) as explained from new_breaks as b
    join new_settlement_totals as t on t.settlement_id = b.subject
    where b.break_class = 'settlement_does_not_foot' and t.lines_total is not null group by b.currency
),
bank_side as (
    select currency, sum(amount) as total from bank_items group by currency
),
header_side as (
    select currency, sum(header_total) as total from new_settlement_totals where header_total is not null group by currency
),
bank_breaks as (
    -- Differences, deposits without settlement, deposits that could be several, and totals the bank does not show.
    select currency, sum(amount) as explained
    from (
        select currency, amount from new_breaks where break_class in ('deposit_differs', 'deposit_unexplained', 'deposit_repeated')
        union all
        select i.currency, i.amount from bank_items as i
        where i.item_id in (select right_id from open_ambiguities)
        union all
        select currency, -header_total from new_settlement_totals where header_total is not null and bank_amount is null
    )
    group by currency
),
currencies as (
    select currency from new_settlement_totals union select currency from bank_side
)
select c.currency, 'lines against stated totals' as comparison,
    coalesce(l.difference, 0) - coalesce(b.explained, 0) as unexplained
from currencies as c left join lines_side as l using (currency) left join lines_breaks as b using (currency)
union all
select c.currency, 'bank against stated totals',
    coalesce(i.total, 0) - coalesce(h.total, 0) - coalesce(b.explained, 0)
from currencies as c left join bank_side as i using (currency) left join header_side as h using (currency)
left join bank_breaks as b using (currency)
order by all
