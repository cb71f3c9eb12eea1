-- Round to a currency's minor unit, half away from zero. `digits` is null for the usual two.
create or replace temp macro in_money(amount, digits) as cast(
    case digits
        when 0 then round(amount, 0)
        when 3 then round(amount, 3)
        when 4 then round(amount, 4)
        else round(amount, 2)
    end as decimal(18, 4)
)
