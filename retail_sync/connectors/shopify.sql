-- Shopify's lists as canonical rows. Amounts are texts in the shop's currency. Of a record that came twice the newest counts.

-- The number in gid://shopify/Order/1001.
create or replace temp macro number_of(gid) as nullif(regexp_extract(gid, '(\d+)(\?.*)?$', 1), '');
-- A place is known by its name in Shopify, as in the exports, or by its number.
create or replace temp macro place_of(place, chosen) as
    case when chosen = 'id' then number_of(place->>'$.id') else nullif(place->>'$.name', '') end;
-- What moved, from the vendor's word in lower case: about a hundred are known, there will be others. The exports call the
-- payout's own movement `payout`, the interface `transfer`.
create or replace temp macro payment_kind_of(word) as
    case
        when word in ('charge', 'capture') then 'charge'
        when word in ('payout', 'transfer') then 'payout'
        when contains(word, 'chargeback') or contains(word, 'dispute') then 'chargeback'
        when contains(word, 'reserve') then 'reserve'
        when contains(word, 'adjustment') then 'adjustment'
        -- A refund of tax, of a fee or of a loan comes from Shopify, not from a sale.
        when regexp_matches(word, '^(payment_)?refund(_|$)') then 'refund'
        when contains(word, 'fee') then 'fee'
        else 'other'
    end;

-- object: payouts
create or replace temp table staged_payouts as
with listed as (
    select line_no, record, record->'$.summary' as s, record->>'$.net.currencyCode' as currency, unit,
        instant_of(record->>'$.issuedAt') as issued_at
    from records
    left join currency_units as u on u.currency = (record->>'$.net.currencyCode')
    qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1
),
typed as (
    select *,
        local_day_of(issued_at, 'UTC') as payout_date,
        amount_of(s->>'$.chargesGross.amount', unit) as charges,
        amount_of(s->>'$.refundsFeeGross.amount', unit) as refunds,
        amount_of(s->>'$.adjustmentsGross.amount', unit) as adjustments,
        amount_of(s->>'$.reservedFundsGross.amount', unit) as reserved,
        amount_of(s->>'$.retriedPayoutsGross.amount', unit) as retried,
        sum_of([s->>'$.advanceGross.amount', s->>'$.usdcRebateCreditAmount.amount'], unit) as other,
        -sum_of([s->>'$.chargesFee.amount', s->>'$.refundsFee.amount', s->>'$.adjustmentsFee.amount',
            s->>'$.reservedFundsFee.amount', s->>'$.retriedPayoutsFee.amount', s->>'$.advanceFees.amount'], unit) as fees,
        amount_of(record->>'$.net.amount', unit) as net
    from listed
),
summed as (
    select *, charges + refunds + adjustments + reserved + retried + other + fees as parts from typed
)
select
    $channel as channel,
    $account as account,
    payout_date, record->>'$.issuedAt' as payout_date__raw,
    currency,
    row_number() over (partition by payout_date, currency order by number_of(record->>'$.id')) as payout_no,
    number_of(record->>'$.id') as payout_id,
    cast(null as varchar) as bank_reference,
    lower(record->>'$.status') as status, record->>'$.status' as status__raw,
    charges as charges_amount, s->>'$.chargesGross.amount' as charges_amount__raw,
    refunds as refunds_amount, s->>'$.refundsFeeGross.amount' as refunds_amount__raw,
    adjustments as adjustments_amount, s->>'$.adjustmentsGross.amount' as adjustments_amount__raw,
    reserved as reserved_amount, s->>'$.reservedFundsGross.amount' as reserved_amount__raw,
    cast(fees as decimal(18, 4)) as fees_amount, cast(s as varchar) as fees_amount__raw,
    retried as retried_amount, s->>'$.retriedPayoutsGross.amount' as retried_amount__raw,
    other as other_amount, cast(s as varchar) as other_amount__raw,
    -- What was taken from the bank account is negative, whatever sign says so.
    cast(case when (record->>'$.transactionType') = 'WITHDRAWAL' and parts = -net then parts else net end as decimal(18, 4)) as total_amount,
    record->>'$.net.amount' as total_amount__raw,
    cast(parts as decimal(18, 4)) as parts_amount,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from summed
