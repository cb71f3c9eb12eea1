-- Give each staged line the category of its kind.
update staged_settlement_lines as l
set category = k.category
from line_kinds as k
where l.channel = k.channel and l.transaction_type = k.transaction_type and l.amount_type = k.amount_type
    and l.amount_description = k.amount_description and sign(l.amount) = k.sign and l.business_date = k.business_date
