-- Every leg of a clearing account, or the rows under it where it sums many, under the name of the item it opens or closes.
-- $accounts are the clearing accounts; the entries $left_out are passed over.
create or replace temp table new_clearing_items as
with legs as (
    select
        j.entry_key, j.line_no, j.account, j.transaction_currency as currency, j.role, j.category, j.document_id, j.channel,
        j.location as store, j.posting_month as business_date, e.kind as entry_kind, e.posting_date,
        -- Decimals of one scale, multiplied: a division would leave them.
        cast(cast(j.transaction_minor as decimal(18, 0)) * case m.digits
            when 0 then 1.0000 when 3 then 0.0010 when 4 then 0.0001 else 0.0100
        end as decimal(18, 4)) as amount
    from journal.lines as j
    join journal.entries as e on e.entry_key = j.entry_key
    left join minor_units as m on m.currency = j.transaction_currency
    -- A revaluation moves nothing in the currency that an item is in.
    where list_contains($accounts, j.account) and not list_contains($left_out, j.entry_key) and e.kind <> 'revaluation'
),
-- One settlement's failed transfers of a day close the payout that they are matched with; two of them are not told apart.
failed as (
    select right_id, min(left_id) as settlement_id
    from reconcile.matches
    where reconciliation = 'failed_transfer' and is_confirmed
    group by right_id having count(*) = 1
),
by_settlement as (
    select
        l.account, l.currency, l.posting_date, l.amount, '' as store_day,
        case
            when l.role in ('payout', 'deposit', 'cleared_difference', 'carried_forward') then {'kind': 'settlement', 'item': l.document_id}
            when l.role = 'opening_debt' and t.opening_debt_of is not null then {'kind': 'settlement', 'item': t.opening_debt_of}
            when l.role = 'payout_failed' and f.settlement_id is not null then {'kind': 'settlement', 'item': f.settlement_id}
            when l.role = 'reserve_held' then {'kind': 'reserve', 'item': l.document_id}
            when l.role = 'reserve_released' then
                {'kind': 'reserve', 'item': coalesce(t.reserve_of, 'before ' || l.document_id)}
            when l.role = 'deferred' then {'kind': 'deferral', 'item': replace(substr(l.document_id, 10), '|', ' ')}
            when l.role in ('payout_failed', 'failed_transfer') then {'kind': 'failed_transfer', 'item': l.document_id}
            when l.role in ('opening_debt', 'micro_deposit') then {'kind': l.role, 'item': l.document_id}
            else {'kind': 'document', 'item': l.document_id}
        end as named
    from legs as l
    left join reconcile.settlement_totals as t on t.settlement_id = l.document_id
    left join failed as f on f.right_id = l.document_id || '|' || split_part(l.entry_key, ':', -1)
    where l.role <> 'component' and not starts_with(l.entry_kind, 'storefront_')
),
-- Receipts that a processor may pay: by card, or by what nobody told. Those of a held day are known here too.
payable as (
    select store, register, receipt_id, business_date from canonical.pos_tenders where tender in ('card', 'other')
    union all
    select s.store, s.register, s.receipt_id, s.business_date
    from canonical.pos_sales as s
    where not exists (
        select 1 from canonical.pos_tenders as t
        where t.store = s.store and t.register = s.register and t.receipt_id = s.receipt_id
    )
),
-- A payment belongs to the receipt it names, where no two tills have that number.
receipts as (
    select receipt_id, min(store) as store, min(register) as register, min(business_date) as business_date
    from payable
    group by receipt_id having count(distinct store || '|' || register) = 1
),
rows_under as (
    select
        l.*, s.amount as row_amount, s.order_id, s.register, s.card_id, l.entry_kind = 'store_day' as is_of_store,
        -- A till's own row may have the number of another till's receipt. Asked here and not in the join: an "or" beside its
        -- equality makes the join compare all with all.
        case when l.entry_kind <> 'store_day' or (r.store = l.store and r.register = s.register) then r.receipt_id end as receipt_id,
        r.store || ' ' || r.business_date as receipt_day
    from legs as l
    join journal.line_sources as s on s.entry_key = l.entry_key and s.entry_line_no = l.line_no
    left join receipts as r on r.receipt_id = s.order_id
    where l.role = 'component' and not starts_with(l.entry_kind, 'storefront_') and list_contains($accounts, s.account)
),
by_row as (
    select
        account, currency, posting_date, row_amount,
        case when is_of_store then store || ' ' || business_date else coalesce(receipt_day, '') end,
        case
            when card_id is not null then {'kind': 'gift_card', 'item': card_id}
            when category = 'tender_cash' then {'kind': 'drawer', 'item': concat_ws(' ', store, register, business_date)}
            when category = 'pos_gift_cards_sold' then {'kind': 'gift_cards_sold', 'item': store || ' ' || business_date}
            when category = 'tender_gift_card' then {'kind': 'gift_cards_redeemed', 'item': store || ' ' || business_date}
            when category = 'payment_reserve' then {'kind': 'processor_reserve', 'item': channel}
            when receipt_id is not null then {'kind': 'receipt', 'item': receipt_id}
            when is_of_store and order_id is not null then
                {'kind': 'receipt', 'item': concat_ws(' ', store, register, order_id)}
            when order_id is not null then {'kind': 'order', 'item': channel || ' ' || order_id}
            else {'kind': 'document', 'item': document_id}
        end
    from rows_under
),
-- A web shop's order is a document of its own: its legs need no rows to be named.
by_order as (
    select account, currency, posting_date, amount, '',
        {'kind': 'order', 'item': channel || ' ' || substr(document_id, length('storefront_order:' || channel || '|') + 1)}
    from legs where starts_with(entry_kind, 'storefront_')
),
explained as (
    select entry_key, line_no, sum(row_amount) as amount from rows_under group by all
),
unexplained as (
    select l.account, l.currency, l.posting_date, l.amount - coalesce(x.amount, 0), '',
        {'kind': 'unexplained', 'item': l.entry_key}
    from legs as l
    left join explained as x on x.entry_key = l.entry_key and x.line_no = l.line_no
    where l.role = 'component' and not starts_with(l.entry_kind, 'storefront_') and l.amount <> coalesce(x.amount, 0)
),
movements as (
    select * from by_settlement
    union all
    select * from by_row
    union all
    select * from by_order
    union all
    select * from unexplained
)
select
    account, currency, named.kind as kind, named.item as item,
    -- A receipt may have tenders of two days: the first names it.
    min(store_day) as store_day, min(posting_date) as opened_on, max(posting_date) as last_on,
    cast(coalesce(sum(amount) filter (amount > 0), 0) as decimal(18, 4)) as debit,
    cast(coalesce(-sum(amount) filter (amount < 0), 0) as decimal(18, 4)) as credit,
    cast(sum(amount) as decimal(18, 4)) as balance,
    case when sum(amount) = 0 then 'closed' else 'open' end as status
from movements
where amount <> 0
group by account, currency, named.kind, named.item
