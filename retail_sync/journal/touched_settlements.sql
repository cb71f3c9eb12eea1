-- Settlements the journal has to look at again, with the deliveries that their facts come from.
select
    t.settlement_id, t.channel, t.currency, t.closing_date, t.header_total, t.lines_total, t.lines_difference,
    t.rejected_count, t.unclassified_count,
    t.bank_value_date, t.bank_amount, t.bank_difference,
    coalesce(d.delivery_id, '') as delivery_id,
    -- A document is what its delivery says; what no delivery holds alone is known by its sums.
    coalesce(d.delivery_id, f.facts, '') as facts,
    coalesce(b.delivery_id, '') as bank_delivery_id,
    -- The movement itself, not the statement it was in: an overlapping statement changes no fact.
    coalesce(concat_ws('|', m.right_id, b.amount, b.value_date), '') as bank_movement
from reconcile.settlement_totals as t
left join raw.deliveries as d on d.document_id = t.settlement_id and d.is_current
left join reconcile.matches as m on m.left_id = t.settlement_id and m.reconciliation = 'settlement_deposit' and m.is_confirmed
left join canonical.bank_transactions as b on b.source || ':' || b.account || ':' || b.transaction_id = m.right_id
left join (
    select settlement_id, string_agg(concat_ws('|', posting_month, event_date, category, marketplace, amount), ';'
        order by posting_month, event_date, category, marketplace) as facts
    from reconcile.settlement_components group by settlement_id
) as f on f.settlement_id = t.settlement_id
where t.settlement_id in (select document_id from raw.touched where stage = 'journal' and kind = 'settlement')
    and not t.settlement_id like 'bank:%'
order by t.closing_date, t.settlement_id
