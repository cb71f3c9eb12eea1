-- Square's lists as canonical rows. Money is an integer in minor units; `currency_code` is what payouts say instead of `currency`.
-- Of a record that came twice the newest counts.
create or replace temp macro whole(x) as cast(x * 10000 as hugeint);
create or replace temp table square_places as
with named as (
    select record->>'$.id' as location, record,
        coalesce(json_extract_string(cast($stores as varchar), '$."' || (record->>'$.id') || '"'), record->>'$.id') as store
    from records
    where part = 'locations'
    qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1
)
select location, store,
    coalesce(json_extract_string($time_zones, '$."' || store || '"'), nullif(record->>'$.timezone', ''), $time_zone) as zone
from named;

-- object: locations
-- A location that is another system's store is described there.
create or replace temp table staged_locations as
select
    record->>'$.id' as location_id,
    record->>'$.name' as title,
    'store' as kind,
    nullif(record->>'$.country', '') as country,
    coalesce(json_extract_string($time_zones, '$."' || (record->>'$.id') || '"'), nullif(record->>'$.timezone', ''), $time_zone)
        as time_zone,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from records
where json_extract_string(cast($stores as varchar), '$."' || (record->>'$.id') || '"') is null
qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1;

-- object: orders, inventory, physical_counts
create or replace temp table square_articles as
select record->>'$.id' as article, nullif(record->>'$.item_variation_data.sku', '') as sku
from records
where part = 'catalog'
qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1;

-- object: orders, payments, refunds
-- Whether a refund went to a gift card: it says so where somebody chose that card, else its payment does.
create or replace temp table gift_card_payments as
select distinct record->>'$.id' as payment_id
from records
where part in ('payments', 'payment') and (record->>'$.card_details.card.card_brand') = 'SQUARE_GIFT_CARD';
create or replace temp macro is_to_gift_card(refund) as
    case
        when coalesce(refund->>'$.destination_type', 'CARD') <> 'CARD' then false
        when (refund->'$.destination_details.card_details.card') is not null
            then coalesce((refund->>'$.destination_details.card_details.card.card_brand') = 'SQUARE_GIFT_CARD', false)
        else coalesce((refund->>'$.payment_id') in (select payment_id from gift_card_payments), false)
    end;

-- object: orders
-- A receipt is an order that is completed, open and paid in full, or canceled after money was taken: what was a receipt once stays
-- one, and what was given back is told beside it. Its instant is that at which its money first moved.
create or replace temp table square_refunds as
select distinct on (record->>'$.id') record->>'$.order_id' as receipt_id, record as money,
    -- 1: it went back, or is on its way; 0: it did not move after all.
    case record->>'$.status' when 'PENDING' then 1 when 'COMPLETED' then 1 when 'REJECTED' then 0 when 'FAILED' then 0 end as is_moved
from records
where part = 'refunds'
order by record->>'$.id', instant_of(record->>'$.updated_at') desc nulls last, line_no desc;

-- Where the money of a tender stands: each kind says it in details of its own, cash says nothing and is taken.
create or replace temp macro standing_of(tender) as
    coalesce(
        tender->>'$.card_details.status', tender->>'$.buy_now_pay_later_details.status',
        tender->>'$.square_account_details.status', tender->>'$.bank_account_details.status', 'CAPTURED'
    );
