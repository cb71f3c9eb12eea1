-- Receipts, tenders and drawers of the touched store days, summed by component.
insert into reconcile.store_day_components by name
with touched as (
    select document_id from raw.touched where stage = 'reconcile' and kind = 'store_day'
),
receipt_lines as (
    select * from canonical.pos_sales where store || '|' || business_date in (select document_id from touched)
),
parts as (
    select store, business_date, currency, register, 'sales' as side, 'pos_sales' as component,
        net_amount + discount_amount as amount
    from receipt_lines where kind = 'sale'
    union all
    select store, business_date, currency, register, 'sales', 'pos_discounts', -discount_amount
    from receipt_lines where kind = 'sale' and discount_amount <> 0
    union all
    select store, business_date, currency, register, 'sales', 'pos_sales_tax', tax_amount
    from receipt_lines where kind = 'sale' and tax_amount <> 0
    union all
    select store, business_date, currency, register, 'sales', 'pos_refunds', net_amount
    from receipt_lines where kind = 'return'
    union all
    select store, business_date, currency, register, 'sales', 'pos_refund_tax', tax_amount
    from receipt_lines where kind = 'return' and tax_amount <> 0
    union all
    select store, business_date, currency, register, 'sales',
        case kind when 'gift_card_sold' then 'pos_gift_cards_sold' when 'tip' then 'pos_tips' else 'pos_rounding' end,
        gross_amount
    from receipt_lines where kind not in ('sale', 'return')
    union all
    select store, business_date, currency, register, 'tenders', 'tender_' || tender, amount
    from canonical.pos_tenders where store || '|' || business_date in (select document_id from touched)
    union all
    -- What the drawer took in: what was counted, less what was in it before, put in and taken out for other reasons.
    select store, business_date, currency, register, 'drawer',
        case when counted_amount is null then 'drawer_open' else 'drawer_proceeds' end,
        coalesce(counted_amount - opening_amount - paid_in_amount + paid_out_amount, 0)
    from canonical.pos_shifts where store || '|' || business_date in (select document_id from touched)
)
select
    store, business_date, currency, register, side, component,
    cast(sum(amount) as decimal(18, 4)) as amount,
    count(*) as row_count
from parts
group by all
