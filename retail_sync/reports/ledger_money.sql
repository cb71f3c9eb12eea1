-- Minor units of a currency as text with the currency's own digits (ISO 4217), for people and spreadsheets.
create or replace macro in_units(minor, code) as case (select digits from minor_units where currency = code)
    when 0 then cast(minor as varchar)
    when 3 then cast(cast(cast(minor as decimal(18, 0)) * 0.001 as decimal(18, 3)) as varchar)
    when 4 then cast(cast(cast(minor as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as varchar)
    else cast(cast(cast(minor as decimal(18, 0)) * 0.01 as decimal(18, 2)) as varchar)
end
