-- The governed rules in the form that lines are compared with. specificity: more named values first; among rules naming
-- as many, an earlier column counts more.
create or replace temp table category_rules as
select
    channel,
    transaction_type,
    amount_type,
    coalesce(amount_description, '') as amount_description,
    sign,
    category,
    cast(valid_from as date) as valid_from,
    coalesce(try_cast(nullif(valid_to, '') as date), date '9999-12-31') as valid_to,
    100 * (
        cast(transaction_type <> '*' as integer) + cast(amount_type <> '*' as integer)
        + cast(amount_description <> '*' as integer) + cast(sign <> '*' as integer)
    )
    + 8 * cast(transaction_type <> '*' as integer) + 4 * cast(amount_type <> '*' as integer)
    + 2 * cast(amount_description <> '*' as integer) + cast(sign <> '*' as integer) as specificity
from category_rule_rows
