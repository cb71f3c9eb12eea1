-- Two rules that could both decide a line on the same day with equal specificity: a contradiction in the rule file.
select
    a.transaction_type || '/' || a.amount_type || '/' || a.amount_description || ' → ' || a.category as first_rule,
    b.transaction_type || '/' || b.amount_type || '/' || b.amount_description || ' → ' || b.category as second_rule
from category_rules as a
join category_rules as b
    on a.channel = b.channel and a.specificity = b.specificity and a.rowid < b.rowid
    and (a.transaction_type = b.transaction_type or '*' in (a.transaction_type, b.transaction_type))
    and (a.amount_type = b.amount_type or '*' in (a.amount_type, b.amount_type))
    and (a.amount_description = b.amount_description or '*' in (a.amount_description, b.amount_description))
    and (a.sign = b.sign or '*' in (a.sign, b.sign))
    and a.valid_from <= b.valid_to and b.valid_from <= a.valid_to
limit 1
