-- What was deferred at the touched month ends, by category, and whether the snapshot may lack a row.
with incomplete as (
    select distinct t.channel, t.account, t.snapshot_date
    from canonical.deferred_transactions as t
    join canonical.incomplete_groups as i
        on i.table_name = 'deferred_transactions' and i.delivery_id = t.delivery_id and i.line_no = t.line_no
)
select
    r.document_id, r.channel, r.account, r.month_end, r.snapshot_date, r.currency, r.category, sum(r.amount) as amount,
    i.channel is not null as is_incomplete
from journal.deferred_rows as r
left join incomplete as i using (channel, account, snapshot_date)
where r.document_id in (select document_id from raw.touched where stage = 'journal' and kind = 'deferral')
group by all
order by r.document_id, r.category
