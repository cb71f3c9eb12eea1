-- By account and currency: the balance before the first day, every leg with the balance after it, the balance after the last day.
create or replace table export as
with before as (
    select account, currency, sum(home_minor) as minor from legs where posting_date < $first group by all
),
inside as (
    select * from legs where posting_date between $first and $last
),
places as (
    select account, currency from before union select account, currency from inside
),
rows as (
    select p.account, p.currency, 0 as part, null as date, 0 as release, 0 as line, '' as entry, 'balance before' as text,
        null as home_minor, coalesce(b.minor, 0) as opening
    from places as p left join before as b on b.account = p.account and b.currency = p.currency
    union all
    select i.account, i.currency, 1, i.posting_date, i.release, i.line, i.entry,
        i.memo || case when i.line_memo <> '' then ': ' || i.line_memo else '' end, i.home_minor, 0
    from inside as i
    union all
    select account, currency, 2, null, 0, 0, '', 'balance after', null, 0 from places
),
running as (
    select *,
        row_number() over (order by account, currency, part, date, release, line) as place,
        sum(opening + coalesce(home_minor, 0)) over (
            partition by account, currency order by part, date, release, line rows unbounded preceding
        ) as balance
    from rows
)
select
    r.place,
    r.account,
    coalesce(c.name, '') as account_name,
    r.date,
    r.entry,
    r.text,
    case when r.home_minor > 0 then in_units(r.home_minor, r.currency) end as debit,
    case when r.home_minor < 0 then in_units(-r.home_minor, r.currency) end as credit,
    in_units(r.balance, r.currency) as balance,
    r.currency
from running as r
left join chart as c on c.account = r.account
