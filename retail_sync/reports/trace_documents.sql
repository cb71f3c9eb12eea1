-- The journal's documents under one order: its settlements and those that paid them, and the days of its receipt.
select d.document_id, d.title, d.status, d.held_code, d.held_reason,
    e.entry_key, e.posting_date, e.memo, j.home_currency, cast(sum(j.home_minor) filter (j.home_minor > 0) as bigint) as debits
from journal.documents as d
left join journal.entries as e on e.document_id = d.document_id and e.kind = 'deposit'
left join journal.lines as j on j.entry_key = e.entry_key
where d.document_id in (select unnest(cast($documents as varchar[])))
group by all
order by d.document_id
