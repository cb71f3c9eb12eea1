-- The tax of an amount at a rate (0.19), as whole units of the currency: inside an amount that includes it, or on top of one
-- that does not. In integers: decimal division would be done in floating point. Rounded half away from zero.
create or replace temp macro tax_of(amount, rate, is_inside, unit, digits) as
    cast(sign(amount) * sign(rate) as decimal(1, 0)) * unit * cast(
        (
            2 * cast(abs(amount) * 100000000 as hugeint) * cast(abs(rate) * 1000000 as hugeint) * cast(case digits when 0 then 1 when 2 then 100 when 3 then 1000 else 10000 end as hugeint)
            + (case when is_inside then 1000000 + cast(rate * 1000000 as hugeint) else 1000000 end) * 100000000
        ) // (2 * (case when is_inside then 1000000 + cast(rate * 1000000 as hugeint) else 1000000 end) * 100000000)
        as decimal(18, 0)
    )
