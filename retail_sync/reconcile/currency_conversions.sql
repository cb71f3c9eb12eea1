-- Every payout and bank line of one channel that nothing matched and whose currencies differ, with what the payout comes to in
-- the line's currency: its total × the latest rate of the line's day or before, $days_old days old at the most.
create or replace temp table currency_conversions as
with payouts as (
    select settlement_id, channel, account, currency, header_total, deposit_date
    from settlement_facts
    where header_total > 0
        and settlement_id not in (
            select left_id from match_pairs
            where reconciliation in ('settlement_deposit', 'failed_transfer') and is_confirmed
        )
        and settlement_id not in (select left_id from open_ambiguities)
),
lines as (
    select item_id, transaction_id, channel, key, amount, currency, item_date
    from bank_items
    where amount > 0
        and item_id not in (select right_id from match_pairs where reconciliation = 'settlement_deposit' and is_confirmed)
        and item_id not in (select right_id from open_ambiguities)
        and item_id not in (select item_id from match_repeated where reconciliation = 'settlement_deposit')
),
rates as (
    -- Two sources that say different rates of a day say none.
    select from_currency, to_currency, rate_date, case when count(distinct rate) = 1 then min(rate) end as rate
    from canonical.fx_rates
    group by all
),
pairs as (
    select p.settlement_id, p.channel, p.account, p.currency, p.header_total, p.deposit_date,
        l.item_id, l.transaction_id, l.key is not null as is_named, l.amount as deposit_amount, l.currency as deposit_currency,
        l.item_date
    from payouts as p
    join lines as l on l.channel = p.channel and l.currency <> p.currency and (l.key is null or l.key = p.settlement_id)
        and l.item_date between p.deposit_date - cast($days_before as integer) and p.deposit_date + cast($days_after as integer)
),
rated as (
    select p.*, case when p.item_date - r.rate_date <= cast($days_old as integer) then r.rate end as rate, r.rate_date
    from pairs as p
    asof left join rates as r
        on r.from_currency = p.currency and r.to_currency = p.deposit_currency and p.item_date >= r.rate_date
)
select r.*, in_money(r.header_total * r.rate, m.digits) as expected_amount
from rated as r
left join minor_units as m on m.currency = r.deposit_currency
