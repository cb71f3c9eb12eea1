-- Each number is noted once for each day that does not count.
insert into canonical.moved_receipts by name
select * from moved as m
where not exists (
    select 1 from canonical.moved_receipts as n
    where n.source = m.source and n.table_name = m.table_name and n.store = m.store and n.register = m.register
        and n.receipt_id = m.receipt_id and n.earlier_date = m.earlier_date
)
