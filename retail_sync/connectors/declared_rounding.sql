-- A figure rounded to so many digits, half away from zero, without leaving decimals.
create or replace temp macro round_to(x, digits) as
    case digits when 0 then round(x, 0) when 2 then round(x, 2) when 3 then round(x, 3) when 4 then round(x, 4)
        when 6 then round(x, 6) else x
    end
