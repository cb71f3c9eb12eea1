-- Settlements the journal has to look at again, with what their facts come from: the delivery of the document, or, where the
-- statement is put together from several deliveries, its content, so that an overlapping export changes no fact.
with touched as (
    select document_id as settlement_id from raw.touched where stage = 'journal' and kind = 'settlement'
),
contents as (
    select l.settlement_id, 'content-' || sha256(string_agg(row, chr(10) order by row)) as hash
    from (
        select settlement_id, concat_ws('|', epoch_us(posted_at), business_date, transaction_type, component, order_id, amount) as row
        from canonical.settlement_lines
        where settlement_id in (select settlement_id from touched)
            and settlement_id not in (select document_id from raw.deliveries where is_current)
    ) as l
    group by l.settlement_id
),
movements as (
    -- The movement itself, not the statement it was in: an overlapping statement changes no fact. Where a payout came in parts
    -- there are several, and where one movement pays several payouts each names its own part of it.
    select m.left_id as settlement_id, max(b.delivery_id) as delivery_id,
        string_agg(
            concat_ws('|', m.right_id, b.amount, b.value_date)
                || case when m.right_amount <> b.amount then '␟' || m.left_id else '' end,
            '␞' order by m.right_id
        ) as movement
    from reconcile.matches as m
    join canonical.bank_transactions as b on b.source || ':' || b.account || ':' || b.transaction_id = m.right_id
    where m.reconciliation in ('settlement_deposit', 'currency_deposit') and m.is_confirmed
        and m.left_id in (select settlement_id from touched)
    group by m.left_id
),
conversions as (
    -- A payout that arrived in another currency did so as one line (match_rules.csv, one_to_one).
    select m.left_id as settlement_id, min(b.amount) as amount, min(b.currency) as currency, min(b.value_date) as value_date
    from reconcile.matches as m
    join canonical.bank_transactions as b on b.source || ':' || b.account || ':' || b.transaction_id = m.right_id
    where m.reconciliation = 'currency_deposit' and m.is_confirmed and m.left_id in (select settlement_id from touched)
    group by m.left_id having count(*) = 1
),
headless as (
    -- Why the list of payouts gives no total, where it is not simply missing.
    select subject as settlement_id, break_class, counterpart
    from reconcile.breaks where reconciliation = 'settlement_totals' and break_class in ('payout_failed', 'payout_ambiguous')
)
select
    t.settlement_id, t.channel, t.currency, t.closing_date, t.header_total, t.lines_total, t.lines_difference,
    t.rejected_count, t.unclassified_count,
    coalesce(h.break_class, 'settlement_header_missing') as headless_code, coalesce(h.counterpart, '') as headless_counterpart,
    t.bank_value_date, t.bank_amount, t.bank_difference,
    coalesce(d.delivery_id, '') as delivery_id,
    -- A document is what its delivery says; what no delivery holds alone is known by its content.
    coalesce(d.delivery_id, concat_ws('|', c.hash, t.header_total, t.closing_date), '') as facts,
    coalesce(m.delivery_id, '') as bank_delivery_id,
    coalesce(m.movement, '') as bank_movement,
    v.amount as converted_amount, v.currency as converted_currency, v.value_date as converted_on,
    x.amount as cleared_amount, x.account as cleared_account, x.rule_id as cleared_by
from reconcile.settlement_totals as t
left join raw.deliveries as d on d.document_id = t.settlement_id and d.is_current
left join contents as c on c.settlement_id = t.settlement_id
left join movements as m on m.settlement_id = t.settlement_id
left join conversions as v on v.settlement_id = t.settlement_id
left join headless as h on h.settlement_id = t.settlement_id
left join reconcile.cleared_differences as x on x.subject = t.settlement_id and x.reconciliation = 'settlement_deposit'
where t.settlement_id in (select settlement_id from touched)
    and not t.settlement_id like 'bank:%'
order by t.closing_date, t.settlement_id
