-- A number of the file as an operand of a declared expression. 38 digits, so that a product is not computed in 18.
create or replace temp macro operand_of(x) as
    case when x % 0.000001 = 0 and abs(x) < 1000000000000 then cast(x as decimal(38, 6)) end
