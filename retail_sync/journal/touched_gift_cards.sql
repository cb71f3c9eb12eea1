-- Gift cards issued and expired on the touched days. Cards sold and redeemed are not among them: receipts and tenders book them.
-- A touched day without such an event any more has one row without a component.
with touched as (
    select document_id from raw.touched where stage = 'journal' and kind = 'gift_cards'
),
events as (
    select 'gift_cards:' || channel || '|' || business_date as document_id, 'gift_cards_' || kind as component, currency, amount
    from canonical.gift_card_events
    where kind in ('issued', 'expired')
)
select t.document_id, e.component, e.currency, sum(e.amount) as amount
from touched as t
left join events as e using (document_id)
group by all
order by all
