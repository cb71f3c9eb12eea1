-- What the breaks do not explain, by currency; must be empty. Of all orders: given back less due, and booked less given back.
-- Of those looked at now: what canonical rows say was booked as given back less what stands here.
with sides as (
    select currency, sum(refunded_amount) - sum(coalesce(expected_amount, refunded_amount)) + sum(booking_difference) as rest
    from reconcile.returns group by currency
    union all
    select currency, -sum(amount) from new_return_breaks
    where break_class <> 'return_goods_more' and not starts_with(counterpart, 'two_systems|') group by currency
    union all
    select l.currency, -sum(l.amount)
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
