-- From a leg of a desired entry back to the canonical rows under it, and so to the line of the delivered file.
-- `amount` is what the row counts in the leg, debit positive: the rows under a leg sum to the leg, whatever sign their own
-- document writes. Tax that a marketplace withheld is split over two accounts by sums, so these rows stand under both legs of
-- their category and sum to the two together. Legs of our own (payout, deposit, carried forward) and stock have no rows here.
-- An entry of a web shop's order rests on the order, whose row counts in full; what happened on the entry's day stands beside it
-- and counts nothing: it says why and when.
-- The ledger's key is the entry key with a version: entry_key = split_part(<key of the ledger>, '#', 1).
create or replace view journal.line_sources as
with store_rows as (
    select *, component as category, case side when 'sales' then -amount else amount end as counts
    from reconcile.store_day_parts
    where side <> 'drawer' and (component <> 'tender_cash' or (store, business_date, currency) not in (
        select (store, business_date, currency) from reconcile.store_day_parts where component = 'drawer_proceeds'
    ))
    union all
    -- Cash is booked as it was counted: then the drawer's rows are under it, and what was rung up is under over/short only.
    select *, 'tender_cash', amount from reconcile.store_day_parts where component = 'drawer_proceeds'
    union all
    -- What should have been there, less what was counted: short is a debit.
    select *, 'cash_over_short', case component when 'drawer_proceeds' then -amount else amount end
    from reconcile.store_day_parts where component in ('tender_cash', 'drawer_proceeds')
),
order_rows as (
    select channel, order_id, '' as entry_kind, true as counts, business_date, 'order' as component, status as word,
        cast(null as varchar) as sku, ordered_at as happened_at, delivery_id, line_no as file_line_no
    from canonical.orders
    union all
    select channel, order_id, case kind when 'charge' then 'storefront_payment' else 'storefront_refund' end, false, business_date,
        'payment', kind, null, paid_at, delivery_id, line_no
    from canonical.payments where kind in ('charge', 'refund') and order_id is not null
    union all
    select channel, order_id, 'storefront_shipment', false, business_date, 'shipment', 'shipped', sku, shipped_at, delivery_id, line_no
    from canonical.fulfilments
    union all
    -- What was given back and for which goods, beside the refund of its day; where money went on no such day, beside each refund.
    select r.channel, r.order_id, 'storefront_refund', false, p.business_date, 'return', r.disposition, r.sku, r.returned_at,
        r.delivery_id, r.line_no
    from canonical.returns as r
    left join (select distinct channel, order_id, business_date from canonical.payments where kind = 'refund') as p
        on p.channel = r.channel and p.order_id = r.order_id and p.business_date = r.business_date
    where r.quantity <> 0 or r.refund_amount <> 0
),
rows_under as (
    select
        j.entry_key, j.line_no as entry_line_no, j.account, j.home_minor,
        l.delivery_id, l.line_no as file_line_no, l.component, l.transaction_type, l.amount_type, l.amount_description,
        l.order_id, l.sku, l.posted_at,
        -- A failed transfer leaves transit by an entry of its own day, which the settlement's entry turns round again.
        case e.kind when 'failed_transfer' then l.amount else -l.amount end as amount,
        l.currency, null as register, null as card_id
    from journal.lines as j
    join journal.entries as e on e.entry_key = j.entry_key
    join journal.settlement_line_parts as l
        on l.settlement_id = j.document_id
        and l.category = j.category
        and l.marketplace = j.location
        and l.posting_month = j.posting_month
        and l.part_order_id = j.order_id
        and (e.kind <> 'failed_transfer' or l.business_date = e.posting_date)
    union all
    select
        j.entry_key, j.line_no, j.account, j.home_minor,
        p.delivery_id, p.line_no, p.component, p.word, '', '',
        p.receipt_id, p.sku, p.happened_at, p.counts, p.currency, p.register, null
    from journal.lines as j
    join store_rows as p
        on j.document_id = 'store_day:' || p.store || '|' || p.business_date
        and j.transaction_currency = p.currency
        and j.category = p.category
    union all
    -- Both legs of an amount rest on the same events.
    select
        j.entry_key, j.line_no, j.account, j.home_minor,
        g.delivery_id, g.line_no, 'gift_cards_' || g.kind, g.kind, '', '',
        null, null, g.occurred_at, sign(j.home_minor) * abs(g.amount), g.currency, null, g.card_id
    from journal.lines as j
    join canonical.gift_card_events as g
        on j.document_id = 'gift_cards:' || g.channel || '|' || g.business_date
        and j.category = 'gift_cards_' || g.kind
        and j.transaction_currency = g.currency
    union all
    -- A voucher is written as it is booked.
    select
        j.entry_key, j.line_no, j.account, j.home_minor,
        v.delivery_id, v.line_no, 'voucher', v.category, v.voucher_id, coalesce(v.memo, ''),
        null, null, null, v.amount, v.currency, null, null
    from journal.lines as j
    join canonical.vouchers as v
        on j.document_id = 'voucher:' || v.source || '|' || v.voucher_id
        and j.category = v.category
        and j.channel = coalesce(v.channel, '')
        and j.location = coalesce(v.location, '')
    union all
    -- An accrual has the sign of a settlement, its reversal turns that round.
    select
        j.entry_key, j.line_no, j.account, j.home_minor,
        r.delivery_id, r.line_no, 'deferral', r.category, r.transaction_id, '',
        r.order_id, null, null, case e.kind when 'deferral' then -r.amount else r.amount end, r.currency, null, null
    from journal.lines as j
    join journal.entries as e on e.entry_key = j.entry_key and e.kind in ('deferral', 'deferral_reversal')
    join journal.deferred_rows as r on r.document_id = j.document_id and r.category = j.category
    union all
    select
        j.entry_key, j.line_no, j.account, j.home_minor,
        o.delivery_id, o.file_line_no, o.component, o.word, '', '',
        o.order_id, o.sku, o.happened_at,
        -- Digits of the currency (ISO 4217); a test compares them with core/money.py.
        case when o.counts then cast(j.transaction_minor as decimal(18, 0)) * case
            when j.transaction_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                'VUV', 'XAF', 'XOF', 'XPF') then 1.0000
            when j.transaction_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 0.0010
            when j.transaction_currency in ('CLF', 'UYW') then 0.0001
            else 0.0100
        end else 0 end,
        j.transaction_currency, null, null
    from journal.lines as j
    join journal.entries as e on e.entry_key = j.entry_key
    join order_rows as o
        on starts_with(e.kind, 'storefront_')
        and o.channel = j.channel
        and o.order_id = substr(j.document_id, length('storefront_order:' || j.channel) + 2)
        and (o.counts or (e.kind = o.entry_kind and e.posting_date = coalesce(o.business_date, e.posting_date)))
)
select
    r.entry_key, r.entry_line_no, r.account, r.home_minor,
    r.delivery_id, d.name as file_name, r.file_line_no, r.component, r.transaction_type, r.amount_type, r.amount_description,
    r.order_id, r.sku, r.posted_at, r.amount, r.currency, r.register, r.card_id
from rows_under as r
left join raw.deliveries as d on d.delivery_id = r.delivery_id