where $since is null or $since = '' or payout_date is null or payout_date >= cast($since as date);

insert into staged_left_out
select line_no, 'of a day before `since`' from records
where $since <> '' and local_day_of(instant_of(record->>'$.issuedAt'), 'UTC') < cast($since as date);

insert into staged_rejected by name
select line_no, 'payouts' as table_name, 'total_amount' as column_name, total_amount__raw as value,
    'is not the sum of its parts, which is ' || parts_amount as reason
from staged_payouts where parts_amount <> total_amount;

-- object: balance_transactions
create or replace temp table shopify_movements as
select *, local_day_of(paid_at, $time_zone) as business_date
from (
    select
        line_no, record, number_of(record->>'$.id') as payment_id,
        instant_of(record->>'$.transactionDate') as paid_at,
        lower(record->>'$.type') as word,
        (record->>'$.test') = 'true' as is_test,
        -- Which payout it is in is believed where that payout's own list holds it.
        case when part = 'payout' and number_of(record->>'$.associatedPayout.id') = split_part(key, '|', 1)
            then split_part(key, '|', 1) end as payout_id,
        split_part(key, '|', 2) as issued_at
    from records
)
qualify row_number() over (partition by payment_id order by payout_id is not null desc, line_no desc) = 1;

create or replace temp table staged_payments as
select
    $channel as channel,
    payment_id,
    $account as account,
    payment_kind_of(word) as kind,
    record->>'$.type' as source_type,
    nullif(record->>'$.associatedOrder.name', '') as order_id,
    paid_at, record->>'$.transactionDate' as paid_at__raw,
    business_date,
    record->>'$.amount.currencyCode' as currency,
    amount_of(record->>'$.amount.amount', unit) as gross_amount, record->>'$.amount.amount' as gross_amount__raw,
    amount_of(record->>'$.fee.amount', unit) as fee_amount, record->>'$.fee.amount' as fee_amount__raw,
    amount_of(record->>'$.net.amount', unit) as net_amount, record->>'$.net.amount' as net_amount__raw,
    cast(null as decimal(18, 4)) as presentment_amount,
    cast(null as varchar) as presentment_currency,
    payout_id,
    case when payout_id is not null then local_day_of(instant_of(issued_at), 'UTC') end as payout_date,
    case when payout_id is not null then issued_at end as payout_date__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from shopify_movements
left join currency_units as u on u.currency = (record->>'$.amount.currencyCode')
where not is_test and ($since is null or $since = '' or business_date is null or business_date >= cast($since as date));

insert into staged_left_out
select line_no, case when is_test then 'made in test mode' else 'of a day before `since`' end
from shopify_movements
where is_test or ($since <> '' and business_date < cast($since as date));

-- object: orders, refunds, fulfilments
create or replace temp table shopify_orders as
select *, local_day_of(ordered_at, $time_zone) as business_date
from (
    select line_no, record, record->>'$.id' as id, record->>'$.name' as order_id, record->>'$.currencyCode' as currency, unit,
        instant_of(record->>'$.createdAt') as ordered_at, (record->>'$.test') = 'true' as is_test,
        (record->>'$.taxesIncluded') = 'true' as is_tax_included
    from records
    left join currency_units as u on u.currency = (record->>'$.currencyCode')
    where part = ''
    qualify row_number() over (partition by record->>'$.id' order by instant_of(record->>'$.updatedAt') desc, line_no desc) = 1
);
insert into staged_left_out select line_no, 'made in test mode' from shopify_orders where is_test;
delete from shopify_orders where is_test;

-- object: orders
insert into staged_left_out
select line_no, 'of a day before `since`' from shopify_orders where $since <> '' and business_date < cast($since as date);
delete from shopify_orders where $since <> '' and business_date < cast($since as date);

