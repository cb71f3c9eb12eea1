-- Payouts of a card processor whose payments were delivered, and no settlement lines: what customers paid, and the fees kept.
-- They are settlements like a marketplace's from here on; the payments are booked in their own month.
insert into reconcile.settlement_components by name
with paid as (
    select * from canonical.payments
    where payout_id in (select document_id from raw.touched where stage = 'reconcile' and kind = 'settlement')
        and kind <> 'payout'
        and payout_id not in (select settlement_id from canonical.settlement_lines)
),
parts as (
    select *, 'card_payment' as category, gross_amount as amount from paid
    union all
    select *, 'payment_fee', -fee_amount from paid where fee_amount <> 0
)
select
    payout_id as settlement_id,
    channel,
    source as account,
    currency,
    cast(date_trunc('month', least(business_date, coalesce(payout_date, business_date))) as date) as posting_month,
    cast(null as date) as event_date,
    category,
    '' as marketplace,
    cast(sum(amount) as decimal(18, 4)) as amount,
    count(*) as line_count
from parts
group by all
