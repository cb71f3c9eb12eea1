-- Entries in the order of release, leg by leg.
create or replace table export as
select
    row_number() over (order by l.release, l.line) as place,
    l.release as number,
    l.posting_date as date,
    l.entry,
    l.remote_id as ledger_id,
    l.memo,
    l.reverses,
    l.line,
    l.account,
    coalesce(c.name, '') as account_name,
    case when l.home_minor > 0 then in_units(l.home_minor, l.currency) end as debit,
    case when l.home_minor < 0 then in_units(-l.home_minor, l.currency) end as credit,
    l.currency,
    in_units(l.transaction_minor, l.transaction_currency) as transaction_amount,
    l.transaction_currency,
    l.rate,
    l.channel,
    l.location,
    l.tax_code,
    l.line_memo as text,
    l.released_at
from legs as l
left join chart as c on c.account = l.account
where l.posting_date between $first and $last
