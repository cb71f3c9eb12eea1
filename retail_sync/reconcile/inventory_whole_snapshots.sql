-- The snapshots that may be compared: what one of them does not name is not there.
create or replace temp table whole_snapshots as
select location_id, snapshot_date, sku, quantity_on_hand
from canonical.owned_stock_snapshots
anti join incomplete_snapshots using (location_id, snapshot_date)
