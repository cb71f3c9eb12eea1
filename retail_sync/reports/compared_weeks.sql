-- What was compared and what of it matched, by week (its Monday; none where only the total is proved).
select reconciliation, comparison, currency, cast(date_trunc('week', business_date) as date) as week,
    cast(sum(compared_count) as bigint) as compared_count, cast(sum(matched_count) as bigint) as matched_count,
    sum(compared_value) as compared_value, sum(matched_value) as matched_value
from reconcile.proofs
group by all
having sum(compared_count) > 0
order by all
