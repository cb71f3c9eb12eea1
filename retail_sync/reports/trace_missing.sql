-- What should be there by now, by channel or store and step.
with steps as (
    select kind, channel, ordered_on, ordered_amount, order_currency, unnest(string_split(missing, ', ')) as step
    from reconcile.order_traces where missing <> ''
)
select channel, step, count(*) as orders, min(ordered_on) as since,
    case when min(order_currency) = max(order_currency) then sum(ordered_amount) end as amount,
    case when min(order_currency) = max(order_currency) then min(order_currency) end as currency
from steps
group by kind, channel, step
order by kind, channel, step
