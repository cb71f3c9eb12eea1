-- Every receipt line, tender and drawer as a part of its store day: which component it counts in, with what amount.
create or replace view reconcile.store_day_parts as
with parts as (
    select *, 'sales' as side, sold_at as happened_at, kind as word, unnest(
        case kind
            when 'sale' then [
                {'component': 'pos_sales', 'amount': net_amount + discount_amount},
                {'component': 'pos_discounts', 'amount': -discount_amount},
                {'component': 'pos_sales_tax', 'amount': tax_amount}
            ]
            when 'return' then [
                {'component': 'pos_refunds', 'amount': net_amount},
                {'component': 'pos_refund_tax', 'amount': tax_amount}
            ]
            when 'gift_card_sold' then [{'component': 'pos_gift_cards_sold', 'amount': gross_amount}]
            when 'tip' then [{'component': 'pos_tips', 'amount': gross_amount}]
            else [{'component': 'pos_rounding', 'amount': gross_amount}]
        end
    ) as part
    from canonical.pos_sales
)
select
    store, business_date, currency, register, side, part.component as component, part.amount as amount,
    delivery_id, line_no, receipt_id, sku, happened_at, word
from parts
where part.amount <> 0 or part.component in ('pos_sales', 'pos_refunds')
union all
select
    store, business_date, currency, register, 'tenders', 'tender_' || tender, amount,
    delivery_id, line_no, receipt_id, null, tendered_at, tender
from canonical.pos_tenders
union all
-- What the drawer took in: what was counted, less what was in it before, put in and taken out for other reasons.
select
    store, business_date, currency, register, 'drawer',
    case when counted_amount is null then 'drawer_open' else 'drawer_proceeds' end,
    coalesce(counted_amount - opening_amount - paid_in_amount + paid_out_amount, 0),
    delivery_id, line_no, shift_id, null, opened_at, 'drawer'
from canonical.pos_shifts
