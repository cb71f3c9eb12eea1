-- Of the orders looked at now: what canonical rows say was booked as given back less what stands in returns; must be empty.
with sides as (
    select l.currency, -sum(l.amount) as rest
    from canonical.settlement_lines as l
    where category in (select category from refund_categories) and (channel, order_id) in (
        select (named_by_channel, order_id) from order_owners where named_by = 'money' and kind = 'order'
    )
    group by l.currency
    union all
    select currency, sum(gross_amount) from return_receipts group by currency
    union all
    select currency, -sum(booked_amount) from return_facts group by currency
)
select currency, sum(rest) as rest from sides group by currency having sum(rest) <> 0 order by currency
