-- Both sides of every reconciliation of settlements, as items for the matching core.
-- failed_transfer: an announced payout × a later settlement that takes it back.
-- settlement_deposit: an announced payout or charge that did not fail × the movement on the bank or card account. A bank may
-- credit the payouts of a day as one line, or one payout in parts: these are the groups.
-- opening_debt: a negative total × what the next settlement says is owed. reserve: held at the end × released next.
create or replace temp table settlement_items as
with items as (
    select 'failed_transfer' as reconciliation, 'left' as side, settlement_id as item_id, chain as block, settlement_id as key,
        null as group_key, header_total as amount, deposit_date as item_date
    from settlement_facts where header_total > 0
    union all
    select 'failed_transfer', 'right', c.settlement_id || '|' || c.event_date, f.chain, null, null,
        cast(sum(c.amount) as decimal(18, 4)), c.event_date
    from reconcile.settlement_components as c
    join settlement_facts as f on f.settlement_id = c.settlement_id
    where c.category = 'failed_transfer'
    group by all
    union all
    select 'settlement_deposit', 'left', settlement_id, channel || '|' || currency, settlement_id,
        account || '|' || deposit_date, header_total, deposit_date
    from settlement_facts where header_total <> 0
    union all
    select 'settlement_deposit', 'right', item_id, block, key, case when key is null then account || '|' || item_date end, amount,
        item_date
    from bank_items
    union all
    select 'opening_debt', 'left', settlement_id, chain, settlement_id, null, -header_total, ends_on
    from settlement_facts where header_total < 0
    union all
    select 'opening_debt', 'right', settlement_id, chain, null, null, cast(-opening_debt as decimal(18, 4)), starts_on
    from settlement_facts where opening_debt <> 0 and starts_on is not null
    union all
    select 'reserve', 'left', settlement_id, chain, settlement_id, null, cast(-reserve_held as decimal(18, 4)), ends_on
    from settlement_facts where reserve_held <> 0 and ends_on is not null
    union all
    select 'reserve', 'right', settlement_id, chain, null, null, cast(reserve_released as decimal(18, 4)), starts_on
    from settlement_facts where reserve_released <> 0 and starts_on is not null
)
select *, 1 as line_count from items
