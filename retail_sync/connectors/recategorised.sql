-- Lines whose governed category is another one under today's rules, with the settlements they belong to.
create or replace temp table recategorised as
select l.settlement_id, l.delivery_id, l.line_no, l.component, coalesce(k.category, 'unclassified') as category
from canonical.settlement_lines as l
left join line_kinds as k
    on l.channel = k.channel and l.transaction_type = k.transaction_type and l.amount_type = k.amount_type
    and l.amount_description = k.amount_description and sign(l.amount) = k.sign and l.business_date = k.business_date
where l.category <> coalesce(k.category, 'unclassified')