create or replace temp table staged_orders as
with shipping as (
    select id, list(amount) as amounts from (
        select id, unnest(record->>'$.shippingLines.nodes[*].discountedPriceSet.shopMoney.amount') as amount
        from shopify_orders
        union all
        select key, record->>'$.discountedPriceSet.shopMoney.amount' from records where part = 'shippingLines'
    ) group by id
)
select
    $channel as channel,
    order_id,
    ordered_at, record->>'$.createdAt' as ordered_at__raw,
    business_date,
    case when (record->>'$.cancelledAt') is not null then 'cancelled' else lower(record->>'$.displayFinancialStatus') end as status,
    left(sha256($channel || '|' || (record->>'$.customer.id')), 16) as customer_id,
    nullif(upper(record->>'$.shippingAddress.countryCodeV2'), '') as destination_country,
    -- Said by every tax line, or nobody knows.
    case list_distinct(list_transform(cast(record->'$.taxLines[*]' as json[]), lambda x: coalesce(x->>'$.channelLiable', 'unsaid')))
        when ['true'] then 'marketplace' when ['false'] then 'seller' end as tax_owed_by,
    case when (record->>'$.sourceName') = 'pos' then place_of(record->'$.retailLocation', $location_by) end as location_id,
    currency,
    -- Cash is rounded after the price is made: what the customer pays is both.
    cast(amount_of(record->>'$.totalPriceSet.shopMoney.amount', unit)
        + amount_of(coalesce(record->>'$.totalCashRoundingAdjustment.paymentSet.shopMoney.amount', '0'), unit)
        as decimal(18, 4)) as total_amount,
    record->>'$.totalPriceSet.shopMoney.amount' as total_amount__raw,
    amount_of(record->>'$.totalTaxSet.shopMoney.amount', unit) as tax_amount,
    record->>'$.totalTaxSet.shopMoney.amount' as tax_amount__raw,
    sum_of(coalesce(s.amounts, []), unit) as shipping_amount, cast(record->'$.shippingLines' as varchar) as shipping_amount__raw,
    amount_of(record->>'$.totalDiscountsSet.shopMoney.amount', unit) as discount_amount,
    record->>'$.totalDiscountsSet.shopMoney.amount' as discount_amount__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from shopify_orders
left join shipping as s using (id);

create or replace temp table staged_order_lines as
with lines as (
    select id, line_no, 0 as later, unnest(cast(record->'$.lineItems.nodes[*]' as json[])) as line,
        generate_subscripts(cast(record->'$.lineItems.nodes[*]' as json[]), 1) as n
    from shopify_orders
    union all
    select key, line_no, 1, record, line_no from records where part = 'lineItems'
),
-- A page of lines that came twice holds them once.
numbered as (
    select *, row_number() over (partition by id order by later, n) as place
    from (select * from lines qualify row_number() over (partition by id, line->>'$.id' order by later, n) = 1)
)
select
    $channel as channel,
    o.order_id,
    place as order_line_no,
    nullif(line->>'$.sku', '') as sku,
    nullif(line->>'$.name', '') as title,
    quantity_of(line->>'$.quantity') as quantity, line->>'$.quantity' as quantity__raw,
    o.currency,
    amount_of(line->>'$.originalUnitPriceSet.shopMoney.amount', 0.0001) as unit_price,
    line->>'$.originalUnitPriceSet.shopMoney.amount' as unit_price__raw,
    sum_of(line->>'$.discountAllocations[*].allocatedAmountSet.shopMoney.amount', unit) as discount_amount,
    cast(line->'$.discountAllocations' as varchar) as discount_amount__raw,
    sum_of(line->>'$.taxLines[*].priceSet.shopMoney.amount', unit) as tax_amount,
    cast(line->'$.taxLines' as varchar) as tax_amount__raw,
    l.line_no,
    $source as source,
    $delivery_id as delivery_id
from numbered as l
join shopify_orders as o using (id);

-- object: refunds
create or replace temp table shopify_refunds as
select o.line_no, o.order_id, o.currency, o.unit, o.is_tax_included, refund, refund->>'$.id' as id,
    number_of(refund->>'$.id') as refund_no, instant_of(refund->>'$.processedAt') as returned_at
from (select *, unnest(cast(record->'$.refunds[*]' as json[])) as refund from shopify_orders) as o;

