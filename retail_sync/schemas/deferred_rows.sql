-- The deferred transactions that count for a month end, with the document they are booked in. The report is live, so the first
-- snapshot in a month says what was held back at the end of the month before; later ones of that month are kept and not booked.
create or replace view journal.deferred_rows as
with dated as (
    select *, cast(date_trunc('month', snapshot_date) - interval 1 day as date) as month_end
    from canonical.deferred_transactions
),
firsts as (
    select channel, account, month_end, min(snapshot_date) as snapshot_date from dated group by all
)
select
    'deferral:' || d.channel || '|' || d.account || '|' || strftime(d.month_end, '%Y-%m') || '|' || d.currency as document_id,
    d.*
from dated as d
join firsts using (channel, account, month_end, snapshot_date)
where d.transaction_date is null or d.transaction_date <= d.month_end
