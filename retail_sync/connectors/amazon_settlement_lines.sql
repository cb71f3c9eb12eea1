-- Every amount of the document, typed; x__raw keeps the text that x was read from. The category is looked up per kind of
-- line (there are few hundred kinds and a million lines).
create or replace temp table staged_settlement_lines as
with typed as (
    select
        settlement_id,
        line_no,
        component,
        cast(try_strptime(posted, $instant_format) as timestamptz) as posted_at,
        posted,
        coalesce(transaction_type, '') as transaction_type,
        coalesce(amount_type, '') as amount_type,
        coalesce(amount_description, '') as amount_description,
        coalesce(marketplace, '') as marketplace,
        order_id,
        sku,
        quantity,
        case when regexp_full_match(amount, $amount_pattern)
            then cast(replace(replace(amount, $thousands_mark, ''), $decimal_mark, '.') as decimal(18, 4))
        end as amount_value,
        amount
    from fields
    where bad_line is null and coalesce(total, '') = '' and component <> 'quantity'
)
select
    t.settlement_id,
    t.line_no,
    t.component,
    'amazon' as channel,
    $account as account,
    $currency as currency,
    t.posted_at,
    t.posted as posted_at__raw,
    cast(timezone($time_zone, t.posted_at) as date) as business_date,
    t.transaction_type,
    t.amount_type,
    t.amount_description,
    'unclassified' as category,
    t.marketplace,
    case when regexp_full_match(t.order_id, '\d{3}-\d{7}-\d{7}') then t.order_id end as order_id,
    case when not regexp_full_match(t.order_id, '\d{3}-\d{7}-\d{7}') then nullif(t.order_id, '') end as reference,
    nullif(t.sku, '') as sku,
    case when regexp_full_match(t.quantity, '-?\d{1,9}') then cast(t.quantity as decimal(18, 6)) end as quantity,
    t.quantity as quantity__raw,
    t.amount_value as amount,
    t.amount as amount__raw,
    $source as source,
    $delivery_id as delivery_id
from typed as t
