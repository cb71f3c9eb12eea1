-- The lines of the touched payouts: of each payment its amount and, where there is one, its fee. The row of the payout
-- itself is what they sum to and no line.
create or replace temp table staged_settlement_lines as
with payments as (
    select * from canonical.payments
    where list_contains($channels, channel) and kind <> 'payout'
        and payout_id in (select settlement_id from touched_payouts)
),
parts as (
    select *, unnest([
        {'component': 'amount', 'amount': gross_amount},
        {'component': 'fee', 'amount': cast(-fee_amount as decimal(18, 4))}
    ]) as part
    from payments
)
select
    payout_id as settlement_id,
    line_no,
    part.component as component,
    channel,
    account,
    currency,
    paid_at as posted_at,
    business_date,
    coalesce(source_type, kind) as transaction_type,
    part.component as amount_type,
    '' as amount_description,
    'unclassified' as category,
    '' as marketplace,
    order_id,
    cast(null as varchar) as reference,
    cast(null as varchar) as sku,
    cast(null as decimal(18, 6)) as quantity,
    part.amount as amount,
    source,
    delivery_id
from parts
where part.component = 'amount' or part.amount <> 0
