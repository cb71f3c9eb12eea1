-- Adjustments with which the ERP takes over a count that is booked already: booked again, the same units would be lost twice.
-- Such an adjustment has the location, the article and the signed quantity of the count's difference, is dated from the day of
-- the count to 14 days after it, and is not in the book that was counted against. Where only a part of the difference is booked,
-- because the rest was sold and not posted, an ERP that posts the sale first takes over that part: then its quantity counts.
-- One adjustment per count and one count per adjustment: the oldest count takes the earliest one (then the lowest movement id),
-- the next count the earliest after that. `quantity` is what is booked as a count.
create or replace temp table counts_taken_over as
with recursive counts as materialized (
    select location_id, sku, variance, count_variance, business_date, kind,
        case when snapshot_date < business_date then business_date + 1 else business_date end as first_day,
        business_date + 14 as last_day
    from count_causes
    where cause in ('shrinkage', 'gain', 'marketplace_lost', 'marketplace_found')
),
booked as materialized (
    select *, row_number() over (partition by location_id, sku, quantity order by business_date, kind, is_whole) as count_no
    from (
        select *, count_variance as quantity, true as is_whole from counts
        union all
        select *, variance, false from counts where variance <> count_variance
    )
),
adjustments as materialized (
    select location_id, sku, quantity, business_date, source, movement_id,
        row_number() over (partition by location_id, sku, quantity order by business_date, movement_id, source) as adjustment_no
    from canonical.owned_stock_movements
    where kind = 'adjustment'
),
-- The windows of later counts begin and end later, so what an older count passed over is of no use to a later one.
-- Nothing is taken before the first count.
taken as (
    select location_id, sku, quantity, cast(0 as bigint) as count_no, cast(0 as bigint) as adjustment_no,
        false as is_taken
    from booked where count_no = 1
    union all
    select t.location_id, t.sku, t.quantity, b.count_no, coalesce(min(a.adjustment_no), t.adjustment_no),
        min(a.adjustment_no) is not null
    from taken as t
    join booked as b on b.location_id = t.location_id and b.sku = t.sku and b.quantity = t.quantity and b.count_no = t.count_no + 1
    left join adjustments as a on a.location_id = t.location_id and a.sku = t.sku and a.quantity = t.quantity
        and a.adjustment_no > t.adjustment_no and a.business_date between b.first_day and b.last_day
    group by t.location_id, t.sku, t.quantity, b.count_no, t.adjustment_no
)
select a.source, a.movement_id, b.variance as quantity
from taken as t
join booked as b using (location_id, sku, quantity, count_no)
join adjustments as a using (location_id, sku, quantity, adjustment_no)
where t.is_taken
-- One that took over the whole leaves nothing for a part.
qualify row_number() over (partition by b.location_id, b.sku, b.business_date, b.kind order by b.is_whole desc) = 1
