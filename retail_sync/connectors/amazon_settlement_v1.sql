-- A V1 settlement flat file as text: one row per amount, because a V1 line spreads amounts over column families and can
-- carry two (ServiceFee: advertising and its tax). The quantity stands on an amount-less line of the item and is moved to
-- the item's first principal amount. Columns that a 33-column file lacks are bound as position 0 and read as null.
create or replace temp table fields as
with split as (
    select rowid + 1 as line_no, line, string_split(line, chr(9)) as f
    from document_lines
    where rowid > 0 and (contains(line, chr(9)) or trim(line) <> '')
),
named as (
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
        trimmed(f[$posted_date]) as posted,
        f[$sku] as sku,
        trimmed(f[$quantity_purchased]) as line_quantity,
        [
            trimmed(f[$transaction_type]), trimmed(f[$order_id]), trimmed(f[$adjustment_id]), trimmed(f[$shipment_id]),
            trimmed(f[$order_item_code]), f[$sku]
        ] as item,
        list_filter(
            [
                {'component': 'shipment-fee', 'description': trimmed(f[$shipment_fee_type]), 'amount': trimmed(f[$shipment_fee_amount])},
                {'component': 'order-fee', 'description': trimmed(f[$order_fee_type]), 'amount': trimmed(f[$order_fee_amount])},
                {'component': 'price', 'description': trimmed(f[$price_type]), 'amount': trimmed(f[$price_amount])},
                {'component': 'item-related-fee', 'description': trimmed(f[$item_related_fee_type]), 'amount': trimmed(f[$item_related_fee_amount])},
                {'component': 'misc-fee', 'description': '', 'amount': trimmed(f[$misc_fee_amount])},
                {'component': 'other-fee', 'description': trimmed(f[$other_fee_reason_description]), 'amount': trimmed(f[$other_fee_amount])},
                {'component': 'promotion', 'description': trimmed(f[$promotion_type]), 'amount': trimmed(f[$promotion_amount])},
                {'component': 'direct-payment', 'description': trimmed(f[$direct_payment_type]), 'amount': trimmed(f[$direct_payment_amount])},
                {'component': 'other', 'description': '', 'amount': trimmed(f[$other_amount])}
            ],
            part -> coalesce(part.amount, '') <> ''
        ) as parts
    from split
),
amounts as (
    select
        * exclude (parts),
        -- A line with neither amount nor quantity says nothing we understand: it is shown as an amount that is missing.
        unnest(
            case when len(parts) > 0 then parts
                when coalesce(line_quantity, '') = '' then [{'component': 'other', 'description': '', 'amount': ''}]
                else [null]
            end
        ) as part
    from named
)
select
    * exclude (item, part, line_quantity),
    coalesce(part.component, 'quantity') as component,
    coalesce(part.component, 'quantity') as amount_type,
    coalesce(part.description, '') as amount_description,
    part.amount as amount,
    case when part.component = 'price' and upper(part.description) = 'PRINCIPAL'
        and line_no = min(line_no) filter (part.component = 'price' and upper(part.description) = 'PRINCIPAL') over (partition by item)
        then max(nullif(line_quantity, '')) over (partition by item)
    end as quantity
from amounts
