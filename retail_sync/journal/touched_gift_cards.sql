-- Gift cards issued and expired on the touched days. Cards sold and redeemed are not among them: receipts and tenders book them.
with events as (
    select 'gift_cards:' || channel || '|' || business_date as document_id, 'gift_cards_' || kind as component, currency, amount
    from canonical.gift_card_events
    where kind in ('issued', 'expired')
)
select document_id, component, currency, sum(amount) as amount
from events
where document_id in (select document_id from raw.touched where stage = 'journal' and kind = 'gift_cards')
group by all
order by all
