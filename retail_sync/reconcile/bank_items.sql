-- Bank movements that may be payouts: the payer is a channel's, or the reference names a settlement or listed payout we know.
create or replace temp table bank_items as
with payers as (
    select source, account, transaction_id, min(channel) as channel
    from paid_by_channels
    group by source, account, transaction_id
),
numbered as (
    -- A bank names a payout by its number, without the channel, account and currency before it, or by the reference that the
    -- processor says it gave the bank.
    select settlement_id, channel, currency, replace(settlement_id, concat_ws('/', channel, account, currency, ''), '') as number
    from settlement_facts
    union
    -- Also of a payout whose payments we do not have: its deposit is not that of another payout of the same amount.
    select payout_id, channel, currency,
        unnest([replace(payout_id, concat_ws('/', channel, account, currency, ''), ''), bank_reference])
    from canonical.payouts_in_force
    where payout_id is not null
),
candidates as (
    -- Of several payouts of that number, those of the line's own payer and currency are meant.
    select b.source, b.account, b.transaction_id, f.settlement_id, f.channel
    from (
        -- An id may stand alone (po_1Ab2Cd) or be a run of digits within other letters (AMAZON31000001).
        select source, account, transaction_id, currency, unnest(list_distinct(list_concat(
            regexp_extract_all(reference, '[0-9]{8,}'), regexp_extract_all(reference, '[A-Za-z0-9_-]{6,}')
        ))) as number
        from canonical.bank_transactions
    ) as b
    join numbered as f on f.number = b.number
    left join payers as p on p.source = b.source and p.account = b.account and p.transaction_id = b.transaction_id
    qualify rank() over (
        partition by b.source, b.account, b.transaction_id
        order by f.channel is distinct from p.channel, f.currency <> b.currency
    ) = 1
),
named as (
    select source, account, transaction_id, min(settlement_id) as settlement_id, min(channel) as channel
    from candidates
    group by source, account, transaction_id having count(distinct settlement_id) = 1
)
select
    b.source || ':' || b.account || ':' || b.transaction_id as item_id,
    -- Two accounts may use the same id: then it is shown with both, so that neither line hides the other.
    case when count(*) over (partition by b.transaction_id) > 1
        then b.source || ':' || b.account || ':' || b.transaction_id else b.transaction_id
    end as transaction_id,
    coalesce(p.channel, n.channel) as channel,
    coalesce(p.channel, n.channel) || '|' || b.currency as block,
    n.settlement_id as key,
    b.account,
    b.amount,
    b.currency,
    b.value_date as item_date,
    b.reference
from canonical.bank_transactions as b
left join named as n on n.source = b.source and n.account = b.account and n.transaction_id = b.transaction_id
left join payers as p on p.source = b.source and p.account = b.account and p.transaction_id = b.transaction_id
where p.channel is not null or n.settlement_id is not null
