-- The lines of the touched vouchers, in their order.
select
    'voucher:' || v.source || '|' || v.voucher_id as document_id,
    v.source, v.voucher_id, v.business_date, v.category, v.amount, v.currency,
    coalesce(v.channel, '') as channel, coalesce(v.location, '') as location, coalesce(v.memo, '') as memo,
    i.line_no is not null as is_incomplete
from canonical.vouchers as v
left join (select distinct delivery_id, line_no from canonical.incomplete_groups where table_name = 'vouchers') as i
    on i.delivery_id = v.delivery_id and i.line_no = v.line_no
where 'voucher:' || v.source || '|' || v.voucher_id in (
    select document_id from raw.touched where stage = 'journal' and kind = 'voucher'
)
order by document_id, v.voucher_line_no, v.line_no
