-- A payment that another export shows in a payout is not pending any more: an export made before that, and delivered after
-- it, does not take it out again. So the order of arrival does not matter.
delete from staged_payments as s using canonical.payments as p
where p.source = s.source and p.channel = s.channel and p.payment_id = s.payment_id and p.delivery_id <> s.delivery_id
    and s.payout_id is null and p.payout_id is not null
