-- The channels that sell: they have orders or send goods. A card processor has neither.
create or replace temp table selling_channels as
select channel from canonical.orders
union select channel from canonical.order_lines
union select channel from canonical.fulfilments