create or replace temp macro is_taken(tender) as standing_of(tender) in ('CAPTURED', 'COMPLETED');
create or replace temp table square_receipts as
with newest as (
    select * from records
    where part = 'orders'
    qualify row_number() over (
        partition by record->>'$.id'
        order by instant_of(record->>'$.updated_at') desc nulls last, cast(record->>'$.version' as bigint) desc nulls last, line_no desc
    ) = 1
),
timed as (
    select *, list_concat(record->>'$.tenders[*].created_at', record->>'$.refunds[*].created_at') as moments,
        coalesce(record->>'$.closed_at', record->>'$.created_at') as otherwise
    from newest
    where (record->>'$.state') = 'COMPLETED'
        or (record->>'$.state') = 'OPEN'
        and (record->>'$.net_amount_due_money.amount') = '0'
        and len(record->'$.tenders[*]') > 0
        and len(list_filter(cast(record->'$.tenders[*]' as json[]), lambda x: not is_taken(x))) = 0
        or (record->>'$.state') = 'CANCELED'
        and len(list_filter(cast(record->'$.tenders[*]' as json[]), lambda x: is_taken(x))) > 0
),
given_back as (
    select receipt_id, sum(is_moved * try_cast(money->>'$.amount_money.amount' as hugeint)) as minor,
        max(instant_of(money->>'$.created_at')) as given_at, max_by(money->>'$.created_at', instant_of(money->>'$.created_at')) as raw
    from square_refunds
    group by 1
)
select t.line_no, t.record, t.record->>'$.id' as receipt_id, coalesce(p.store, t.record->>'$.location_id') as store,
    coalesce(p.zone, $time_zone) as zone,
    coalesce(list_min(list_transform(moments, lambda x: instant_of(x))), instant_of(otherwise)) as sold_at,
    coalesce(moments[1], otherwise) as sold_at__raw,
    list_transform(
        list_filter(cast(t.record->'$.taxes[*]' as json[]), lambda x: (x->>'$.type') = 'INCLUSIVE'), lambda x: x->>'$.uid'
    ) as inclusive_taxes,
    -- When all money of a canceled order went back: the goods did as well, though no return says so.
    (t.record->>'$.state') = 'CANCELED' and coalesce(len(t.record->'$.returns[*]'), 0) = 0
        and coalesce(b.minor, 0) = list_sum(list_transform(
            cast(t.record->'$.tenders[*]' as json[]),
            lambda x: case when is_taken(x) then try_cast(x->>'$.amount_money.amount' as hugeint) else 0 end
        )) as is_undone,
    coalesce(b.given_at, instant_of(t.record->>'$.updated_at')) as undone_at,
    coalesce(b.raw, t.record->>'$.updated_at') as undone_at__raw
from timed as t
left join square_places as p on p.location = (t.record->>'$.location_id')
left join given_back as b on b.receipt_id = (t.record->>'$.id');

