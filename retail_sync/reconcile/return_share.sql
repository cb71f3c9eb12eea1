-- The part of an amount that some of its units have, exact to a hundredth of a cent: division of decimals is done in floats.
create or replace temp macro return_share(amount, units, all_units) as
    cast(cast(amount * 10000 as hugeint) * cast(units * 1000000 as hugeint) // nullif(cast(all_units * 1000000 as hugeint), 0)
        as decimal(24, 0)) * cast(0.0001 as decimal(4, 4))
