-- The comparisons of each store day. A side that nobody delivered is missing, not zero; a till that took no cash expects none.
create or replace temp table new_store_days as
with sides as (
    select store, business_date, currency, register,
        sum(amount) filter (side = 'sales') as sales,
        sum(amount) filter (side = 'tenders') as tenders,
        sum(amount) filter (component = 'tender_cash') as cash,
        sum(amount) filter (component = 'drawer_proceeds') as proceeds,
        coalesce(sum(row_count) filter (component = 'drawer_open'), 0) as open_count
    from reconcile.store_day_components
    group by all
),
-- A store whose drawers were never delivered has nothing to compare; one that has drawers must count each with cash.
counting as (
    select distinct store from reconcile.store_day_components where side = 'drawer'
),
cards as (
    select store, business_date, currency, register, receipt_id, sum(amount) as amount
    from canonical.pos_tenders where tender = 'card'
    group by all
),
-- A payment belongs to the receipt it names, where no two receipts have that number.
paid as (
    select c.store, c.business_date, c.currency, sum(p.gross_amount) as amount, max(p.channel) as channel
    from canonical.payments as p
    join cards as c on c.receipt_id = p.order_id and c.currency = p.currency
    where p.kind in ('charge', 'refund')
        and p.order_id in (select receipt_id from cards group by receipt_id having count(*) = 1)
    group by all
),
reported as (
    -- How far the processor's reports reach, for the stores whose receipts they name.
    select p.store, max(q.business_date) as reported_to
    from (select distinct store, channel from paid) as p
    join canonical.payments as q on q.channel = p.channel
    group by p.store
),
card_days as (
    select store, business_date, currency, sum(amount) as amount from cards group by all
),
compared as (
    select store, business_date, currency, register, 'sales_tenders' as comparison,
        sales as left_amount, tenders as right_amount,
        case when tenders is null then 'left_only' when sales is null then 'right_only'
            when sales = tenders then 'matched' else 'variance' end as status
    from sides where sales is not null or tenders is not null
    union all
    select store, business_date, currency, register, 'drawer', coalesce(cash, 0), case when open_count = 0 then proceeds end,
        case when open_count > 0 then 'open' when proceeds is null then 'left_only'
            when coalesce(cash, 0) = proceeds then 'matched' else 'variance' end
    from sides
    where (cash is not null or proceeds is not null or open_count > 0) and store in (select store from counting)
        -- Where receipts came without tenders, nobody knows what the drawer should hold.
        and (tenders is not null or sales is null)
    union all
    select d.store, d.business_date, d.currency, '', 'card_payments', d.amount, p.amount,
        case when p.amount = d.amount then 'matched'
            -- Processors report a card payment up to three days later.
            when r.reported_to < d.business_date + 3 then 'awaiting_processor'
            when p.amount is null then 'left_only' else 'variance' end
    from card_days as d
    left join paid as p on p.store = d.store and p.business_date = d.business_date and p.currency = d.currency
    join reported as r on r.store = d.store
    union all
    select store, business_date, currency, register, 'receipt_sources', sum(counted), sum(once), 'variance'
    from doubled_receipts
    group by all
)
select
    store, business_date, currency, register, comparison,
    cast(left_amount as decimal(18, 4)) as left_amount,
    cast(right_amount as decimal(18, 4)) as right_amount,
    cast(right_amount - left_amount as decimal(18, 4)) as difference,
    status
from compared
