-- Round to a currency's minor unit, half away from zero. `digits` is null for the usual two.
-- Each branch is cast by itself: the common type of wide decimals of different scales would keep the smallest scale.
create or replace temp macro in_money(amount, digits) as case digits
    when 0 then cast(round(amount, 0) as decimal(18, 4))
    when 3 then cast(round(amount, 3) as decimal(18, 4))
    when 4 then cast(round(amount, 4) as decimal(18, 4))
    else cast(round(amount, 2) as decimal(18, 4))
end
