-- The categories of settlement lines that give money back to a buyer, by what it is given back for. Only money for goods asks
-- for goods to come back; a channel that settles orders as one amount does not tell the rest of it apart.
create or replace temp view refund_categories as
select category, part from (values
    ('product_refunds', 'goods'), ('promotion_refunds', 'goods'), ('order_refunds', 'goods'),
    ('shipping_refunds', 'extras'), ('gift_wrap_refunds', 'extras'), ('tax_refunded', 'extras'),
    ('restocking_fee', 'fee'), ('refund_goodwill', 'goodwill'),
    ('chargebacks', 'dispute'), ('payment_chargebacks', 'dispute')
) as c (category, part)