create or replace temp table staged_pos_sales as
with parts as (
    select receipt_id, 1 as section, unnest(cast(record->'$.line_items[*]' as json[])) as item,
        generate_subscripts(cast(record->'$.line_items[*]' as json[]), 1) as place
    from square_receipts
    union all
    select receipt_id, 2, unnest(cast(record->'$.service_charges[*]' as json[])),
        generate_subscripts(cast(record->'$.service_charges[*]' as json[]), 1)
    from square_receipts
    union all
    select receipt_id, 3, record->'$.total_tip_money', 1 from square_receipts
    union all
    select receipt_id, 4, record->'$.rounding_adjustment.amount_money', 1 from square_receipts
    union all
    select receipt_id, 5, unnest(cast(record->'$.returns[*].return_line_items[*]' as json[])),
        generate_subscripts(cast(record->'$.returns[*].return_line_items[*]' as json[]), 1)
    from square_receipts
    union all
    select receipt_id, 6, unnest(cast(record->'$.returns[*].return_service_charges[*]' as json[])),
        generate_subscripts(cast(record->'$.returns[*].return_service_charges[*]' as json[]), 1)
    from square_receipts
    union all
    select receipt_id, 7, unnest(cast(record->'$.returns[*].return_tips[*].applied_money' as json[])),
        generate_subscripts(cast(record->'$.returns[*].return_tips[*].applied_money' as json[]), 1)
    from square_receipts
    union all
    select receipt_id, 8, unnest(cast(record->'$.returns[*].rounding_adjustment.amount_money' as json[])),
        generate_subscripts(cast(record->'$.returns[*].rounding_adjustment.amount_money' as json[]), 1)
    from square_receipts
),
sold_or_undone as (
    select *, false as is_undoing from parts
    union all
    select p.*, true from parts as p join square_receipts as r using (receipt_id) where p.section < 5 and r.is_undone
),
worded as (
    select *,
        case when section in (3, 4, 7, 8) then item else item->'$.total_money' end as total,
        -- What Square leaves out is nothing.
        coalesce(item->>'$.total_tax_money.amount', '0') as tax,
        coalesce(item->>'$.total_discount_money.amount', '0') as discount,
        case when section < 5 and not is_undoing then 1 else -1 end as sign,
        case
            when section in (1, 5) and (item->>'$.item_type') = 'GIFT_CARD' then 'gift_card_sold'
            when section in (1, 2) and not is_undoing then 'sale'
            when section in (1, 2, 5, 6) then 'return'
            when section in (3, 7) then 'tip'
            else 'rounding'
        end as kind
    from sold_or_undone
    where not (section in (3, 4, 7, 8) and coalesce(item->>'$.amount', '0') = '0')
        -- Those are in the totals of the lines already.
        and not (section in (2, 6) and coalesce(item->>'$.treatment_type', '') = 'APPORTIONED_TREATMENT')
),
figures as (
    select w.*, r.* exclude (receipt_id, sold_at, sold_at__raw),
        case when is_undoing then undone_at else r.sold_at end as sold_at,
        case when is_undoing then undone_at__raw else r.sold_at__raw end as sold_at__raw, total->>'$.currency' as currency,
        case when section in (1, 5) then quantity_of(item->>'$.quantity') else cast(1 as decimal(18, 6)) end as units,
        minor_of(total->>'$.amount', unit) as gross,
        minor_of(tax, unit) as tax_part,
        minor_of(discount, unit) as given,
        unit,
        list_has_any(coalesce(item->>'$.applied_taxes[*].tax_uid', []), inclusive_taxes) as is_inclusive
    from worded as w
    join square_receipts as r using (receipt_id)
    left join currency_units as u on u.currency = (w.total->>'$.currency')
)
select
    store,
    '-' as register,
    receipt_id,
    row_number() over (partition by receipt_id order by is_undoing, section, place) as receipt_line_no,
    kind,
    sold_at, sold_at__raw,
    cast(timezone(zone, sold_at) - cast($day_starts_at as interval) as date) as business_date,
    a.sku,
    nullif(concat_ws(', ', nullif(item->>'$.name', ''), nullif(item->>'$.variation_name', '')), '') as title,
    cast(sign * units as decimal(18, 6)) as quantity, item->>'$.quantity' as quantity__raw,
    currency,
    cast(sign * gross as decimal(18, 4)) as gross_amount, cast(total as varchar) as gross_amount__raw,
    cast(sign * tax_part as decimal(18, 4)) as tax_amount, tax as tax_amount__raw,
    cast(sign * (gross - tax_part) as decimal(18, 4)) as net_amount,
    -- Where prices hold the tax, the discount holds its share of it: given x (gross - tax) / gross in whole numbers, because a
    -- division of decimals is a float.
    cast(sign * case when is_inclusive and gross > 0
        then cast((2 * whole(given) * whole(gross - tax_part) + whole(gross) * whole(unit)) // (2 * whole(gross) * whole(unit))
            as decimal(18, 0)) * unit
        else given end as decimal(18, 4)) as discount_amount,
    discount as discount_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from figures
left join square_articles as a on a.article = (item->>'$.catalog_object_id');

create or replace temp table staged_pos_tenders as
with taken as (
    select r.*, unnest(cast(r.record->'$.tenders[*]' as json[])) as money from square_receipts as r
),
given_back as (
    select r.*, b.money, b.is_moved from square_refunds as b join square_receipts as r using (receipt_id)
),
moved as (
    -- Money that did not move after all is a tender of nothing: it takes the place of what an earlier delivery expected.
    select * exclude (money), money,
        case
            when standing_of(money) in ('VOIDED', 'FAILED') then 0
            -- Nobody captures it any more.
            when (record->>'$.state') = 'CANCELED' and standing_of(money) = 'AUTHORIZED' then 0
            else 1
        end as sign,
        money->>'$.type' as word
    from taken
    union all
    select * exclude (money, is_moved), money, -is_moved,
        case
            when is_to_gift_card(money) then 'SQUARE_GIFT_CARD'
            -- Older answers do not say where it went; a fee that is given back was taken by card.
            when (money->>'$.destination_type') is null and json_exists(money, '$.processing_fee') then 'CARD'
            else money->>'$.destination_type'
        end
    from given_back
)
select
    store,
    '-' as register,
    receipt_id,
    row_number() over (partition by receipt_id order by instant_of(money->>'$.created_at'), money->>'$.id') as tender_no,
    -- A card is what Square itself settles; a card taken on another terminal is settled by somebody else.
    case
        when word in ('CARD', 'WALLET', 'BANK_ACCOUNT', 'BUY_NOW_PAY_LATER', 'SQUARE_ACCOUNT') then 'card'
        when word = 'CASH' then 'cash'
        when word = 'SQUARE_GIFT_CARD' then 'gift_card'
        when word in ('THIRD_PARTY_CARD', 'NO_SALE', 'OTHER', 'EXTERNAL') then 'other'
    end as tender,
    word as tender__raw,
    instant_of(money->>'$.created_at') as tendered_at, money->>'$.created_at' as tendered_at__raw,
    cast(timezone(zone, instant_of(money->>'$.created_at')) - cast($day_starts_at as interval) as date) as business_date,
    money->>'$.amount_money.currency' as currency,
    cast(sign * minor_of(money->>'$.amount_money.amount', unit) as decimal(18, 4)) as amount,
    money->>'$.amount_money.amount' as amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from moved
