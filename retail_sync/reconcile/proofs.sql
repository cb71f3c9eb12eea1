-- The parts of a proof summed by comparison, day and currency, with the rest that nothing explains.
insert into reconcile.proofs by name
with sums as (
    select reconciliation, comparison, business_date, currency,
        coalesce(sum(item_count) filter (part in ('matched', 'different')), 0) as compared_count,
        coalesce(sum(item_count) filter (part = 'matched'), 0) as matched_count,
        coalesce(sum(amount) filter (part in ('matched', 'different')), 0) as compared_value,
        coalesce(sum(amount) filter (part = 'matched'), 0) as matched_value,
        coalesce(sum(amount) filter (part = 'left'), 0) as left_total,
        coalesce(sum(amount) filter (part = 'right'), 0) as right_total,
        coalesce(sum(amount) filter (part = 'break'), 0) as breaks_total,
        coalesce(sum(amount) filter (part = 'carried'), 0) as carried_total
    from proof_parts
    group by all
)
select reconciliation, comparison, business_date, currency,
    cast(compared_count as bigint) as compared_count,
    cast(matched_count as bigint) as matched_count,
    cast(compared_value as decimal(38, 6)) as compared_value,
    cast(matched_value as decimal(38, 6)) as matched_value,
    cast(left_total as decimal(38, 6)) as left_total,
    cast(right_total as decimal(38, 6)) as right_total,
    cast(breaks_total as decimal(38, 6)) as breaks_total,
    cast(carried_total as decimal(38, 6)) as carried_total,
    cast(right_total - left_total - breaks_total - carried_total as decimal(38, 6)) as unexplained
from sums
