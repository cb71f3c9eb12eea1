-- A V1 settlement flat file as text: one row per amount, because a V1 line spreads amounts over column families and can
-- carry two (ServiceFee: advertising and its tax). The quantity stands on an amount-less line of the item and is moved to
-- the item's first principal amount. Columns that a 33-column file lacks are bound as position 0 and read as null.
create or replace temp table fields as
with numbered as (
    select row_number() over () as line_no, line
    from read_csv(
        $path, delim = chr(1), quote = '', escape = '', header = false, auto_detect = false, strict_mode = true,
        columns = {'line': 'VARCHAR'}
    )
),
split as (
    select line_no, line, string_split(line, chr(9)) as f
    from numbered
    where line_no > 1 and trim(line) <> ''
),
named as (
    select
        line_no,
        case when len(f) <> $width then left(line, 200) end as bad_line,
        len(f) as field_count,
        trim(f[$settlement_id]) as settlement_id,
        trim(f[$settlement_start_date]) as period_start,
        trim(f[$settlement_end_date]) as period_end,
        trim(f[$deposit_date]) as deposit,
        trim(f[$total_amount]) as total,
        trim(f[$currency]) as currency,
        trim(f[$transaction_type]) as transaction_type,
        trim(f[$order_id]) as order_id,
        trim(f[$marketplace_name]) as marketplace,
        trim(f[$posted_date]) as posted,
        f[$sku] as sku,
        trim(f[$quantity_purchased]) as line_quantity,
        [
            trim(f[$transaction_type]), trim(f[$order_id]), trim(f[$adjustment_id]), trim(f[$shipment_id]),
            trim(f[$order_item_code]), f[$sku]
        ] as item,
        list_filter(
            [
                {'component': 'shipment-fee', 'description': trim(f[$shipment_fee_type]), 'amount': trim(f[$shipment_fee_amount])},
                {'component': 'order-fee', 'description': trim(f[$order_fee_type]), 'amount': trim(f[$order_fee_amount])},
                {'component': 'price', 'description': trim(f[$price_type]), 'amount': trim(f[$price_amount])},
                {'component': 'item-related-fee', 'description': trim(f[$item_related_fee_type]), 'amount': trim(f[$item_related_fee_amount])},
                {'component': 'misc-fee', 'description': '', 'amount': trim(f[$misc_fee_amount])},
                {'component': 'other-fee', 'description': trim(f[$other_fee_reason_description]), 'amount': trim(f[$other_fee_amount])},
                {'component': 'promotion', 'description': trim(f[$promotion_type]), 'amount': trim(f[$promotion_amount])},
                {'component': 'direct-payment', 'description': trim(f[$direct_payment_type]), 'amount': trim(f[$direct_payment_amount])},
                {'component': 'other', 'description': '', 'amount': trim(f[$other_amount])}
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
