-- One row per settlement that any document names: what its lines sum to beside what its header states.
create or replace temp table settlement_facts as
with sums as (
    select
        settlement_id,
        any_value(channel) as channel,
        any_value(account) as account,
        any_value(currency) as currency,
        sum(amount) as lines_total,
        sum(line_count) as line_count,
        sum(line_count) filter (category = 'unclassified') as unclassified_count,
        sum(amount) filter (category = 'unclassified') as unclassified_amount,
        sum(amount) filter (category = 'opening_debt') as opening_debt,
        sum(amount) filter (category = 'card_charge') as card_charge,
        sum(amount) filter (category = 'reserve_held') as reserve_held,
        sum(amount) filter (category = 'reserve_released') as reserve_released,
        sum(amount) filter (category = 'failed_transfer') as failed_transfer,
        max(posting_month) as last_month
    from reconcile.settlement_components
    group by settlement_id
),
rejects as (
    select document_id as settlement_id, sum(rejected_count) as rejected_count
    from raw.deliveries where is_current group by document_id
),
payout_days as (
    -- A payout whose total no list states has no header: its day is the one that its payments name.
    select payout_id, max(payout_date) as payout_date
    from canonical.payments where payout_id is not null and kind <> 'payout' group by all
)
select
    coalesce(s.settlement_id, t.settlement_id) as settlement_id,
    coalesce(s.channel, t.channel) as channel,
    coalesce(s.account, t.account) as account,
    coalesce(s.currency, t.currency) as currency,
    coalesce(s.channel, t.channel) || '|' || coalesce(s.account, t.account) || '|' || coalesce(s.currency, t.currency) as chain,
    cast(s.period_start_at as date) as starts_on,
    cast(s.period_end_at as date) as ends_on,
    coalesce(s.closing_date, p.payout_date, t.last_month) as closing_date,
    s.deposit_date,
    s.total_amount as header_total,
    cast(t.lines_total as decimal(18, 4)) as lines_total,
    coalesce(t.line_count, 0) as line_count,
    coalesce(r.rejected_count, 0) as rejected_count,
    coalesce(t.unclassified_count, 0) as unclassified_count,
    coalesce(t.unclassified_amount, 0) as unclassified_amount,
    coalesce(t.opening_debt, 0) as opening_debt,
    coalesce(t.card_charge, 0) as card_charge,
    coalesce(t.reserve_held, 0) as reserve_held,
    coalesce(t.reserve_released, 0) as reserve_released,
    coalesce(t.failed_transfer, 0) as failed_transfer
from canonical.settlements as s
full outer join sums as t on s.settlement_id = t.settlement_id
left join rejects as r on r.settlement_id = coalesce(s.settlement_id, t.settlement_id)
left join payout_days as p on p.payout_id = t.settlement_id
