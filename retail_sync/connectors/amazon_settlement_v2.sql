-- A V2 settlement flat file as text: one row per data line, good or bad, its fields addressed by the header's names.
-- A line with a wrong number of fields is kept whole in bad_line. The promotion id and the like are not needed: what they
-- say is in the amounts. An absent optional column is bound as position 0, which reads as null.
create or replace temp table fields as
with split as (
    select rowid + 1 as line_no, line, string_split(line, chr(9)) as f
    from document_lines
    where rowid > 0 and (contains(line, chr(9)) or trim(line) <> '')
)
select
    line_no,
    case when len(f) <> $width or line_no = $cut_line then left(line, 200) end as bad_line,
    len(f) as field_count,
    trimmed(f[$settlement_id]) as settlement_id,
    trimmed(f[$settlement_start_date]) as period_start,
    trimmed(f[$settlement_end_date]) as period_end,
    trimmed(f[$deposit_date]) as deposit,
    trimmed(f[$total_amount]) as total,
    trimmed(f[$currency]) as currency,
    trimmed(f[$transaction_type]) as transaction_type,
    trimmed(f[$order_id]) as order_id,
    trimmed(f[$marketplace_name]) as marketplace,
    trimmed(f[$posted_date_time]) as posted,
    f[$sku] as sku,
    'amount' as component,
    trimmed(f[$amount_type]) as amount_type,
    trimmed(f[$amount_description]) as amount_description,
    trimmed(f[$amount]) as amount,
    -- V2 repeats the quantity on every amount line of an item; the principal line alone counts it.
    case when upper(trimmed(f[$amount_description])) = 'PRINCIPAL' and upper(trimmed(f[$amount_type])) = 'ITEMPRICE'
        then trimmed(f[$quantity_purchased]) end as quantity
from split
