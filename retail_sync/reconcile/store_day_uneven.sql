-- The receipts of store days that differ, where what was rung up, tendered and reported by the processor is not the same.
create or replace temp table uneven_receipts as
with tills as (
    select store, business_date, currency, register,
        sum(amount) filter (side = 'sales') as sales,
        sum(amount) filter (side = 'tenders') as tenders
    from reconcile.store_day_components
    group by all
),
days as (
    select store, business_date from tills where sales is distinct from tenders
    union
    select store, business_date from card_days where tendered is distinct from paid
),
parts as (
    select store, business_date, currency, register, receipt_id, gross_amount as rung_up, null as tendered, null as card
    from canonical.pos_sales semi join days using (store, business_date)
    union all
    select store, business_date, currency, register, receipt_id, null, amount, case tender when 'card' then amount end
    from canonical.pos_tenders semi join days using (store, business_date)
),
receipts as (
    select store, business_date, currency, register, receipt_id,
        cast(sum(rung_up) as decimal(18, 4)) as rung_up,
        cast(sum(tendered) as decimal(18, 4)) as tendered,
        cast(sum(card) as decimal(18, 4)) as card,
        row_number() over (partition by store, business_date, currency, receipt_id order by register) as place
    from parts
    group by store, business_date, currency, register, receipt_id
),
paid as (
    -- A payment does not name the till.
    select store, business_date, currency, receipt_id, 1 as place, cast(sum(amount) as decimal(18, 4)) as paid
    from receipt_payments semi join days using (store, business_date)
    group by all
)
select
    store, business_date, currency, coalesce(r.register, '') as register, receipt_id, r.rung_up, r.tendered, r.card, p.paid,
    -- The processor reports what the tenders lack, or a part of it: where the till's tenders are told, it is the same cause.
    coalesce(
        t.sales is not null and t.sales is distinct from t.tenders and p.paid is distinct from r.card
            and (p.paid - coalesce(r.card, 0) between 0 and r.rung_up - coalesce(r.tendered, 0)
                or p.paid - coalesce(r.card, 0) between r.rung_up - coalesce(r.tendered, 0) and 0),
        false) as is_explained,
    receipt_id in (select order_id from canonical.payments where kind in ('charge', 'refund') and order_id is not null)
        and receipt_id not in (select receipt_id from receipt_payments) as has_shared_number
from receipts as r
full join paid as p using (store, business_date, currency, receipt_id, place)
left join tills as t using (store, business_date, currency, register)
where r.rung_up is distinct from r.tendered
    or r.card is distinct from p.paid and store in (select store from card_days)
