-- A computed figure as money of so many digits, half away from zero; null where it does not fit. Each branch is cast by
-- itself: DuckDB would take the scale of the coarsest branch for all.
create or replace temp macro money_of(x, digits) as
    case digits
        when 0 then try_cast(round(x, 0) as decimal(18, 4))
        when 2 then try_cast(round(x, 2) as decimal(18, 4))
        when 3 then try_cast(round(x, 3) as decimal(18, 4))
        else try_cast(round(x, 4) as decimal(18, 4))
    end
