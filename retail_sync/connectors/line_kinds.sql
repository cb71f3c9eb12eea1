-- The kinds of line there are, each with the category of the most specific rule valid on its day.
create or replace temp table line_kinds as
with kinds as (
    select distinct channel, transaction_type, amount_type, amount_description, sign(amount) as sign, business_date
    from lines_to_categorise
    where amount is not null and business_date is not null
),
normalised as (
    select
        *,
        trim(regexp_replace(upper(transaction_type), '[^A-Z0-9]+', '_', 'g'), '_') as transaction_key,
        trim(regexp_replace(upper(amount_type), '[^A-Z0-9]+', '_', 'g'), '_') as type_key,
        trim(regexp_replace(upper(amount_description), '[^A-Z0-9]+', '_', 'g'), '_') as description_key
    from kinds
)
select
    k.channel, k.transaction_type, k.amount_type, k.amount_description, k.sign, k.business_date,
    arg_max(r.category, r.specificity) as category
from normalised as k
join category_rules as r
    on k.channel = r.channel
    and r.transaction_type in (k.transaction_key, '*')
    and r.amount_type in (k.type_key, '*')
    and r.amount_description in (k.description_key, '*')
    and (r.sign = '*' or r.sign = case k.sign when 1 then '+' when -1 then '-' else '0' end)
    and k.business_date between r.valid_from and r.valid_to
group by all
