-- What every settlement means for the orders in it: the day it closed, the day its money came, whether that is overdue.
create or replace temp table settlement_steps as
with recursive payers as (
    -- A failed transfer is paid by the settlement that takes it over, which may fail as well.
    select settlement_id, settlement_id as paid_by, 0 as failures from reconcile.settlement_totals where header_total is not null
    union all
    select p.settlement_id, t.carried_into, p.failures + 1
    from payers as p
    join reconcile.settlement_totals as t on t.settlement_id = p.paid_by
    where t.carried_into is not null and t.header_total > 0 and p.failures < 12
),
paid as (
    select p.settlement_id,
        arg_min(t.bank_value_date, p.failures) filter (t.bank_value_date is not null) as deposited_on,
        coalesce(bool_or(b.subject is not null), false) as is_overdue
    from payers as p
    join reconcile.settlement_totals as t on t.settlement_id = p.paid_by
    left join reconcile.breaks as b on b.subject = p.paid_by and b.break_class = 'deposit_overdue'
    group by p.settlement_id
)
select t.settlement_id, s.closing_date as settled_on, p.deposited_on, coalesce(p.is_overdue, false) as is_overdue
from reconcile.settlement_totals as t
left join canonical.settlements as s on s.settlement_id = t.settlement_id
left join paid as p on p.settlement_id = t.settlement_id
where t.settlement_id not like 'bank:%'