create or replace temp table shopify_refund_parts as
with parts as (
    select id, line_no, 'refundLineItems' as part, unnest(cast(refund->'$.refundLineItems.nodes[*]' as json[])) as item from shopify_refunds
    union all
    select id, line_no, 'refundShippingLines', unnest(cast(refund->'$.refundShippingLines.nodes[*]' as json[])) from shopify_refunds
    union all
    select id, line_no, 'orderAdjustments', unnest(cast(refund->'$.orderAdjustments.nodes[*]' as json[])) from shopify_refunds
    union all
    select id, line_no, 'transactions', unnest(cast(refund->'$.transactions.nodes[*]' as json[])) from shopify_refunds
    union all
    select key, line_no, part, record from records where part <> ''
)
select * from parts qualify row_number() over (partition by id, part, item->>'$.id' order by line_no) = 1;

-- A line of a refund. Goods came back where they were sent out before: cancelled ones never left.
create or replace temp table shopify_refund_lines as
select r.*, item, p.line_no as item_line_no,
    (item->>'$.restockType') in ('RETURN', 'LEGACY_RESTOCK') as is_back,
    cast(amount_of(item->>'$.subtotalSet.shopMoney.amount', unit)
        + case when is_tax_included then 0 else amount_of(item->>'$.totalTaxSet.shopMoney.amount', unit) end
        as decimal(18, 4)) as amount
from shopify_refund_parts as p
join shopify_refunds as r using (id)
where p.part = 'refundLineItems';

create or replace temp table staged_returns as
with given_back as (
    select id, sum_of(list(item->>'$.amountSet.shopMoney.amount'), any_value(unit)) as amount
    from shopify_refund_parts as p
    join shopify_refunds as r using (id)
    where part = 'transactions' and (item->>'$.kind') = 'REFUND' and (item->>'$.status') = 'SUCCESS' and (item->>'$.test') = 'false'
    group by id
),
for_lines as (
    select id, case when count(*) = count(amount) then sum(amount) end as amount from shopify_refund_lines group by id
),
tax_apart as (
    -- Of what goes beyond the lines shipping has a tax of its own. How an adjustment's counts is not told.
    select id,
        case when count(*) filter (part = 'orderAdjustments') = 0 then
            sum_of(list(item->>'$.taxAmountSet.shopMoney.amount') filter (part = 'refundShippingLines'), any_value(unit)) end as amount,
        case when count(*) filter (part = 'orderAdjustments') = 0 then string_agg(item->>'$.taxAmountSet.shopMoney.amount', ' + ') end
            as told
    from shopify_refund_parts as p
    join shopify_refunds as r using (id)
    where part in ('orderAdjustments', 'refundShippingLines')
    group by id
)
select
    $channel as channel,
    refund_no || '-' || number_of(coalesce(item->>'$.id', item->>'$.lineItem.id')) as return_id,
    order_id,
    returned_at, refund->>'$.processedAt' as returned_at__raw,
    local_day_of(returned_at, $time_zone) as business_date,
    place_of(item->'$.location', $location_by) as location_id,
    nullif(item->>'$.lineItem.sku', '') as sku,
    case when is_back then quantity_of(item->>'$.quantity') else cast(0 as decimal(18, 6)) end as quantity,
    item->>'$.quantity' as quantity__raw,
    case when is_back and (item->>'$.restocked') = 'true' then 'restocked' else 'none' end as disposition,
    currency,
    amount as refund_amount, item->>'$.subtotalSet.shopMoney.amount' as refund_amount__raw,
    amount_of(item->>'$.totalTaxSet.shopMoney.amount', unit) as tax_amount, item->>'$.totalTaxSet.shopMoney.amount' as tax_amount__raw,
    item_line_no as line_no,
    $source as source,
    $delivery_id as delivery_id
