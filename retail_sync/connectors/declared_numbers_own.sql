-- A number that the declaration itself gives, as a constant or a translated word: always with a decimal point.
create or replace temp macro point_number_of(x) as
    case when regexp_full_match(x, '-?\d{1,12}(\.\d{1,8})?') then cast(x as decimal(22, 8)) end
