-- The verdict on each settlement: lines × header × bank, with the chain of debts and reserves. No missing side is filled.
create or replace temp table new_settlement_totals as
with deposits as (
    -- A payout may arrive in parts, and a deposit may pay several: then each has its part of it.
    select p.left_id as settlement_id, string_agg(b.transaction_id, ', ' order by b.item_date, b.item_id) as transaction_id,
        max(b.item_date) as value_date, cast(sum(p.right_amount) as decimal(18, 4)) as amount
    from match_pairs as p
    join bank_items as b on b.item_id = p.right_id
    where p.reconciliation = 'settlement_deposit' and p.is_confirmed
    group by p.left_id
),
converted as (
    -- A payout that arrived in another currency: which line it was and when, but no amount that could be compared or booked.
    select p.left_id as settlement_id, b.transaction_id, b.item_date as value_date, p.difference
    from match_pairs as p
    join bank_items as b on b.item_id = p.right_id
    where p.reconciliation = 'currency_deposit' and p.is_confirmed
),
rolled as (
    select left_id as settlement_id, split_part(right_id, '|', 1) as into_id
    from match_pairs where reconciliation = 'failed_transfer' and is_confirmed
),
debts as (
    select p.right_id as settlement_id, p.left_id as of_id, p.difference, p.left_id
    from match_pairs as p where p.reconciliation = 'opening_debt' and p.is_confirmed
),
netted as (
    -- A debt that the next settlement takes over without charging the card was paid out of its sales.
    select d.left_id as settlement_id, d.settlement_id as into_id
    from debts as d
    join settlement_facts as f on f.settlement_id = d.settlement_id
    where f.card_charge = 0
),
reserves as (
    select right_id as settlement_id, left_id as of_id, difference
    from match_pairs where reconciliation = 'reserve' and is_confirmed
),
predecessors as (
    -- Whether history holds the settlement before this one: without it, an opening balance cannot be judged.
    select f.settlement_id, count(p.settlement_id) > 0 as is_known
    from settlement_facts as f
    left join settlement_facts as p on p.chain = f.chain and p.ends_on between f.starts_on - 1 and f.starts_on + 1
        and p.starts_on < f.starts_on
    group by f.settlement_id
)
select
    f.settlement_id, f.channel, f.account, f.currency, f.closing_date, f.deposit_date,
    f.header_total,
    f.lines_total,
    cast(f.lines_total - f.header_total as decimal(18, 4)) as lines_difference,
    cast(f.line_count as bigint) as line_count,
    cast(f.rejected_count as bigint) as rejected_count,
    cast(f.unclassified_count as bigint) as unclassified_count,
    cast(f.unclassified_amount as decimal(18, 4)) as unclassified_amount,
    coalesce(d.transaction_id, x.transaction_id) as bank_transaction_id,
    coalesce(d.value_date, x.value_date) as bank_value_date,
    d.amount as bank_amount,
    cast(d.amount - f.header_total as decimal(18, 4)) as bank_difference,
    cast(f.opening_debt as decimal(18, 4)) as opening_debt,
    case when f.opening_debt = 0 then 'none' when b.of_id is not null then 'matched'
        when pre.is_known then 'broken' else 'open' end as opening_debt_status,
    b.of_id as opening_debt_of,
    cast(f.reserve_held as decimal(18, 4)) as reserve_held,
    cast(f.reserve_released as decimal(18, 4)) as reserve_released,
    case when f.reserve_released = 0 then 'none' when r.difference = 0 then 'matched'
        when r.of_id is not null or pre.is_known then 'broken' else 'open' end as reserve_status,
    r.of_id as reserve_of,
    coalesce(ro.into_id, ne.into_id) as carried_into,
    case
        when f.header_total is null then 'left_only'
        when f.lines_total is null and f.header_total <> 0 then 'right_only'
        when f.rejected_count > 0 or f.lines_total <> f.header_total then 'variance'
        when d.amount is not null and d.amount <> f.header_total then 'variance'
        when x.difference <> 0 then 'variance'
        when d.amount is not null or x.difference = 0 or f.header_total = 0 then 'matched'
        when ro.into_id is not null or ne.into_id is not null then 'matched'
        else 'awaiting_bank'
    end as status
from settlement_facts as f
left join deposits as d on d.settlement_id = f.settlement_id
left join converted as x on x.settlement_id = f.settlement_id
left join rolled as ro on ro.settlement_id = f.settlement_id
left join netted as ne on ne.settlement_id = f.settlement_id
left join debts as b on b.settlement_id = f.settlement_id
left join reserves as r on r.settlement_id = f.settlement_id
left join predecessors as pre on pre.settlement_id = f.settlement_id
union all
select
    'bank:' || b.transaction_id, b.channel, '', b.currency, b.item_date, null, null, null, null, 0, 0, 0, 0,
    b.transaction_id, b.item_date, b.amount, null, 0, 'none', null, 0, 0, 'none', null, null, 'right_only'
from bank_items as b
where b.item_id not in (
        select right_id from match_pairs where reconciliation in ('settlement_deposit', 'currency_deposit') and is_confirmed
    )
    and b.item_id not in (select right_id from open_ambiguities)
    and b.item_id not in (select item_id from match_repeated where reconciliation = 'settlement_deposit')
