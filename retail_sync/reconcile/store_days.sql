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
explained as (
    select store, business_date, currency, sum(paid - coalesce(card, 0)) as amount
    from uneven_receipts where is_explained
    group by all
),
compared as (
    select store, business_date, currency, register, 'sales_tenders' as comparison,
        sales as left_amount, tenders as right_amount, 0 as explained_amount,
        case when tenders is null then 'left_only' when sales is null then 'right_only'
            when sales = tenders then 'matched' else 'variance' end as status
    from sides where sales is not null or tenders is not null
    union all
    select store, business_date, currency, register, 'drawer', coalesce(cash, 0), case when open_count = 0 then proceeds end, 0,
        case when open_count > 0 then 'open' when proceeds is null then 'left_only'
            when coalesce(cash, 0) = proceeds then 'matched' else 'variance' end
    from sides
    where (cash is not null or proceeds is not null or open_count > 0) and store in (select store from counting)
        -- Where receipts came without tenders, nobody knows what the drawer should hold.
        and (tenders is not null or sales is null)
    union all
    select d.store, d.business_date, d.currency, '', 'card_payments', d.tendered, d.paid, coalesce(e.amount, 0),
        case when d.paid = d.tendered and e.amount is null then 'matched'
            -- All that differs are payments of receipts whose tenders are missing: told as tenders_differ, tenders_missing.
            when coalesce(d.paid, 0) - coalesce(d.tendered, 0) = e.amount then 'explained_by_tenders'
            -- Processors report a card payment up to three days later.
            when d.reported_to < d.business_date + 3 then 'awaiting_processor'
            when d.paid is null then 'left_only' when d.tendered is null then 'right_only' else 'variance' end
    from card_days as d
    left join explained as e using (store, business_date, currency)
    union all
    select store, business_date, currency, register, 'receipt_sources', sum(counted), sum(once), 0, 'variance'
    from doubled_receipts
    group by all
)
select
    store, business_date, currency, register, comparison,
    cast(left_amount as decimal(18, 4)) as left_amount,
    cast(right_amount as decimal(18, 4)) as right_amount,
    cast(right_amount - left_amount as decimal(18, 4)) as difference,
    cast(explained_amount as decimal(18, 4)) as explained_amount,
    status
from compared
