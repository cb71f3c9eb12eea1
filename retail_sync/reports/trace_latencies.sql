-- How long each step takes, by channel or store. Percentiles are values that occurred.
with steps as (
    select kind, channel, unnest([
        {'place': 1, 'step': 'order → payment', 'unit': 'hours', 'took': order_to_payment_hours},
        {'place': 2, 'step': 'payment → shipment', 'unit': 'hours', 'took': payment_to_shipment_hours},
        {'place': 3, 'step': 'shipment → settlement', 'unit': 'days', 'took': cast(shipment_to_settlement_days as decimal(18, 2))},
        {'place': 4, 'step': 'settlement → deposit', 'unit': 'days', 'took': cast(settlement_to_deposit_days as decimal(18, 2))},
        {'place': 5, 'step': 'order → deposit', 'unit': 'days', 'took': cast(order_to_deposit_days as decimal(18, 2))}
    ], recursive := true)
    from reconcile.order_traces
)
select channel, step, unit, count(*) as orders, quantile_disc(took, 0.5) as median, quantile_disc(took, 0.95) as slow
from steps
where took is not null
group by kind, channel, place, step, unit
order by kind, channel, place
