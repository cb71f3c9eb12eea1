"""The embedded ledger's rules as PostgreSQL functions and triggers.

`embedded_triggers.py` says what the rules are. A function is name -> (arguments, returned type,
body). PostgreSQL keeps the bodies as they stand and `verify` compares them: a change here is an
upgrade of every ledger installed before.
"""

from __future__ import annotations

from retail_sync.ledger.embedded_schema import FROZEN

# One writer at a time per ledger: a lock that ends with the transaction, taken by us before we look
# and by the triggers for everybody else. (SQLite has BEGIN IMMEDIATE.)
WRITER_LOCK = "pg_advisory_xact_lock(hashtextextended('retail-sync ledger ' || current_schema(), 0))"

_REFUSE = """
begin
  raise exception using errcode = '23000', message = 'ledger refused [' || code || ']: ' || why;
end"""

_LOCK = f"""
begin
  perform {WRITER_LOCK};
end"""

_REFUSE_CHANGE = """
begin
  perform ledger_refuse('sealed', 'what is booked is never changed or deleted');
  return null;
end"""

# After the lock each statement below sees what is committed, but only in READ COMMITTED: a writer
# with an older snapshot could miss a month that was just closed.
_ENTRY = """
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform ledger_refuse('malformed', 'the ledger is written in read committed only');
  end if;
  perform ledger_lock();
  if exists (select 1 from entry
              where key = new.key or token = new.token or hash = new.hash) then
    perform ledger_refuse('key_conflict', 'its key, token or hash is in the ledger');
  end if;
  if new.id is distinct from (select coalesce(max(id), 0) + 1 from entry)
     or new.prev_hash is distinct from
        coalesce((select hash from entry order by id desc limit 1), repeat('0', 64)) then
    perform ledger_refuse('malformed', 'it does not continue the chain');
  end if;
  if new.reverses_id is not null and not exists
     (select 1 from entry where id = new.reverses_id and reverses_id is null) then
    perform ledger_refuse('malformed', 'only an entry that is no reversal is reversed');
  end if;
  if exists (select 1 from entry where reverses_id = new.reverses_id) then
    perform ledger_refuse('already_reversed', 'another entry reverses it');
  end if;
  return new;
end"""

# The entry is looked for before the seal: an entry we can see is one whose seal we can see.
_LINE = """
begin
  if not exists (select 1 from entry where id = new.entry_id) then
    perform ledger_refuse('malformed', 'the line belongs to no entry');
  end if;
  if exists (select 1 from seal where entry_id = new.entry_id) then
    perform ledger_refuse('sealed', 'its entry is sealed');
  end if;
  if not exists (select 1 from account where code = new.account) then
    perform ledger_refuse('unknown_account', 'no such account');
  end if;
  return new;
end"""

_SEAL = """
declare
  booked record;
  counted record;
begin
  select id, reverses_id, to_char(posting_date, 'YYYY-MM') as month
    into booked from entry where id = new.entry_id;
  if not found then
    perform ledger_refuse('malformed', 'there is no such entry');
  end if;
  if exists (select 1 from seal where entry_id = new.entry_id) then
    perform ledger_refuse('sealed', 'the entry is sealed');
  end if;
  select count(*) as lines, min(line_no) as first_no, max(line_no) as last_no,
         sum(home_minor) as home, count(distinct home_currency) as home_currencies,
         sum(transaction_minor) as transaction,
         count(distinct transaction_currency) as transaction_currencies
    into counted from line where entry_id = new.entry_id;
  if counted.lines < 2 or counted.home <> 0 or counted.home_currencies <> 1
     or (counted.transaction_currencies = 1 and counted.transaction <> 0) then
    perform ledger_refuse('unbalanced', 'fewer than two lines, or they do not balance');
  end if;
  if counted.first_no <> 1 or counted.last_no <> counted.lines
     or counted.lines <> new.line_count then
    perform ledger_refuse('malformed', 'lines are numbered 1, 2, 3 and counted');
  end if;
  if new.last_period_event_id is distinct from (select coalesce(max(id), 0) from period_event) then
    perform ledger_refuse('malformed', 'the seal names the last period event');
  end if;
  if exists (select 1 from line join account on account.code = line.account
              where line.entry_id = new.entry_id and not account.is_active) then
    perform ledger_refuse('inactive_account', 'an account is inactive');
  end if;
  if (select action from period_event where month = booked.month
       order by id desc limit 1) = 'close' then
    perform ledger_refuse('closed_period', 'the month is closed');
  end if;
  if booked.reverses_id is not null and exists (
       select 1
         from (select line_no, account, transaction_minor, transaction_currency, home_minor,
                      home_currency, rate, role, channel, location, tax_code
                 from line where entry_id = new.entry_id
                union all
               select line_no, account, -transaction_minor, transaction_currency, -home_minor,
                      home_currency, rate, role, channel, location, tax_code
                 from line where entry_id = booked.reverses_id) as both_sides
        group by line_no, account, transaction_minor, transaction_currency, home_minor,
                 home_currency, rate, role, channel, location, tax_code
       having count(*) <> 2) then
    perform ledger_refuse('malformed', 'the reversal is not its original turned round');
  end if;
  return new;
end"""

# The lock makes closing wait for postings under way: none turns up in the month afterwards.
_PERIOD = """
begin
  perform ledger_lock();
  if new.id is distinct from (select coalesce(max(id), 0) + 1 from period_event) then
    perform ledger_refuse('malformed', 'period events are numbered 1, 2, 3');
  end if;
  if new.month !~ '^[0-9]{4}-(0[1-9]|1[0-2])$' then
    perform ledger_refuse('malformed', 'a month is written YYYY-MM');
  end if;
  return new;
end"""

_ACCOUNT = """
begin
  if tg_op = 'UPDATE' then
    if new.code is distinct from old.code then
      perform ledger_refuse('sealed', 'an account keeps its code');
    end if;
    return new;
  end if;
  if exists (select 1 from line where account = old.code) then
    perform ledger_refuse('sealed', 'an account with lines stays');
  end if;
  return old;
end"""

FUNCTIONS = {
    "ledger_refuse": ("code text, why text", "void", _REFUSE),
    "ledger_lock": ("", "void", _LOCK),
    "ledger_refuse_change": ("", "trigger", _REFUSE_CHANGE),
    "ledger_check_entry": ("", "trigger", _ENTRY),
    "ledger_check_line": ("", "trigger", _LINE),
    "ledger_check_seal": ("", "trigger", _SEAL),
    "ledger_check_period_event": ("", "trigger", _PERIOD),
    "ledger_check_account": ("", "trigger", _ACCOUNT),
}

# Written exactly as pg_get_triggerdef gives them back, so that one text serves both uses.
TRIGGERS = {
    "account_change": "account BEFORE DELETE OR UPDATE ROW ledger_check_account",
    "entry_insert": "entry BEFORE INSERT ROW ledger_check_entry",
    "line_insert": "line BEFORE INSERT ROW ledger_check_line",
    "seal_insert": "seal BEFORE INSERT ROW ledger_check_seal",
    "period_event_insert": "period_event BEFORE INSERT ROW ledger_check_period_event",
} | {
    f"{table}_{name}": f"{table} BEFORE {when} ledger_refuse_change"
    for table in FROZEN
    for name, when in {"change": "DELETE OR UPDATE ROW", "truncate": "TRUNCATE STATEMENT"}.items()
}
