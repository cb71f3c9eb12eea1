-- The listed payouts that count. Rows are replaced by their day, so a payout whose day moved stands under each day that it had: of
-- one number the rows of the newest delivery that names it count, in whatever order they were loaded.
create or replace view canonical.payouts_in_force as
select p.*
from canonical.payouts as p
left join raw.deliveries as d on d.delivery_id = p.delivery_id
qualify p.payout_id is null
    or coalesce(d.received_order, 0) = max(coalesce(d.received_order, 0)) over (partition by p.channel, p.account, p.payout_id)
