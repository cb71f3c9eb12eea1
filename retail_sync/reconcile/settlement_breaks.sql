-- Each unexplained difference once: its class, its value (right - left) and the day it dates from.
create or replace temp table new_breaks as
with totals as (select * from new_settlement_totals),
ambiguous as (
    -- One payout with several candidates, or several payouts for the same candidates.
    select a.left_id as settlement_id, coalesce(string_agg(distinct o.left_id, ', ' order by o.left_id), '') as others
    from open_ambiguities as a
    left join open_ambiguities as o on o.right_id = a.right_id and o.left_id <> a.left_id
    group by a.left_id
),
coverage as (
    -- What the statements show of a currency. One that begins beyond the reach of every rule says nothing of a payout.
    select currency, min(value_date) as covered_from, max(value_date) as covered_to
    from canonical.bank_transactions group by currency
),
failures as (
    -- Payouts taken back that are not those of one earlier settlement. Without earlier settlements that cannot be judged.
    select f.settlement_id, f.currency, cast(sum(i.amount) as decimal(18, 4)) as amount, min(i.item_date) as failed_on,
        coalesce(string_agg(a.candidates, ', ' order by i.item_id), '') as candidates
    from settlement_items as i
    join settlement_facts as f on f.settlement_id = split_part(i.item_id, '|', 1)
    left join (
        select right_id, string_agg(left_id, ', ' order by left_id) as candidates
        from match_ambiguities where reconciliation = 'failed_transfer' group by right_id
    ) as a on a.right_id = i.item_id
    where i.reconciliation = 'failed_transfer' and i.side = 'right'
        and i.item_id not in (select right_id from match_pairs where reconciliation = 'failed_transfer' and is_confirmed)
        and exists (select 1 from settlement_facts as e where e.chain = f.chain and e.deposit_date < f.deposit_date)
    group by f.settlement_id, f.currency
),
unrated as (
    -- A bank line that names a payout of another currency, and no rate says what that comes to.
    select transaction_id, any_value(currency) as currency, any_value(settlement_id) as settlement_id
    from currency_conversions
    where is_named and rate is null
    group by transaction_id
),
held as (
    -- A reserve that was held, and the next settlement, which exists and released none of it.
    select f.settlement_id, f.currency, f.reserve_held,
        arg_min(n.settlement_id, (n.starts_on, n.settlement_id)) as next_id, min(n.starts_on) as starts_on
    from settlement_facts as f
    join settlement_facts as n on n.chain = f.chain and n.starts_on between f.ends_on - 1 and f.ends_on + 1
        and n.starts_on > f.starts_on and n.reserve_released = 0
    where f.reserve_held <> 0
        and f.settlement_id not in (select left_id from match_pairs where reconciliation = 'reserve' and is_confirmed)
    group by all
)
select 'settlement_totals' as reconciliation, settlement_id as subject, 'settlement_header_missing' as break_class,
    lines_total as amount, currency, closing_date as since_date, channel as counterpart
from totals where header_total is null and lines_total is not null and settlement_id not in (select subject from payout_breaks)
union all
select * from payout_breaks
union all
select 'settlement_totals', settlement_id, 'settlement_does_not_foot',
    cast(coalesce(lines_total, 0) - header_total as decimal(18, 4)), currency, closing_date, ''
from totals where header_total is not null and coalesce(lines_total, 0) <> header_total
union all
select 'settlement_totals', settlement_id, 'rows_rejected', null, currency, closing_date, cast(rejected_count as varchar)
from totals where rejected_count > 0
union all
select 'settlement_totals', settlement_id, 'settlement_unclassified', unclassified_amount, currency, closing_date,
    cast(unclassified_count as varchar)
from totals where unclassified_count > 0
union all
select 'settlement_deposit', settlement_id, 'deposit_differs', bank_difference, currency, bank_value_date, bank_transaction_id
from totals where bank_difference <> 0
union all
select 'settlement_deposit', t.settlement_id, 'deposit_ambiguous', t.header_total, t.currency, t.deposit_date, a.others
from totals as t join ambiguous as a on a.settlement_id = t.settlement_id
union all
select 'settlement_deposit', t.settlement_id, 'deposit_overdue', t.header_total, t.currency, t.deposit_date,
    cast(c.covered_to as varchar)
from totals as t join coverage as c on c.currency = t.currency
where t.header_total > 0 and t.bank_transaction_id is null and t.carried_into is null
    and c.covered_to >= t.deposit_date + cast($days_after as integer)
    and c.covered_from <= t.deposit_date + cast($days_reach as integer)
    and t.settlement_id not in (select settlement_id from ambiguous)
union all
select 'settlement_deposit', t.bank_transaction_id,
    case when u.transaction_id is null then 'deposit_unexplained' else 'deposit_awaits_rate' end,
    t.bank_amount, t.currency, t.bank_value_date, coalesce(u.settlement_id || '|' || u.currency, t.channel)
from totals as t left join unrated as u on u.transaction_id = t.bank_transaction_id
where t.status = 'right_only' and t.header_total is null
union all
-- Both amounts stand in the counterpart, and the rate with its day: what a person needs to ask the bank about it.
select 'currency_deposit', c.settlement_id, 'deposit_currency_differs', p.difference, c.deposit_currency, c.item_date,
    concat_ws('|', c.transaction_id, c.header_total, c.currency, c.deposit_amount, c.rate, c.rate_date)
from match_pairs as p
join currency_conversions as c on c.settlement_id = p.left_id and c.item_id = p.right_id
where p.reconciliation = 'currency_deposit' and p.is_confirmed and p.difference <> 0
union all
select 'settlement_deposit', b.transaction_id, 'deposit_repeated', b.amount, b.currency, b.item_date, r.repeats_left_id
from match_repeated as r join bank_items as b on b.item_id = r.item_id and r.reconciliation = 'settlement_deposit'
union all
select 'failed_transfer', settlement_id, 'failed_transfer_unexplained', amount, currency, failed_on, candidates
from failures
union all
select 'opening_debt', settlement_id, 'opening_debt_unexplained', opening_debt, currency, closing_date, ''
from totals where opening_debt_status = 'broken'
union all
select 'reserve', t.settlement_id, 'reserve_chain_broken',
    cast(t.reserve_released + coalesce(h.reserve_held, 0) as decimal(18, 4)), t.currency, t.closing_date, coalesce(t.reserve_of, '')
from totals as t left join settlement_facts as h on h.settlement_id = t.reserve_of
where t.reserve_status = 'broken'
union all
select 'reserve', next_id, 'reserve_chain_broken', cast(sum(reserve_held) as decimal(18, 4)), currency, min(starts_on),
    string_agg(settlement_id, ', ' order by settlement_id)
from held group by next_id, currency
