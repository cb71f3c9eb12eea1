-- The verdict on every order that is touched or was open: what is awaited is so only as far as settlements and orders reach.
create or replace temp table judged_orders as
with reach as (
    select channel, max(closing_date) as settled_to from canonical.settlements group by channel
),
known as (
    select channel, min(business_date) as ordered_from from canonical.orders group by channel
),
candidates as (
    select channel, order_id, component, currency, business_date, settled_on, settlement_count, settlement_ids, expected_amount,
        settled_amount, difference, kind
    from compared_orders
    union all
    select channel, order_id, component, currency, business_date, settled_on, settlement_count, settlement_ids, expected_amount,
        settled_amount, difference, kind
    from reconcile.order_settlements
    where status in ('left_only', 'awaiting_settlement', 'right_only', 'not_compared')
        and (channel, order_id) not in (select (channel, order_id) from touched_orders)
),
told as (
    -- Money in a currency that the other side does not have is a difference at once: nothing else is awaited for it.
    select *, kind like '%currency%' or kind = 'undetermined' as is_of_currencies from candidates
)
select c.* exclude (is_of_currencies),
    case
        -- Nothing was expected and nothing came.
        when settled_amount is null and expected_amount = 0 then 'matched'
        when settled_amount is null and not is_of_currencies then
            case when r.settled_to >= business_date + cast($days_after as integer) then 'left_only' else 'awaiting_settlement' end
        when expected_amount is null and not is_of_currencies then
            case
                -- The order is there and says nothing of this part of it.
                when exists (select 1 from valid_orders as v where v.channel = c.channel and v.order_id = c.order_id)
                    then 'not_compared'
                -- It may have been ordered before the first order that was delivered.
                when business_date >= k.ordered_from + cast($days_after as integer)
                    or exists (select 1 from canonical.orders as o where o.channel = c.channel and o.order_id = c.order_id)
                    then 'right_only'
                else 'not_compared' end
        when kind = '' then 'matched'
        when abs(difference) <= $tolerance then 'matched'
        else 'variance'
    end as status
from told as c
left join reach as r using (channel)
left join known as k using (channel)
