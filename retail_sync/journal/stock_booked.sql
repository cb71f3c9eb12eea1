-- What our own stock documents book on the inventory account up to a month end, before its true-up.
select l.home_currency as currency, sum(l.home_minor) as minor
from journal.lines as l
join journal.entries as e using (entry_key)
where l.account = $account and e.kind in ('cogs', 'count_variance', 'stock_valuation') and e.posting_date <= $month_end
group by l.home_currency
having sum(l.home_minor) <> 0
order by 1