left join currency_units as u on u.currency = (money->>'$.amount_money.currency');

-- object: payments, refunds
-- What Square has taken and not paid out yet, as far as it knows its fee. The entry of the payout takes this row's place.
create or replace temp table staged_payments as
with newest as (
    select * from records
    where part in ('payments', 'refunds')
    qualify row_number() over (
        partition by record->>'$.id' order by instant_of(record->>'$.updated_at') desc nulls last, line_no desc
    ) = 1
),
moved as (
    select *, part = 'refunds' as is_refund,
        coalesce(record->'$.total_money', record->'$.amount_money') as total,
        cast(record->'$.processing_fee[*].amount_money.amount' as varchar[]) as fees
    from newest
    where (record->>'$.status') = 'COMPLETED'
        -- Cash and what others settle is in no payout; nor is a gift card, which was paid when it was sold.
        and coalesce(record->>'$.source_type', record->>'$.destination_type', 'CARD') not in ('CASH', 'EXTERNAL')
        and coalesce(record->>'$.card_details.card.card_brand', '') <> 'SQUARE_GIFT_CARD'
        and not (part = 'refunds' and is_to_gift_card(record))
),
figures as (
    select m.*, p.zone, instant_of(record->>'$.created_at') as paid_at,
        case when is_refund then -1 else 1 end * minor_of(total->>'$.amount', unit) as gross,
        minor_sum_of(fees, unit) as fee
    from moved as m
    left join square_places as p on p.location = (record->>'$.location_id')
    left join currency_units as u on u.currency = (total->>'$.currency')
)
select
    $channel as channel,
    record->>'$.id' as payment_id,
    $account as account,
    case when is_refund then 'refund' else 'charge' end as kind,
    coalesce(record->>'$.source_type', record->>'$.destination_type') as source_type,
    record->>'$.order_id' as order_id,
    paid_at, record->>'$.created_at' as paid_at__raw,
    local_day_of(paid_at, coalesce(zone, $time_zone)) as business_date,
    total->>'$.currency' as currency,
    cast(gross as decimal(18, 4)) as gross_amount, total->>'$.amount' as gross_amount__raw,
    cast(fee as decimal(18, 4)) as fee_amount, cast(fees as varchar) as fee_amount__raw,
    cast(gross - fee as decimal(18, 4)) as net_amount,
    cast(null as decimal(18, 4)) as presentment_amount,
    cast(null as varchar) as presentment_currency,
    cast(null as varchar) as payout_id,
    cast(null as date) as payout_date,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from figures;

-- object: payouts, payout_entries
create or replace temp table square_payouts as
select line_no, record, record->>'$.id' as payout, coalesce(p.zone, $time_zone) as zone,
    coalesce(record->>'$.amount_money.currency', record->>'$.amount_money.currency_code') as currency,
    iso_day_of(record->>'$.arrival_date') as payout_date
from records
left join square_places as p on p.location = (record->>'$.location_id')
where part = 'payouts'
qualify row_number() over (
    partition by record->>'$.id' order by cast(record->>'$.version' as bigint) desc nulls last, line_no desc
) = 1;

