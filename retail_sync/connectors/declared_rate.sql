-- A tax rate: a fraction of at most 6 decimals, 19 % being 0.19; null for anything else.
create or replace temp macro rate_of(x) as
    case when x between 0 and 1 and x % 0.000001 = 0 then cast(x as decimal(18, 6)) end
