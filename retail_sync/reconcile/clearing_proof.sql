-- The parts of the proof of clearing accounts: an account's balance in the desired journal × the items it is taken apart into.
create or replace temp table proof_parts as
select 'clearing_items' as reconciliation, 'account_' || j.account as comparison, cast(null as date) as business_date,
    j.transaction_currency as currency, 'left' as part,
    sum(cast(j.transaction_minor as decimal(18, 0)) * case m.digits
        when 0 then 1.0000 when 3 then 0.0010 when 4 then 0.0001 else 0.0100
    end) as amount,
    count(*) as item_count
from journal.lines as j
left join minor_units as m on m.currency = j.transaction_currency
where list_contains($accounts, j.account)
group by all
union all
select 'clearing_items', 'account_' || account, null, currency, 'right', sum(balance), count(*)
from new_clearing_items group by all
union all
-- An item is matched when both sides of it are there: its debit and its credit are the same.
select 'clearing_items', 'account_' || account, null, currency, case status when 'closed' then 'matched' else 'different' end,
    sum(greatest(debit, credit)), count(*)
from new_clearing_items group by all
