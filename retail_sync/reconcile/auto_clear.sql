-- The differences of deposits that a rule clears, each by itself: of payouts that foot and are classified, because those that
-- do not are held and their deposit is not booked. A charge is never cleared: where it is booked differs by channel.
create or replace temp table new_cleared_differences as
with shared as (
    -- A bank line that pays several payouts: its difference is that of all of them together.
    select m.left_id as settlement_id
    from match_pairs as m
    where m.reconciliation = 'settlement_deposit' and m.is_confirmed and exists (
        select 1 from match_pairs as o
        where o.reconciliation = m.reconciliation and o.is_confirmed and o.right_id = m.right_id and o.left_id <> m.left_id
    )
),
ruled as (
    -- A rule for the currency stands above one for all of them, also where it clears less.
    select b.*, r.rule_id, r.cap, r.account
    from new_breaks as b
    join clearing_rules as r
        on r.break_class = b.break_class and r.currency in (b.currency, '*')
        and b.since_date between r.valid_from and r.valid_to
    qualify row_number() over (partition by b.reconciliation, b.subject, b.break_class order by r.currency = '*') = 1
)
select d.reconciliation, d.subject, d.break_class, d.amount, d.currency, d.since_date as cleared_on, d.counterpart,
    d.rule_id, d.cap, d.account
from ruled as d
join new_settlement_totals as t on t.settlement_id = d.subject
where abs(d.amount) <= d.cap
    and t.header_total > 0 and t.bank_amount > 0
    and t.lines_total = t.header_total and t.rejected_count = 0 and t.unclassified_count = 0
    and d.subject not in (select settlement_id from shared)
