-- An operand of a declared expression: products of two of them are exact in 38 digits.
create or replace temp macro operand_of(x) as
    case when number_of(x) % 0.000001 = 0 and abs(number_of(x)) < 1e12 then cast(number_of(x) as decimal(18, 6)) end
