-- Balances of the desired journal that the items do not sum to: must be empty.
with booked as (
    select
        j.account, j.transaction_currency as currency,
        sum(cast(j.transaction_minor as decimal(18, 0)) * case m.digits
            when 0 then 1.0000 when 3 then 0.0010 when 4 then 0.0001 else 0.0100
        end) as balance
    from journal.lines as j
    left join minor_units as m on m.currency = j.transaction_currency
    where list_contains($accounts, j.account)
    group by all
),
itemised as (
    select account, currency, sum(balance) as balance from new_clearing_items group by all
)
select
    coalesce(b.account, i.account) as account, coalesce(b.currency, i.currency) as currency,
    coalesce(b.balance, 0) - coalesce(i.balance, 0) as rest
from booked as b
full join itemised as i on i.account = b.account and i.currency = b.currency
where coalesce(b.balance, 0) <> coalesce(i.balance, 0)
order by all
