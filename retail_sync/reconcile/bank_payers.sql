-- The bank lines whose text shows one pattern of a channel's payer. A pattern a time: one that is bound is compiled once, one that
-- comes from a table is compiled for every line.
insert into paid_by_channels
select source, account, transaction_id, $channel from canonical.bank_transactions where regexp_matches(reference, $pattern, 'i')
