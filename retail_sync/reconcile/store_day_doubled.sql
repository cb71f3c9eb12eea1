-- Receipts that two sources deliver for one day: a source was renamed, or a till is declared twice, and they count twice.
-- A register that begins its numbers anew under another source does so on another day. `once` is what one source says.
create or replace temp table doubled_receipts as
with days as (
    select store, business_date from canonical.pos_sales group by all having min(source) <> max(source)
),
delivered as (
    select store, business_date, currency, register, receipt_id, source, sum(gross_amount) as amount
    from canonical.pos_sales join days using (store, business_date)
    group by all
)
select store, business_date, currency, register, receipt_id,
    sum(amount) as counted, arg_min(amount, source) as once, string_agg(source, ' and ' order by source) as sources
from delivered
group by store, business_date, currency, register, receipt_id
having count(*) > 1
