-- What was sold of each article: as the order says, else as its settlements do, else as it was shipped. Amounts are after
-- discount and without tax.
create or replace temp table return_sold as
with ordered as (
    select 'order' as kind, channel, '' as register, order_id, sku, quantity,
        quantity * unit_price - coalesce(discount_amount, 0) as amount, currency,
        1 as rank
    from canonical.order_lines where order_id in (select order_id from traced_ids)
    union all
    select 'receipt', store, register, receipt_id, sku, quantity, net_amount, currency, 1
    from canonical.pos_sales where kind = 'sale' and receipt_id in (select order_id from traced_ids)
    union all
    select 'order', channel, '', order_id, sku, coalesce(quantity, 0), amount, currency, 2
    from return_lines where category in ('product_sales', 'promotions') and sku is not null
    union all
    select 'order', channel, '', order_id, sku, quantity, null, null, 3
    from canonical.fulfilments where order_id in (select order_id from traced_ids)
),
best as (
    select * from ordered where sku is not null
    qualify rank = min(rank) over (partition by kind, channel, register, order_id)
)
select kind, channel, register, order_id, sku, cast(sum(quantity) as decimal(18, 6)) as quantity,
    -- Of several currencies nothing is worth anything.
    case when min(currency) = max(currency) then cast(sum(amount) as decimal(18, 4)) end as amount,
    case when min(currency) = max(currency) then min(currency) end as currency
from best
group by kind, channel, register, order_id, sku
