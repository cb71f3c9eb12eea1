-- Why a count differs from the book: as far as the book is known to be wrong, that is why; the rest was lost or found.
-- The two are told apart only where each is certain: the known error goes the way of the difference and is no larger.
create or replace temp table count_causes as
with explained as (
    select location_id, sku, business_date, kind,
        -coalesce(sum(quantity) filter (is_sure), 0) as quantity,
        -- Of what is not sure a named error leaves every count open, a nameless one only the count that it would explain.
        coalesce(bool_or(not is_sure and cause <> 'undetermined'), false) as is_doubtful,
        -sum(quantity) filter (cause = 'undetermined') as perhaps,
        string_agg(distinct cause, ' or ' order by cause) as causes
    from count_explanations
    group by all
),
compared as (
    select b.*, coalesce(e.quantity, 0) as explained, coalesce(e.is_doubtful, false) as is_doubtful, e.perhaps, e.causes,
        b.variance - explained as rest,
        b.left_quantity + explained as rest_book,
        case
            when b.kind = 'marketplace' then case when rest < 0 then 'marketplace_lost' else 'marketplace_found' end
            when rest < 0 then 'shrinkage'
            else 'gain'
        end as plain_cause,
        a.pack_quantity,
        b.left_quantity <> 0 and b.right_quantity <> 0
            and (b.right_quantity * pack_quantity = b.left_quantity or b.right_quantity = b.left_quantity * pack_quantity)
            as is_book_in_packs,
        rest_book <> 0 and b.right_quantity <> 0
            and (b.right_quantity * pack_quantity = rest_book or b.right_quantity = rest_book * pack_quantity) as is_rest_in_packs
    from count_books as b
    left join explained as e using (location_id, sku, business_date, kind)
    left join articles as a using (sku)
    where b.left_quantity is null or b.variance <> 0
),
judged as (
    select *,
        case
            when left_quantity is null then 'no_book'
            when is_doubtful
                or explained <> 0 and rest <> 0 and (sign(explained) <> sign(variance) or abs(explained) > abs(variance))
                or rest <> 0 and rest = perhaps
                or explained <> 0 and rest <> 0 and coalesce(is_book_in_packs, false) and not coalesce(is_rest_in_packs, false)
                then 'undetermined'
            when rest = 0 then 'explained'
            when coalesce(is_rest_in_packs, false) then 'unit_of_measure'
            else plain_cause
        end as rest_cause
    from compared
),
pieces as (
    select location_id, sku, business_date, kind, true as is_rest, rest_cause as cause,
        case when rest_cause in ('no_book', 'undetermined') then variance else rest end as variance
    from judged
    where rest_cause <> 'explained'
    union all
    select j.location_id, j.sku, j.business_date, j.kind, false, e.cause, -e.quantity
    from judged as j
    join count_explanations as e using (location_id, sku, business_date, kind)
    -- Errors that cancel out explain nothing.
    where j.rest_cause not in ('no_book', 'undetermined') and e.is_sure and j.explained <> 0
),
placed as (
    select *, count(*) over (partition by location_id, sku, business_date, kind) as piece_count,
        coalesce(sum(variance) over (
            partition by location_id, sku, business_date, kind order by is_rest, cause
            rows between unbounded preceding and 1 preceding
        ), 0) as before
    from pieces
)
select p.location_id, p.sku, p.business_date, p.kind,
    -- What tells the pieces of one count apart.
    case when p.is_rest or p.piece_count = 1 then p.kind else p.kind || ' ' || p.cause end as part,
    cast(j.left_quantity + p.before as decimal(18, 6)) as left_quantity,
    cast(case when j.left_quantity is null then j.right_quantity else j.left_quantity + p.before + p.variance end
        as decimal(18, 6)) as right_quantity,
    cast(p.variance as decimal(18, 6)) as variance,
    p.cause,
    case
        when p.cause = 'no_book' then j.why_no_book
        when p.cause = 'undetermined' then concat_ws(' or ', j.causes, nullif(j.plain_cause, j.causes))
        when p.cause = 'unit_of_measure' and p.is_rest
            then 'pack of ' || trim(trailing '.' from trim(trailing '0' from cast(j.pack_quantity as varchar)))
        when p.piece_count > 1
            then p.kind || ' count, of ' || trim(trailing '.' from trim(trailing '0' from cast(abs(j.variance) as varchar))) || ' in all'
        else p.kind || ' count'
    end as counterpart,
    -- The book is this snapshot and the movements of the days after it.
    j.snapshot_date,
    j.variance as count_variance,
    -- The piece that carries the facts of its count.
    row_number() over (partition by p.location_id, p.sku, p.business_date, p.kind order by p.is_rest, p.cause) = 1 as is_first
from placed as p
join judged as j using (location_id, sku, business_date, kind)
