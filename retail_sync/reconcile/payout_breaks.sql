-- Payouts without a stated total, and why the list of payouts gives none; listed payouts whose payments we do not have.
-- A payout in several rows of breaks has one class: what a person must do first.
create or replace temp table payout_breaks as
with payouts as (
    select p.channel, p.account, p.currency, p.payout_id, max(p.payout_date) as payout_date
    from canonical.payments as p
    where p.payout_id is not null and p.kind <> 'payout'
    group by all
),
listed as (
    select channel, account, payout_date, currency, payout_id,
        count(*) as row_count, min(payout_no) as payout_no, sum(total_amount) as total_amount,
        bool_and(status in ('failed', 'canceled')) as is_gone, min(status) as status
    from canonical.payouts_in_force
    group by all
),
days as (
    select channel, account, payout_date, currency, count(*) as payout_count,
        string_agg(payout_id, ', ' order by payout_id) as payout_ids
    from payouts group by all
),
without_total as materialized (
    -- First, for they are few: the condition below compares them with every listed payout of their account.
    select p.*, t.lines_total
    from payouts as p
    join new_settlement_totals as t on t.settlement_id = p.payout_id and t.header_total is null
),
headless as (
    select p.*, l.row_count, l.is_gone, l.status, d.payout_count, d.payout_ids
    from without_total as p
    join days as d on d.channel = p.channel and d.account = p.account and d.payout_date = p.payout_date and d.currency = p.currency
    join listed as l on l.channel = p.channel and l.account = p.account and l.currency = p.currency
        and (l.payout_id = p.payout_id or (l.payout_id is null and l.payout_date = p.payout_date))
    qualify row_number() over (partition by p.payout_id order by l.payout_id is null) = 1
)
select 'settlement_totals' as reconciliation, payout_id as subject,
    case when row_count = 1 and payout_count = 1 and is_gone then 'payout_failed' else 'payout_ambiguous' end as break_class,
    lines_total as amount, currency, payout_date as since_date,
    case when row_count = 1 and payout_count = 1 and is_gone then status else row_count || '|' || payout_ids end as counterpart
from headless
union all
select 'settlement_totals', concat_ws(' ', l.account, l.payout_date, l.currency), 'payout_transactions_missing',
    cast(sum(l.total_amount) as decimal(18, 4)), l.currency, l.payout_date, ''
from listed as l
where not l.is_gone and l.total_amount <> 0
    and not exists (
        select 1 from payouts as p
        where p.channel = l.channel and p.account = l.account and p.currency = l.currency and p.payout_id = l.payout_id
    )
    and not (l.payout_id is null and exists (
        select 1 from payouts as p
        where p.channel = l.channel and p.account = l.account and p.currency = l.currency and p.payout_date = l.payout_date
    ))
group by l.account, l.payout_date, l.currency
