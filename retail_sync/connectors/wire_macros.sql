-- What every system's JSON has: amounts in minor units, quantities and instants as text. Null where the text is none of it; the
-- column beside it (x__raw) keeps the text, and the contract rejects the row with it.
create or replace temp macro minor_of(x, unit) as
    case when regexp_full_match(x, '-?\d{1,13}') then cast(cast(x as decimal(18, 0)) * unit as decimal(18, 4)) end;
-- The sum of amounts, null where one of them cannot be read: list_sum passes over it.
create or replace temp macro sum_of(amounts, unit) as
    cast(case when len(list_filter(amounts, lambda x: amount_of(x, unit) is null)) = 0
        then coalesce(list_sum(list_transform(amounts, lambda x: amount_of(x, unit))), 0) end as decimal(18, 4));
create or replace temp macro minor_sum_of(amounts, unit) as
    cast(case when len(list_filter(amounts, lambda x: minor_of(x, unit) is null)) = 0
        then coalesce(list_sum(list_transform(amounts, lambda x: minor_of(x, unit))), 0) end as decimal(18, 4));
create or replace temp macro quantity_of(x) as
    case when regexp_full_match(x, '-?\d{1,11}(\.\d{1,6}0*)?') then cast(x as decimal(18, 6)) end;
create or replace temp macro instant_of(x) as
    case when regexp_full_match(x, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)')
        then try_cast(x as timestamptz)
    end;
create or replace temp macro local_day_of(instant, zone) as cast(timezone(zone, instant) as date);
create or replace temp macro iso_day_of(x) as case when regexp_full_match(x, '\d{4}-\d\d-\d\d') then try_cast(x as date) end
