-- A number that came back to a day it was on before has not moved away from that day.
delete from canonical.moved_receipts as n
where n.table_name = $table
    and exists (
        select 1 from numbered_staged as s
        where s.source = n.source and s.store = n.store and s.register = n.register and s.receipt_id = n.receipt_id
        having min(s.business_date) = n.earlier_date
    )
    and not exists (
        select 1 from moved as m
        where m.source = n.source and m.store = n.store and m.register = n.register and m.receipt_id = n.receipt_id
            and m.earlier_date = n.earlier_date
    )
