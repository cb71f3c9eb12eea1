-- The settlements of one order and what became of their totals: closed, taken over by another, paid into the bank.
with recursive mine as (
    select distinct settlement_id from order_events
    where kind = $kind and channel = $channel and register = $register and step = 'settled'
),
payers as (
    select settlement_id, settlement_id as paid_by, 0 as failures from mine
    union all
    select p.settlement_id, t.carried_into, p.failures + 1
    from payers as p
    join reconcile.settlement_totals as t on t.settlement_id = p.paid_by
    where t.carried_into is not null and t.header_total > 0 and p.failures < 12
),
paid as (
    -- A settlement stands once, however many of the order's settlements it pays.
    select distinct paid_by as settlement_id from payers
)
select 'closed' as step, s.closing_date as on_day, s.settlement_id, null as other, s.total_amount as amount, s.currency, s.source,
    s.delivery_id, null as line_no
from canonical.settlements as s join paid using (settlement_id)
union all
select 'taken_over', i.closing_date, t.settlement_id, t.carried_into, t.header_total, t.currency, i.source, i.delivery_id, null
from reconcile.settlement_totals as t
join paid using (settlement_id)
join canonical.settlements as i on i.settlement_id = t.carried_into
where t.header_total > 0
union all
select 'deposit', b.value_date, m.left_id, b.transaction_id, b.amount, b.currency, b.source, b.delivery_id, b.line_no
from reconcile.matches as m
join paid on paid.settlement_id = m.left_id
join canonical.bank_transactions as b on b.source || ':' || b.account || ':' || b.transaction_id = m.right_id
where m.reconciliation = 'settlement_deposit' and m.is_confirmed
order by on_day, step, settlement_id, other
