-- What the items take from the reconciliations besides the journal: a match that a person confirms moves them by itself.
select settlement_id, opening_debt_of, reserve_of
from reconcile.settlement_totals where opening_debt_of is not null or reserve_of is not null
union all
select right_id, left_id, match_id from reconcile.matches where reconciliation = 'failed_transfer' and is_confirmed
order by all