-- object: payouts
-- Of each day of arrival all payouts, or none: what else the delivery holds arrives on days that it does not hold whole.
create or replace temp table staged_payouts as
select
    $channel as channel,
    $account as account,
    payout_date, record->>'$.arrival_date' as payout_date__raw,
    s.currency,
    row_number() over (partition by payout_date, s.currency order by instant_of(record->>'$.created_at'), payout) as payout_no,
    payout as payout_id,
    record->>'$.end_to_end_id' as bank_reference,
    case record->>'$.status' when 'SENT' then 'in_transit' when 'PAID' then 'paid' when 'FAILED' then 'failed' end as status,
    record->>'$.status' as status__raw,
    -- The list does not say what a payout is made of.
    minor_of(record->>'$.amount_money.amount', unit) as charges_amount,
    cast(0 as decimal(18, 4)) as refunds_amount,
    cast(0 as decimal(18, 4)) as adjustments_amount,
    cast(0 as decimal(18, 4)) as reserved_amount,
    cast(0 as decimal(18, 4)) as fees_amount,
    cast(0 as decimal(18, 4)) as retried_amount,
    cast(0 as decimal(18, 4)) as other_amount,
    minor_of(record->>'$.amount_money.amount', unit) as total_amount, record->>'$.amount_money.amount' as total_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from square_payouts as s
left join currency_units as u on u.currency = s.currency
where payout_date is null
    or payout_date >= cast($window_start as date)
    and (payout_date < cast($window_end as date) or $window_end + interval 6 hour >= $pulled_at);

-- object: payout_entries
create or replace temp table staged_payments as
with orders as (
    select record->>'$.id' as moved, min(record->>'$.order_id') as order_id
    from records
    where part in ('payments', 'payment', 'refunds', 'refund')
    group by 1
),
entries as (
    select e.line_no, e.record, e.key as payout, e.record->>'$.type' as word, e.record->>'$.effective_at' as moment,
        e.record->'$.gross_amount_money' as gross, e.record->'$.fee_amount_money' as fee, e.record->'$.net_amount_money' as net,
        case word when 'CHARGE' then e.record->>'$.type_charge_details.payment_id'
            when 'REFUND' then e.record->>'$.type_refund_details.refund_id' end as own,
        coalesce(own, e.record->>'$.type_dispute_details.payment_id', e.record->>'$.type_open_dispute_details.payment_id') as moved
    from records as e
    where e.part = 'entries'
    qualify row_number() over (partition by e.record->>'$.id' order by e.line_no desc) = 1
    union all
    -- A payout that the seller asked for has no entries: it is its own only line, and an entry of a later one.
    select line_no, record, payout, 'SIMPLE_PAYOUT', record->>'$.created_at', record->'$.amount_money', null,
        record->'$.amount_money', payout, null
    from square_payouts where (record->>'$.type') = 'SIMPLE'
),
figures as (
    select e.*, s.zone, s.payout_date, instant_of(moment) as paid_at,
        coalesce(gross->>'$.currency', gross->>'$.currency_code') as currency,
        minor_of(gross->>'$.amount', unit) as gross_amount,
        minor_of(net->>'$.amount', unit) as net_amount,
        coalesce(minor_of(fee->>'$.amount', unit), minor_of(gross->>'$.amount', unit) - minor_of(net->>'$.amount', unit)) as fee_amount
    from entries as e
    left join square_payouts as s using (payout)
    left join currency_units as u on u.currency = coalesce(gross->>'$.currency', gross->>'$.currency_code')
)
select
    $channel as channel,
    coalesce(own, record->>'$.id') as payment_id,
    $account as account,
    case
        when word = 'CHARGE' then 'charge'
        when word = 'REFUND' then 'refund'
        when word in ('DISPUTE', 'OPEN_DISPUTE') then 'chargeback'
        when word in ('ADJUSTMENT', 'OTHER_ADJUSTMENT') then 'adjustment'
        when word in ('RESERVE_HOLD', 'RESERVE_RELEASE', 'HOLD_ADJUSTMENT', 'RELEASE_ADJUSTMENT') then 'reserve'
        when regexp_matches(word, 'FEE') or word = 'FREE_PROCESSING' then 'fee'
        else 'other'
    end as kind,
    word as source_type,
    o.order_id,
    paid_at, moment as paid_at__raw,
    local_day_of(paid_at, coalesce(zone, $time_zone)) as business_date,
    currency,
    gross_amount, gross->>'$.amount' as gross_amount__raw,
    fee_amount, fee->>'$.amount' as fee_amount__raw,
    net_amount, net->>'$.amount' as net_amount__raw,
    cast(null as decimal(18, 4)) as presentment_amount,
    cast(null as varchar) as presentment_currency,
    payout as payout_id,
    payout_date,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from figures as f
left join orders as o using (moved);

