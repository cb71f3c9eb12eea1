-- The parts of the proofs of settlements: stated totals × lines, stated totals × bank, and the three chains.
create or replace temp table proof_parts as
with stated as (
    select settlement_id, currency, closing_date, deposit_date, total_amount from canonical.settlements
),
days as (
    select settlement_id, min(closing_date) as closing_date, min(deposit_date) as deposit_date from stated group by all
),
summed as (
    select settlement_id, currency, sum(amount) as amount from reconcile.settlement_components group by all
),
totals as (
    select * from new_settlement_totals where not starts_with(settlement_id, 'bank:')
),
paid as (
    -- What of a payout moved on which day.
    select p.left_id as settlement_id, b.currency, b.item_date, d.deposit_date, p.right_amount as amount
    from match_pairs as p
    join bank_items as b on b.item_id = p.right_id
    join days as d on d.settlement_id = p.left_id
    where p.reconciliation = 'settlement_deposit' and p.is_confirmed and b.item_date <> d.deposit_date
),
-- Items by the names that breaks use: of the right side, or of the left one where a chain ends there.
told as (
    select reconciliation, unnest(case reconciliation when 'settlement_deposit' then ['left', 'right'] else ['right'] end) as side,
        subject as name
    from new_breaks
    union
    select reconciliation, 'left', unnest(string_split(counterpart, ', ')) from new_breaks where reconciliation = 'reserve'
),
named as (
    select reconciliation, side, item_id, split_part(block, '|', -1) as currency, amount, item_date, status,
        unnest(list_distinct([item_id, split_part(item_id, '|', 1), split_part(item_id, ':', -1)])) as name
    from new_match_items
    where reconciliation <> 'currency_deposit'
),
items as (
    select reconciliation, side, item_id, n.currency, n.amount, n.item_date, n.status,
        bool_or(t.name is not null) as is_told
    from named as n
    left join told as t using (reconciliation, side, name)
    group by all
),
chains as (
    -- A debt is owed on both sides: as it is told, it is negative.
    select *, case reconciliation when 'opening_debt' then -amount else amount end as owed
    from items where reconciliation <> 'settlement_deposit'
)
select 'settlement_totals' as reconciliation, 'stated_lines' as comparison, closing_date as business_date, currency,
    'left' as part, total_amount as amount, 1 as item_count
from stated
union all
select 'settlement_totals', 'stated_lines', d.closing_date, s.currency, 'right', s.amount, 1
from summed as s join days as d using (settlement_id)
union all
select 'settlement_totals', 'stated_lines', since_date, currency, 'break', amount, 1
from new_breaks where break_class = 'settlement_does_not_foot'
union all
select 'settlement_totals', 'stated_lines', closing_date, currency,
    case when settlement_id in (select subject from new_breaks where reconciliation = 'settlement_totals')
        then 'different' else 'matched' end,
    abs(coalesce(header_total, lines_total)), 1
from totals
union all
-- A payout that is listed and of which nothing else is known.
select 'settlement_totals', 'stated_lines', since_date, currency, 'different', abs(amount), 1
from new_breaks
where reconciliation = 'settlement_totals' and subject not in (select settlement_id from totals)
union all
select 'settlement_deposit', 'stated_bank', deposit_date, currency, 'left', total_amount, 1 from stated
union all
select 'settlement_deposit', 'stated_bank', item_date, currency, 'right', amount, 1 from bank_items
union all
select 'settlement_deposit', 'stated_bank', d.deposit_date, b.currency, 'break', b.amount, 1
from new_breaks as b join days as d on d.settlement_id = b.subject
where b.break_class = 'deposit_differs'
union all
-- What a rule cleared is no break any more, and is a difference between the two sides all the same.
select 'settlement_deposit', 'stated_bank', d.deposit_date, c.currency, 'carried', c.amount, 1
from new_cleared_differences as c join days as d on d.settlement_id = c.subject
union all
select 'settlement_deposit', 'stated_bank', since_date, currency, 'break', amount, 1
from new_breaks where break_class in ('deposit_unexplained', 'deposit_awaits_rate', 'deposit_repeated')
union all
select 'settlement_deposit', 'stated_bank', deposit_date, currency, 'carried', -header_total, 1
from totals where header_total is not null and bank_amount is null
union all
select 'settlement_deposit', 'stated_bank', item_date, currency, 'carried', amount, 1
from bank_items where item_id in (select right_id from open_ambiguities)
union all
-- What paid a payout of another currency: compared with it in a proof of its own.
select 'settlement_deposit', 'stated_bank', item_date, currency, 'carried', amount, 1
from bank_items
where item_id in (select right_id from match_pairs where reconciliation = 'currency_deposit' and is_confirmed)
union all
select 'settlement_deposit', 'stated_bank', deposit_date, currency, 'carried', -amount, 1 from paid
union all
select 'settlement_deposit', 'stated_bank', item_date, currency, 'carried', amount, 1 from paid
union all
-- A match is counted once, by its left item.
select reconciliation, case reconciliation when 'settlement_deposit' then 'stated_bank' else reconciliation end,
    case reconciliation when 'settlement_deposit' then item_date end, currency,
    case when is_told or status <> 'matched' then 'different' else 'matched' end, abs(amount), 1
from items
where (side = 'left' or status <> 'matched') and (is_told or status <> 'open')
union all
select reconciliation, reconciliation, null, split_part(block, '|', -1), side,
    case reconciliation when 'opening_debt' then -amount else amount end, 1
from settlement_items where reconciliation <> 'settlement_deposit'
union all
select b.reconciliation, b.reconciliation, null, b.currency, 'break', b.amount, 1
from new_breaks as b where b.reconciliation in (select reconciliation from chains)
union all
-- What is open in a chain and told to nobody: the next settlement may take it over, or the one before was never delivered.
select reconciliation, reconciliation, null, currency, 'carried', case side when 'left' then -owed else owed end, 1
from chains where status <> 'matched' and not is_told
union all
select p.reconciliation, p.reconciliation, null, c.currency, 'carried',
    case p.reconciliation when 'opening_debt' then -p.difference else p.difference end, 1
from match_pairs as p
join chains as c on c.reconciliation = p.reconciliation and c.side = 'left' and c.item_id = p.left_id
where p.reconciliation <> 'reserve' and p.is_confirmed
