-- Payouts whose statement may have changed: those named, and those of a day and currency on which something changed, because
-- a list without ids tells the payouts of a day apart by their number only. A listed payout that moved leaves its earlier days.
create or replace temp table touched_payouts as
with touched_days as (
    select document_id as day from raw.touched where kind = 'payout_day'
    union
    select channel || '|' || account || '|' || payout_date || '|' || currency from canonical.payouts
    where payout_id in (select document_id from raw.touched where kind = 'payout')
)
select document_id as settlement_id from raw.touched where kind = 'payout'
union
select payout_id from canonical.payments
where list_contains($channels, channel) and payout_id is not null
    and channel || '|' || account || '|' || payout_date || '|' || currency
        in (select day from touched_days)
