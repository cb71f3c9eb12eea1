-- What the canonical tables tell of one order or receipt, the rows of one moment, file and meaning put together.
with mine as (
    select * from order_events where kind = $kind and channel = $channel and register = $register
),
told as (
    -- Order lines carry no instant: they belong to the order.
    select * replace (coalesce(happened_at, (select min(happened_at) from mine where step = 'ordered')) as happened_at,
        case when step = 'goods' then '' else coalesce(word, '') end as word)
    from mine
    -- A connector keeps a row at zero for what may change later (shopify.sql): until then it tells nothing.
    where step <> 'returned' or quantity <> 0 or amount <> 0
)
select
    step, happened_at,
    case when step = 'settled' then string_agg(distinct word, ', ' order by word) else any_value(word) end as word,
    string_agg(concat_ws(' × ', rtrim(rtrim(cast(quantity as varchar), '0'), '.'), sku), ', ' order by line_no)
        filter (sku is not null and (step <> 'settled' or quantity is not null)) as goods,
    sum(amount) as amount, currency, settlement_id, category, source, delivery_id,
    list(distinct line_no order by line_no) as lines
from told
group by step, happened_at, case when step = 'settled' then '' else word end, currency, settlement_id, category, source, delivery_id,
    -- Each line of a receipt, payment and return is a thing of its own.
    case when step in ('ordered', 'paid', 'refunded', 'processed', 'returned') then line_no end
-- Of a settlement, what came in stands before what was taken off.
order by happened_at nulls first, step, case when step = 'settled' then -sum(amount) end, category, min(line_no)
