-- A number without what accounting programs write around it: a currency sign, blanks between groups, a minus behind or
-- brackets for a minus. Null where the text is no number in any of these ways; what its marks mean is not decided here.
create or replace temp macro bare_number_of(x) as case
    when regexp_full_match(x, '-?[\d.,]+') then x
    when regexp_full_match(x, '[-−]?\pZ?[$€£¥]?\pZ?[-−]?(\d{1,3}(\pZ\d{3})+|\d[\d.,]*)([.,]\d+)?\pZ?[$€£¥]?\pZ?[-−]?'
            '|\(\pZ?[$€£¥]?\pZ?(\d{1,3}(\pZ\d{3})+|\d[\d.,]*)([.,]\d+)?\pZ?[$€£¥]?\pZ?\)')
        -- Two signs would be a guess.
        and length(regexp_replace(x, '[^-−(]', '', 'g')) < 2
    then case when regexp_matches(x, '[-−(]') then '-' else '' end || regexp_replace(x, '[^\d.,]', '', 'g')
end
