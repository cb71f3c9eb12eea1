-- Orders that bring money: one that is cancelled, or not paid yet, does not. A pre-order (pending_availability) is not paid yet.
create or replace temp view valid_orders as
select * from canonical.orders
where lower(status) not in ('cancelled', 'canceled', 'voided', 'expired', 'pending', 'pending_availability', 'authorized')
