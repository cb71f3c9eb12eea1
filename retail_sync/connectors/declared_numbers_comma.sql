-- A number of a declared file written with a decimal comma; null where the text is none.
create or replace temp macro number_of(x) as
    case when regexp_full_match(bare_number_of(x), '-?(\d{1,12}|\d{1,3}(\.\d{3}){1,3})(,\d{1,8})?')
        then cast(replace(replace(bare_number_of(x), '.', ''), ',', '.') as decimal(22, 8))
    end
