-- The legs of desired entries that rest on rows of one order, with its own part of each; debits are positive.
with places as (
    select distinct delivery_id, line_no from order_events
    where kind = $kind and channel = $channel and register = $register
)
select e.posting_date, s.entry_key, s.entry_line_no, j.account, j.category, j.document_id,
    cast(sum(s.amount) as decimal(18, 4)) as part,
    s.currency, j.home_minor, j.home_currency
from journal.line_sources as s
join places as p on p.delivery_id = s.delivery_id and p.line_no = s.file_line_no
join journal.lines as j on j.entry_key = s.entry_key and j.line_no = s.entry_line_no
join journal.entries as e on e.entry_key = s.entry_key
-- What a drawer held more or less is nobody's receipt.
where s.order_id = $order_id and j.category <> 'cash_over_short'
group by all
order by e.posting_date, s.entry_key, s.entry_line_no
