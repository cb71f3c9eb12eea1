-- Orders whose own rows or settled lines changed, with what is known of them.
create or replace temp table touched_orders as
with named as (
    select document_id from raw.touched where stage = 'reconcile' and kind = 'order'
),
settled as (
    select document_id as settlement_id from raw.touched where stage = 'reconcile' and kind = 'settled'
),
ids as (
    select distinct channel, order_id from canonical.orders where channel || '|' || order_id in (select document_id from named)
        -- A price list may be for every order of its channel.
        or channel || '|*' in (select document_id from named)
    union
    select distinct channel, order_id from canonical.settlement_lines
    where order_id is not null and channel in (select channel from canonical.orders)
        and (settlement_id in (select settlement_id from settled) or channel || '|*' in (select document_id from named))
    union
    -- What has neither any more goes.
    select channel, order_id from reconcile.order_settlements
    where channel || '|' || order_id in (select document_id from named) or channel || '|*' in (select document_id from named)
        -- A corrected settlement may not have the order any more.
        or list_has_any(string_split(settlement_ids, ', '), (select coalesce(list(settlement_id), []) from settled))
)
select i.channel, i.order_id, any_value(o.business_date) as business_date, any_value(o.currency) as currency,
    any_value(o.total_amount) as total_amount, any_value(o.tax_amount) as tax_amount, any_value(o.shipping_amount) as shipping_amount
from ids as i
left join valid_orders as o using (channel, order_id)
group by i.channel, i.order_id
