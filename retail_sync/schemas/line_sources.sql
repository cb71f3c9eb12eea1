-- From a leg of a desired entry back to the canonical rows under it, and so to the line of the delivered file.
create or replace view journal.line_sources as
select
    j.entry_key, j.line_no as entry_line_no, j.account, j.home_minor,
    l.delivery_id, l.line_no as file_line_no, l.component, l.transaction_type, l.amount_type, l.amount_description,
    l.order_id, l.sku, l.posted_at, l.amount, l.currency
from journal.lines as j
join canonical.settlements as s on s.settlement_id = j.document_id
join canonical.settlement_lines as l
    on l.settlement_id = j.document_id
    and l.category = j.category
    and l.marketplace = j.location
    and cast(date_trunc('month', least(l.business_date, s.closing_date)) as date) = j.posting_month
union all
-- Over/short is the difference of two sums: both stand under it.
select
    j.entry_key, j.line_no, j.account, j.home_minor,
    p.delivery_id, p.line_no, p.component, p.word, '', '',
    p.receipt_id, p.sku, p.happened_at, p.amount, p.currency
from journal.lines as j
join reconcile.store_day_parts as p
    on j.document_id = 'store_day:' || p.store || '|' || p.business_date
    and j.transaction_currency = p.currency
    and (
        j.category = p.component
        or (j.category = 'cash_over_short' and p.component in ('tender_cash', 'drawer_proceeds'))
    )
union all
-- Both legs of an amount rest on the same events.
select
    j.entry_key, j.line_no, j.account, j.home_minor,
    g.delivery_id, g.line_no, 'gift_cards_' || g.kind, g.kind, '', '',
    null, null, g.occurred_at, g.amount, g.currency
from journal.lines as j
join canonical.gift_card_events as g
    on j.document_id = 'gift_cards:' || g.channel || '|' || g.business_date
    and j.category = 'gift_cards_' || g.kind
    and j.transaction_currency = g.currency
