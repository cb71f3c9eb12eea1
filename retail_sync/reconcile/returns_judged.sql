-- The verdict on every order or receipt that is new or has changed. What is awaited, and what is missing, depends on what the
-- same channel shows of other orders, as in order_traces, and on how far its settlements and tills reach.
create or replace temp table changed_returns as
with facts as (
    select *, true as is_new from return_facts
    union all by name
    select *, false as is_new from reconcile.returns where order_id not in (select order_id from traced_ids)
),
coverage as (
    select kind, channel,
        min(own_refunded_from) as refunds_from, max(own_refunded_to) as refunds_to,
        min(own_returned_from) as goods_from, max(own_returned_to) as goods_to
    from facts group by kind, channel
),
settled as (
    select channel, max(closing_date) as settled_to from canonical.settlements group by channel
),
known as (
    -- The days of which it is known what a channel sold.
    select channel, min(first_day) as known_from, max(last_day) as known_to
    from (
        select channel, min(business_date) as first_day, max(business_date) as last_day from canonical.orders group by channel
        union all
        select channel, min(cast(period_start_at as date)), max(closing_date) from canonical.settlements group by channel
        union all
        select store, min(business_date), max(business_date) from canonical.pos_sales group by store
    )
    group by channel
),
all_known as (
    -- Who does not sell may take back what any channel sold.
    select max(known_from) as known_from, min(known_to) as known_to from known
),
tills as (
    select store, min(business_date) as rung_from, max(business_date) as rung_to from canonical.pos_sales group by store
),
sellers as (select distinct kind, channel from facts),
patience as (
    select s.kind, s.channel,
        arg_max(r.days_after, r.channel <> '*') filter (r.step = 'goods') as goods_days,
        arg_max(r.days_after, r.channel <> '*') filter (r.step = 'refund') as refund_days,
        arg_max(r.days_after, r.channel <> '*') filter (r.step = 'booking') as booking_days,
        arg_max(r.days_after, r.channel <> '*') filter (r.step = 'order') as order_days
    from sellers as s join step_rules as r on r.channel in (s.channel, '*')
    group by all
),
measured as (
    select f.* exclude (expected_amount, difference, booking_difference, finding, status),
        f.expected_amount as old_expected_amount, f.difference as old_difference, f.booking_difference as old_booking_difference,
        f.finding as old_finding, f.status as old_status,
        case m.digits when 0 then 1 when 3 then 0.001 when 4 then 0.0001 else 0.01 end as tolerance, m.digits,
        least(goods_amount, goods_total) - kept_fee_amount as least_due,
        goods_total + goodwill_amount as most_due,
        -- A receipt may sell and take back what another sold.
        greatest(f.sold_amount, goods_total) + goodwill_amount as most_of_all,
        f.sold_on is null and f.sold_quantity is null and f.has_document as is_unknown,
        -- Days beyond which the channel shows the other side of others.
        coalesce(refunded_from - goods_days >= goods_from and refunded_to + goods_days <= goods_to, false) as lacks_goods,
        coalesce(returned_from - refund_days >= refunds_from and returned_to + refund_days <= refunds_to, false) as lacks_refund,
        coalesce(refunded_from - goods_days >= goods_from, false) as shows_goods,
        coalesce(returned_from - refund_days >= refunds_from, false) as shows_refunds,
        coalesce(refunded_to + booking_days <= settled_to, false) as is_settled_by_now,
        coalesce(refunded_from >= rung_from and refunded_to + booking_days <= rung_to, false) as is_rung_by_now,
        coalesce(k.known_from, a.known_from) + order_days <= least(returned_from, refunded_from)
            and greatest(returned_to, refunded_to) <= coalesce(k.known_to, a.known_to) as lacks_order
    from facts as f
    left join coverage as c using (kind, channel)
    left join settled as s using (channel)
    left join known as k using (channel)
    cross join all_known as a
    left join tills as t on t.store = f.unrung_at
    left join patience as p using (kind, channel)
    left join minor_units as m using (currency)
),
judged as (
    select *,
        smallest_refund = largest_refund and refund_count > 1 and largest_refund > 0 as is_even,
        case
            when currency_count > 1 then 'currencies'
            when kind = 'return' then 'no_order'
            when is_unknown then case when lacks_order then 'order_unknown' else 'order_awaited' end
            -- What a return says was given back elsewhere may be what the channel gave back.
            when unrung_amount > 0 and refunded_amount = 2 * unrung_amount
                and refunded_amount > coalesce(most_due, most_of_all, 0) + tolerance then 'stated_or_twice'
            when refunded_amount > most_of_all + tolerance then 'more'
            when refunded_amount <= 0 and returned_quantity > 0 then
                -- What the ERP alone posted is told by the inventory.
                case when lacks_refund and has_document then 'no_refund' else 'refund_awaited' end
            when refunded_amount > 0 and returned_quantity = 0 then case
                -- Shipping, goodwill and disputes bring no goods back, nor does what is less than any of them cost.
                when goods_refunded_amount <= 0 or goods_refunded_amount < cheapest_amount - tolerance then ''
                -- Where nothing says what they cost in this currency, a part of the money may be goodwill: nobody can tell.
                when cheapest_amount is null and goods_refunded_amount < sold_amount - tolerance then 'goods_awaited'
                when lacks_goods then 'no_goods' else 'goods_awaited' end
            when refunded_amount > most_due + tolerance then case when lacks_goods or is_elsewhere then 'more'
                else 'goods_awaited' end
            when refunded_amount < least_due - tolerance then case when lacks_refund or is_elsewhere then 'less'
                else 'refund_awaited' end
            else ''
        end as story,
        case when returned_quantity > 0 and refunded_amount <= most_of_all + tolerance then most_due
            else coalesce(most_of_all, most_due) end as most
    from measured
),
counted as (
    select *,
        -- So many of equal refunds are due.
        case when story = 'more' and is_even then cast((most + tolerance) * 10000 as hugeint) // cast(largest_refund * 10000 as hugeint)
            end as due_count
    from judged
),
told as (
    select *,
        case when story = 'more' and due_count between 1 and refund_count - 1 then 'twice' else story end as new_finding,
        case story
            when 'currencies' then 0 when 'no_order' then 0 when 'order_unknown' then 0
            when 'stated_or_twice' then refunded_amount - unrung_amount
            when 'more' then case when due_count between 1 and refund_count - 1 then due_count * largest_refund else most end
            when 'no_goods' then 0
            when 'no_refund' then least_due
            when 'less' then least_due
            when '' then case when returned_quantity = 0 or least_due is not null then refunded_amount end
            -- What is awaited is not known yet.
        end as due_amount,
        -- What is in doubt already is not asked for in the books.
        case when story in ('currencies', 'no_order', 'order_unknown', 'order_awaited') then 0 else
            - case when is_settled_by_now then unsettled_amount else 0 end
            - case when is_rung_by_now and story <> 'stated_or_twice' then unrung_amount else 0 end end as unbooked_amount
    from counted
),
rounded as (
    -- A till may have more digits than its currency. What is told is in minor units, and the rest is due.
    select * exclude (due_amount, unbooked_amount),
        cast(refunded_amount - in_money(refunded_amount - due_amount, digits) as decimal(18, 4)) as new_expected_amount,
        in_money(unbooked_amount, digits) as new_booking_difference
    from told
),
final as (
    select * exclude (story),
        case
            when new_finding in ('currencies', 'no_order', 'order_unknown', 'stated_or_twice') then 'undetermined'
            when new_finding = 'no_goods' then 'right_only'
            when new_finding = 'no_refund' then 'left_only'
            when new_finding in ('more', 'less', 'twice') or new_booking_difference <> 0 or excess_quantity > 0 and has_document
                then 'variance'
            when new_finding = 'goods_awaited' then case when shows_goods and not lacks_goods then 'awaiting'
                else 'not_compared' end
            when new_finding = 'refund_awaited' then case when shows_refunds and not lacks_refund then 'awaiting'
                else 'not_compared' end
            when new_finding = 'order_awaited' then 'not_compared'
            when returned_quantity > 0 and least_due is null then 'not_compared'
            else 'matched'
        end as new_status
    from rounded
)
select
    kind, channel, register, order_id, currency, currency_count, sold_on, sold_quantity, sold_amount, cheapest_amount,
    refunded_amount, goods_refunded_amount, goodwill_amount, kept_fee_amount, refund_count, smallest_refund, largest_refund,
    refunds,
    refunded_from, refunded_to, own_refunded_from, own_refunded_to,
    returned_quantity, restocked_quantity, written_off_quantity, returned_from, returned_to, own_returned_from, own_returned_to,
    is_elsewhere, returned_to_places, skus, return_documents, has_document, taker_count,
    goods_amount, goods_total, excess_quantity, excess_amount, is_repeated, posted_quantity, posted_on,
    booked_amount, unsettled_amount, unrung_amount, unrung_at,
    new_expected_amount as expected_amount,
    cast(refunded_amount - new_expected_amount as decimal(18, 4)) as difference,
    new_booking_difference as booking_difference,
    new_finding as finding, new_status as status
from final
where is_new or (new_expected_amount, new_booking_difference, new_finding, new_status)
    is distinct from (old_expected_amount, old_booking_difference, old_finding, old_status)
