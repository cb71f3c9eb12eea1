-- What every delivery was read as: nothing of orders, movements or costs is other than before where this is the same.
select coalesce(cast(sum(md5_number_lower(concat_ws('|', delivery_id, status, is_current, read_with))) as varchar), '')
from raw.deliveries