from shopify_refund_lines
union all
-- What was truly given back beyond the lines (shipping, goodwill, less than the lines' worth), so that both are the money that
-- went. It is there for every refund, also at zero: one that changes takes its place.
select
    $channel, refund_no || '-rest', order_id, returned_at, refund->>'$.processedAt', local_day_of(returned_at, $time_zone),
    null, null, 0, '0', 'none', currency,
    cast(coalesce(g.amount, 0) - coalesce(f.amount, 0) as decimal(18, 4)), cast(refund as varchar),
    case when t.id is null then 0 else t.amount end, t.told,
    line_no, $source, $delivery_id
from shopify_refunds as r
left join given_back as g using (id)
left join for_lines as f using (id)
left join tax_apart as t using (id);

-- object: fulfilments
create or replace temp table shopify_shipments as
with shipments as (
    select line_no, order_id, unnest(cast(record->'$.fulfillments[*]' as json[])) as shipment from shopify_orders
),
items as (
    select shipment->>'$.id' as id, line_no, unnest(cast(shipment->'$.fulfillmentLineItems.nodes[*]' as json[])) as item from shipments
    union all
    select key, line_no, record from records where part = 'fulfillmentLineItems'
)
select s.order_id, s.shipment, i.line_no, i.item, s.shipment->>'$.status' as status,
    (i.item->>'$.lineItem.sku') is null and (i.item->>'$.lineItem.requiresShipping') = 'false' as is_no_goods
from items as i
join shipments as s on (s.shipment->>'$.id') = i.id
qualify row_number() over (partition by i.id, i.item->>'$.id' order by i.line_no) = 1;

insert into staged_left_out select line_no, 'no goods: neither code nor shipping' from shopify_shipments where is_no_goods;

create or replace temp table staged_fulfilments as
select
    $channel as channel,
    number_of(shipment->>'$.id') || '-' || number_of(item->>'$.id') as fulfilment_id,
    order_id,
    instant_of(shipment->>'$.createdAt') as shipped_at, shipment->>'$.createdAt' as shipped_at__raw,
    local_day_of(instant_of(shipment->>'$.createdAt'), $time_zone) as business_date,
    place_of(shipment->'$.location', $location_by) as location_id,
    nullif(item->>'$.lineItem.sku', '') as sku, item->>'$.lineItem.sku' as sku__raw,
    -- One that was cancelled or failed counts for nothing, and takes the place of what it was before.
    case when status = 'SUCCESS' then quantity_of(item->>'$.quantity') else cast(0 as decimal(18, 6)) end as quantity,
    item->>'$.quantity' as quantity__raw,
    line_no,
    $source as source,
    $delivery_id as delivery_id
from shopify_shipments
where not is_no_goods and status in ('SUCCESS', 'CANCELLED', 'ERROR', 'FAILURE');

-- object: inventory
create or replace temp table shopify_levels as
select
    line_no, record->'$.item' as item, record,
    (record->>'$.item.tracked') = 'true' as is_tracked,
    (l.place->>'$.isActive') = 'true' and (l.place->>'$.fulfillsOnlineOrders') = 'true' as is_online,
    list_filter(cast(record->'$.quantities[*]' as json[]), lambda x: (x->>'$.name') = 'available')[1]->>'$.quantity' as available
from records
left join (select record->>'$.id' as id, any_value(record) as place from records where part = 'locations' group by id) as l
    on l.id = (record->>'$.location.id')
where part = ''
qualify row_number() over (partition by record->>'$.id' order by line_no desc) = 1;

insert into staged_left_out select line_no, 'not tracked: sold without a quantity' from shopify_levels where not is_tracked;

-- What the shop offers of an article is what is available where online orders are sent from. What lies at a place is the ERP's
-- to say, so on_hand and committed stay in the archive.
create or replace temp table staged_listings as
select
    $channel as channel,
    number_of(item->>'$.id') as channel_sku,
    nullif(any_value(item->>'$.sku'), '') as sku,
    $pulled_at as listed_at,
    local_day_of($pulled_at, $time_zone) as business_date,
    case when count(*) = count(quantity_of(available))
        then cast(coalesce(sum(quantity_of(available)) filter (is_online), 0) as decimal(18, 6)) end as listed_quantity,
    string_agg(available, ', ') as listed_quantity__raw,
    min(line_no) as line_no,
    $source as source,
    $delivery_id as delivery_id
from shopify_levels
where is_tracked
group by number_of(item->>'$.id')
