-- The lines of a document, in a table of their own: its rowid numbers them from 0. (row_number() over the file itself would
-- hold the reader to one thread.)
create or replace temp table document_lines as
select line
from read_csv(
    $path, delim = chr(1), quote = '', escape = '', header = false, auto_detect = false, strict_mode = true,
    columns = {'line': 'VARCHAR'}
)
