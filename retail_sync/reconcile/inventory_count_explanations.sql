-- What is known of the book's own errors on the day of a count that differs: by how much too high (positive) or too low, and
-- why. `is_sure`: the book had that error still on that day; else it may have been corrected by then.
-- An error of the book is what the ERP has not posted, posted twice, or in packs. It ends when the ERP posts it, when an
-- adjustment of that very quantity takes it up, and when the book was set right: by a count that agreed, or by an adjustment
-- that took over the whole difference of a count. Another adjustment may hold it among other things: then nobody knows.
create or replace temp table count_explanations as
with adjustments as materialized (
    select location_id, sku, business_date, quantity from canonical.owned_stock_movements where kind = 'adjustment' and quantity <> 0
),
set_right as (
    select location_id, sku, business_date as set_right_on, business_date as known_on
    from count_books where variance = 0
    union
    select c.location_id, c.sku, c.business_date, a.business_date
    from count_books as c
    join adjustments as a on a.location_id = c.location_id and a.sku = c.sku and a.quantity = c.variance
        and a.business_date between case when c.snapshot_date < c.business_date then c.business_date + 1 else c.business_date end
            and c.business_date + 14
),
free_adjustments as (
    -- Those that take over a count say nothing of anything else.
    select a.* from adjustments as a
    where not exists (
        select 1 from count_books as c
        where c.location_id = a.location_id and c.sku = a.sku and c.variance = a.quantity
            and a.business_date between case when c.snapshot_date < c.business_date then c.business_date + 1 else c.business_date end
                and c.business_date + 14
    )
),
counts as (
    select c.location_id, c.sku, c.business_date, c.kind, c.snapshot_date, c.variance,
        coalesce(max(s.set_right_on), date '0001-01-01') as set_right_on
    from count_books as c
    left join set_right as s on s.location_id = c.location_id and s.sku = c.sku
        and s.set_right_on < c.business_date and s.known_on <= c.business_date
    where c.variance <> 0
    group by all
),
errors as (
    select c.location_id, c.sku, c.business_date, c.kind, c.set_right_on, s.cause, s.variance as quantity, s.business_date as since
    from counts as c
    join sales_causes as s on s.location_id = c.location_id and s.sku = c.sku
        and s.business_date <= c.business_date and s.business_date > c.set_right_on
    where s.cause in ('unposted_sale', 'unposted_return', 'posted_twice', 'unit_of_measure')
),
steps as (
    -- Equal errors are as good as one another: an adjustment takes up one of those before it, where there is one.
    select location_id, sku, business_date, kind, quantity, cause, since, 1 as step from errors
    union all
    select e.location_id, e.sku, e.business_date, e.kind, e.quantity, null, a.business_date, -1
    from (select distinct location_id, sku, business_date, kind, set_right_on, quantity from errors) as e
    join free_adjustments as a on a.location_id = e.location_id and a.sku = e.sku and a.quantity = -e.quantity
        and a.business_date <= e.business_date and a.business_date > e.set_right_on
),
walked as (
    select *, sum(step) over (
        partition by location_id, sku, business_date, kind, quantity order by since, step desc
        rows between unbounded preceding and current row
    ) as level
    from steps
),
open as (
    select location_id, sku, business_date, kind, quantity,
        sum(step) - least(0, min(level)) as open_count,
        min(since) as since,
        count(distinct cause) as cause_count,
        min(cause) as cause
    from walked
    group by all
    having open_count > 0
),
known as (
    select o.location_id, o.sku, o.business_date, o.kind, o.cause, o.open_count * o.quantity as quantity,
        o.cause_count = 1
            and not exists (
                select 1 from free_adjustments as a
                where a.location_id = o.location_id and a.sku = o.sku and a.business_date between o.since and o.business_date
                    and -a.quantity not in (
                        select e.quantity from errors as e
                        where e.location_id = o.location_id and e.sku = o.sku and e.business_date = o.business_date
                            and e.kind = o.kind
                    )
            )
            -- Posted later perhaps, under no number that tells.
            and not exists (
                select 1 from sales_causes as s
                where s.location_id = o.location_id and s.sku = o.sku and s.cause = 'undetermined' and s.variance = -o.quantity
                    and s.business_date between o.since and o.business_date
            ) as is_sure
    from open as o
    union all
    -- What was posted on another day, and what a snapshot was wrong by for a day: both halves up to the count cancel out.
    select c.location_id, c.sku, c.business_date, c.kind, s.cause, s.variance, true
    from counts as c
    join sales_causes as s on s.location_id = c.location_id and s.sku = c.sku and s.business_date <= c.business_date
    where s.cause = 'timing'
    union all
    select c.location_id, c.sku, c.business_date, c.kind, i.cause, i.variance, true
    from counts as c
    join interval_causes as i on i.location_id = c.location_id and i.sku = c.sku and i.to_date <= c.snapshot_date
    where i.cause in ('late_movement', 'snapshot_error')
    union all
    -- A difference that nobody can name may be the book's error as well.
    select c.location_id, c.sku, c.business_date, c.kind, s.cause, s.variance, false
    from counts as c
    join sales_causes as s on s.location_id = c.location_id and s.sku = c.sku
        and s.business_date <= c.business_date and s.business_date > c.set_right_on
    where s.cause = 'undetermined'
    union all
    select c.location_id, c.sku, c.business_date, c.kind, i.cause, i.variance, false
    from counts as c
    join interval_causes as i on i.location_id = c.location_id and i.sku = c.sku and i.to_date = c.snapshot_date
    where i.cause = 'undetermined'
)
select location_id, sku, business_date, kind, cause, is_sure, cast(sum(quantity) as decimal(18, 6)) as quantity
from known
group by all
having sum(quantity) <> 0
