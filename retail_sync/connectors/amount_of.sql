-- An amount written with a decimal point, in whole units of its currency; null where the text is none (1.005 EUR, 1,5).
create or replace temp macro amount_of(x, unit) as
    case when regexp_full_match(x, '-?\d{1,13}(\.\d{1,4})?') and try_cast(x as decimal(18, 4)) % coalesce(unit, 0.0001) = 0
        then try_cast(x as decimal(18, 4))
    end
