-- Payouts and bank lines that could belong together in more than one way, as long as neither was decided by another rule.
create or replace temp table open_ambiguities as
select distinct left_id, right_id
from match_ambiguities
where reconciliation = 'settlement_deposit'
    and left_id not in (select left_id from match_pairs where reconciliation = 'settlement_deposit' and is_confirmed)
    and right_id not in (select right_id from match_pairs where reconciliation = 'settlement_deposit' and is_confirmed)
