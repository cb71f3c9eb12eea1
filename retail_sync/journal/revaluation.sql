-- Balances in other currencies than the books' at each month end that is over, by account: what our own entries made them.
with lines as (
    select e.posting_date, l.account, l.transaction_currency as currency, l.transaction_minor, l.home_minor, l.document_id
    from journal.lines as l
    join journal.entries as e on e.entry_key = l.entry_key
    where l.transaction_currency <> $home and list_contains($accounts, l.account)
),
month_ends as (
    select unnest(generate_series(
        date_trunc('month', min(posting_date)), cast($newest as timestamp), interval 1 month
    )) as day
    from lines
),
ends as (
    select last_day(cast(day as date)) as month_end from month_ends where last_day(cast(day as date)) <= cast($newest as date)
),
changes as (
    select last_day(l.posting_date) as month_end, l.account, l.currency,
        sum(l.transaction_minor) as transaction_minor, sum(l.home_minor) as home_minor,
        bit_xor(hash(l.document_id, d.facts_hash, d.deposit_facts_hash)) as facts
    from lines as l
    join journal.documents as d on d.document_id = l.document_id
    group by all
)
select
    e.month_end, c.account, c.currency,
    cast(sum(c.transaction_minor) as bigint) as transaction_minor,
    cast(sum(c.home_minor) as bigint) as home_minor,
    cast(bit_xor(hash(c.month_end, c.facts)) as varchar) as facts
from ends as e
join changes as c on c.month_end <= e.month_end
group by all
order by e.month_end, c.account, c.currency
