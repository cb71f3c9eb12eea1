-- What is open, by reconciliation, kind, currency and day it dates from: breaks, and items of clearing accounts, which have
-- no class and are never late.
select b.reconciliation, k.kind, b.currency, b.since_date, count(*) as break_count, sum(abs(b.amount)) as value,
    count(*) filter ($as_of > b.since_date + cast(k.sla_days as integer)) as overdue_count
from reconcile.breaks as b
join break_kinds as k using (break_class)
group by all
union all
select 'clearing_items', 'open_item', currency, opened_on, count(*), sum(abs(balance)), 0
from reconcile.clearing_items
where status = 'open'
group by all
order by all
