-- The prices of touched orders beside the ERP's list for their channel and day, where it has one for every line of a sku.
create or replace temp table order_prices as
with priced as (
    select l.channel, l.order_id, l.currency, t.business_date, l.quantity, l.unit_price,
        -- Of two list prices of one day the later one holds.
        arg_max(p.unit_price, (p.valid_from, p.source)) as list_price
    from canonical.order_lines as l
    join touched_orders as t on t.channel = l.channel and t.order_id = l.order_id and t.business_date is not null
    join canonical.prices as p on p.sku = l.sku and p.channel = l.channel and p.currency = l.currency
        and p.valid_from <= t.business_date and (p.valid_to is null or p.valid_to >= t.business_date)
    group by l.channel, l.order_id, l.order_line_no, l.source, l.currency, t.business_date, l.quantity, l.unit_price
)
select channel, order_id, currency, business_date,
    cast(sum(quantity * list_price) as decimal(18, 4)) as expected_amount,
    cast(sum(quantity * unit_price) as decimal(18, 4)) as settled_amount,
    -- What was cancelled has no price.
    coalesce(bool_or(unit_price <> list_price) filter (quantity <> 0), false) as is_different
from priced
group by all
