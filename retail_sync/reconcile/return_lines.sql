-- The settlement lines of the traced numbers that say what was sold or given back: read once, they are asked several times.
create or replace temp table return_lines as
select l.channel, l.order_id, l.settlement_id, l.posted_at, l.business_date, l.category, l.sku, l.quantity, l.amount,
    l.currency, c.part
from canonical.settlement_lines as l
left join refund_categories as c using (category)
where l.order_id in (select order_id from traced_ids)
    and l.category in (
        select category from refund_categories
        union all
        select unnest(['product_sales', 'promotions', 'shipping_income', 'gift_wrap_income', 'tax_collected', 'order_payments'])
    )