-- object: inventory
-- What Square sells from its locations together. It is Square's own book, no count of the shelf.
create or replace temp table staged_listings as
with newest as (
    select * from records
    where part = 'counts' and (record->>'$.state') = 'IN_STOCK'
    qualify row_number() over (
        partition by record->>'$.catalog_object_id', record->>'$.location_id'
        order by instant_of(record->>'$.calculated_at') desc nulls last, line_no desc
    ) = 1
)
select
    $channel as channel,
    record->>'$.catalog_object_id' as channel_sku,
    min(a.sku) as sku,
    $pulled_at as listed_at,
    local_day_of($pulled_at, $time_zone) as business_date,
    -- One that is no number leaves no sum.
    case when bool_and(quantity_of(record->>'$.quantity') is not null)
        then cast(sum(quantity_of(record->>'$.quantity')) as decimal(18, 6)) end as listed_quantity,
    string_agg(record->>'$.quantity', ' + ' order by line_no) as listed_quantity__raw,
    min(line_no) as line_no,
    $source as source,
    $delivery_id as delivery_id
from newest
left join square_articles as a on a.article = (record->>'$.catalog_object_id')
group by record->>'$.catalog_object_id';

-- object: physical_counts
-- What another program wrote through the API is that program's book and nobody's count.
create or replace temp table staged_stock_counts as
with newest as (
    select line_no, record->'$.physical_count' as counted
    from records
    where part = 'changes' and (record->>'$.type') = 'PHYSICAL_COUNT'
        and (record->>'$.physical_count.state') = 'IN_STOCK'
        and coalesce(record->>'$.physical_count.source.product', '') <> 'EXTERNAL_API'
    qualify row_number() over (partition by record->>'$.physical_count.id' order by line_no desc) = 1
)
select
    instant_of(counted->>'$.occurred_at') as counted_at, counted->>'$.occurred_at' as counted_at__raw,
    cast(timezone(coalesce(p.zone, $time_zone), instant_of(counted->>'$.occurred_at')) as date) as business_date,
    coalesce(p.store, counted->>'$.location_id') as location_id,
    a.sku, counted->>'$.catalog_object_id' as sku__raw,
    'physical' as kind,
    quantity_of(counted->>'$.quantity') as quantity, counted->>'$.quantity' as quantity__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from newest
left join square_places as p on p.location = (counted->>'$.location_id')
left join square_articles as a on a.article = (counted->>'$.catalog_object_id');

-- object: cash_drawer_shifts
-- Orders do not name the till, so drawers do not either: those of a store are compared together.
create or replace temp table staged_pos_shifts as
with newest as (
    select *, coalesce(record->>'$.location_id', key) as location
    from records
    where part = 'shift'
    qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1
)
select
    coalesce(p.store, newest.location) as store,
    '-' as register,
    record->>'$.id' as shift_id,
    instant_of(record->>'$.opened_at') as opened_at, record->>'$.opened_at' as opened_at__raw,
    case record->>'$.state' when 'CLOSED' then instant_of(record->>'$.closed_at') end as closed_at,
    record->>'$.closed_at' as closed_at__raw,
    cast(timezone(coalesce(p.zone, $time_zone), instant_of(record->>'$.opened_at')) - cast($day_starts_at as interval) as date)
        as business_date,
    record->>'$.opened_cash_money.currency' as currency,
    minor_of(record->>'$.opened_cash_money.amount', unit) as opening_amount, record->>'$.opened_cash_money.amount' as opening_amount__raw,
    -- Said to be above zero, and below it for what was taken out in Square's own example.
    abs(minor_of(coalesce(record->>'$.cash_paid_in_money.amount', '0'), unit)) as paid_in_amount,
    record->>'$.cash_paid_in_money.amount' as paid_in_amount__raw,
    abs(minor_of(coalesce(record->>'$.cash_paid_out_money.amount', '0'), unit)) as paid_out_amount,
    record->>'$.cash_paid_out_money.amount' as paid_out_amount__raw,
    case record->>'$.state' when 'CLOSED' then minor_of(record->>'$.closed_cash_money.amount', unit) end as counted_amount,
    record->>'$.closed_cash_money.amount' as counted_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from newest
left join square_places as p on p.location = newest.location
left join currency_units as u on u.currency = (record->>'$.opened_cash_money.currency');
