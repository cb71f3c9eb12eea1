-- Keys that occur more than once on a side: they are compared as sums, all others row by row.
create or replace temp table compare_repeated as
select key from compare_left group by key having count(*) > 1
union
select key from compare_right group by key having count(*) > 1
