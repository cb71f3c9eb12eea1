-- What the list of payouts states of each touched payout, where exactly one row of the list is that payout's.
create or replace temp table staged_settlements as
with near_ids as (
    -- All payouts that share a day with a touched one, with all their payments: an old export may date a payout otherwise.
    select distinct payout_id from canonical.payments
    where list_contains($channels, channel) and payout_id is not null and payout_date in (
        select payout_date from canonical.payments where payout_id in (select settlement_id from touched_payouts)
    )
    union
    select settlement_id from touched_payouts
),
payouts as (
    select channel, account, currency, payout_id, max(payout_date) as payout_date, min(paid_at) as starts_at, max(paid_at) as ends_at
    from canonical.payments
    where list_contains($channels, channel) and kind <> 'payout' and payout_id in (select payout_id from near_ids)
    group by all
),
known as (
    select *, count(*) over (partition by channel, account, payout_date, currency) as count_of_day from payouts
),
listed as (
    select *, count(*) over (partition by channel, account, payout_date, currency) as count_of_day,
        count(*) over (partition by payout_id) as count_of_id
    from canonical.payouts_in_force
)
select
    k.payout_id as settlement_id, k.channel, k.account, k.currency, k.starts_at as period_start_at, k.ends_at as period_end_at,
    l.payout_date as closing_date, l.payout_date as deposit_date, l.total_amount, l.source, l.delivery_id
from known as k
join listed as l on l.channel = k.channel and l.account = k.account and l.currency = k.currency and (
    (l.payout_id = k.payout_id and l.count_of_id = 1)
    or (l.payout_id is null and l.payout_date = k.payout_date and l.count_of_day = 1 and k.count_of_day = 1)
)
where k.payout_id in (select settlement_id from touched_payouts)
    and l.status in ('scheduled', 'in_transit', 'paid')
qualify count(*) over (partition by k.payout_id) = 1
