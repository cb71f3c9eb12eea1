-- The proof of deposits that were converted, in the currency of the bank: payouts at their rates × what the bank shows.
insert into proof_parts by name
with paid as (
    select p.left_id, p.right_id, c.deposit_currency as currency, c.item_date, c.header_total, c.rate, m.digits
    from match_pairs as p
    join currency_conversions as c on c.settlement_id = p.left_id and c.item_id = p.right_id
    left join minor_units as m on m.currency = c.deposit_currency
    where p.reconciliation = 'currency_deposit' and p.is_confirmed
)
select 'currency_deposit' as reconciliation, 'converted_bank' as comparison, item_date as business_date, currency,
    'left' as part, in_money(header_total * rate, digits) as amount, 1 as item_count
from paid
union all
select 'currency_deposit', 'converted_bank', b.item_date, b.currency, 'right', b.amount, 1
from bank_items as b where b.item_id in (select right_id from paid)
union all
select reconciliation, 'converted_bank', since_date, currency, 'break', amount, 1
from new_breaks where reconciliation = 'currency_deposit'
union all
select 'currency_deposit', 'converted_bank', item_date, currency,
    case when left_id in (select subject from new_breaks where reconciliation = 'currency_deposit')
        then 'different' else 'matched' end,
    in_money(header_total * rate, digits), 1
from paid
