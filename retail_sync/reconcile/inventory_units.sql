-- A quantity as people write it: without zeros that say nothing.
create or replace temp macro in_units(quantity) as
    trim(trailing '.' from trim(trailing '0' from cast(cast(quantity as decimal(38, 6)) as varchar)))
