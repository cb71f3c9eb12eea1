-- What there is to say of each break of a store day beside its amount: its receipts, the largest first, and their sums.
-- Of a till without any tenders those are shown first that the processor knows of.
with receipts as (
    select *,
        rung_up_amount is distinct from tendered_amount as is_of_tenders,
        card_amount is distinct from paid_amount and not is_explained as is_of_cards,
        concat_ws(' ', store, cast(business_date as varchar)) as store_day,
        concat_ws(' ', store_day, nullif(nullif(register, '-'), '')) as till_day
    from reconcile.store_day_receipts
),
concerned as (
    select b.break_class, b.subject, b.currency, r.*,
        case when b.break_class = 'card_payments_differ' then abs(coalesce(r.paid_amount, 0) - coalesce(r.card_amount, 0))
            else abs(coalesce(r.tendered_amount, 0) - coalesce(r.rung_up_amount, 0)) end as size
    from reconcile.breaks as b
    join receipts as r on r.currency = b.currency and (
        b.break_class in ('tenders_differ', 'tenders_missing') and r.till_day = b.subject and r.is_of_tenders
        or b.break_class = 'card_payments_differ' and r.store_day = b.subject and r.is_of_cards
    )
    where b.reconciliation = 'store_days'
),
drawers as (
    select concat_ws(' ', store, cast(business_date as varchar), nullif(register, '-')) as subject, currency,
        sum(amount) filter (component = 'drawer_proceeds') as proceeds
    from reconcile.store_day_components
    where side = 'drawer'
    group by all
),
reached as (
    select store, max(business_date) as day from reconcile.store_days group by store
),
summed as (
    select break_class, subject, currency,
        list({
            'number': receipt_id, 'rung_up': rung_up_amount, 'tendered': tendered_amount, 'card': card_amount,
            'paid': paid_amount, 'is_reported': is_reported, 'has_shared_number': has_shared_number
        } order by break_class = 'tenders_missing' and paid_amount is null, size desc, receipt_id, register)[1:3] as receipts,
        count(*) as receipt_count,
        count(paid_amount) as paid_count,
        sum(paid_amount) as paid
    from concerned
    group by all
)
select b.break_class, b.subject, b.currency, s.receipts, coalesce(s.receipt_count, 0) as receipt_count,
    coalesce(s.paid_count, 0) as paid_count, s.paid,
    case b.break_class when 'tenders_missing' then d.proceeds end as drawer,
    case b.break_class when 'card_payments_differ' then c.explained_amount end as explained,
    -- What was rung up offline comes up to 72 hours late (Square), so a sale late on the day may come on the third day after it.
    case when b.break_class = 'drawer_over_short' and r.day <= b.since_date + 3 then b.since_date + 3 end as late_until
from reconcile.breaks as b
left join summed as s using (break_class, subject, currency)
left join drawers as d on d.subject = b.subject and d.currency = b.currency
left join reconcile.store_days as c on c.comparison = 'card_payments' and c.currency = b.currency
    and concat_ws(' ', c.store, cast(c.business_date as varchar)) = b.subject
left join reached as r on r.store = b.counterpart
where b.break_class in ('tenders_differ', 'tenders_missing', 'card_payments_differ', 'drawer_over_short')
