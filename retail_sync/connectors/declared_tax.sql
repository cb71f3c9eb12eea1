-- The tax of an amount at a rate (0.19), in money of the currency: inside an amount that includes it, or on top of one that
-- does not. In integers: decimal division would be done in floating point. Rounded half away from zero; null where the
-- figures do not fit.
create or replace temp macro tax_of(amount, rate, is_inside, digits) as
    try(
        cast(case when amount < 0 then -1 else 1 end * (
            (
                2 * cast(abs(cast(amount as decimal(38, 4))) * 10000 as hugeint)
                    * cast(cast(rate as decimal(38, 6)) * 1000000 as hugeint)
                + (1000000 + case when is_inside then cast(cast(rate as decimal(38, 6)) * 1000000 as hugeint) else 0 end)
                    * case digits when 0 then 10000 when 2 then 100 when 3 then 10 else 1 end
            ) // (
                2 * (1000000 + case when is_inside then cast(cast(rate as decimal(38, 6)) * 1000000 as hugeint) else 0 end)
                    * case digits when 0 then 10000 when 2 then 100 when 3 then 10 else 1 end
            )
        ) as decimal(38, 0)) * case digits when 0 then 1 when 2 then 0.01 when 3 then 0.001 else 0.0001 end
    )
