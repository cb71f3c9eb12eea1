-- What our own stock documents hold on the inventory account up to a month end, before its true-up: what is desired of them, but
-- what was released of the same facts stands, whatever is desired by now.
with earlier as (
    select d.document_id, s.document_id is not null as stands
    from journal.documents as d
    left join (select distinct document_id, facts_hash from standing_legs) as s using (document_id, facts_hash)
    where d.kind = 'stock' and d.since_date <= $month_end
)
select currency, sum(minor) as minor
from (
    select l.home_currency as currency, l.home_minor as minor
    from journal.lines as l join earlier as e using (document_id)
    where l.account = $account and not e.stands
    union all
    select s.currency, s.minor
    from standing_legs as s join earlier as e using (document_id)
    where s.account = $account and e.stands
)
group by currency
having sum(minor) <> 0
order by currency
