"""The embedded ledger's rules as SQLite triggers, by name.

`embedded_triggers.py` says what the rules are. SQLite keeps these texts as they stand and `verify`
compares them: a change here is an upgrade of every ledger installed before.
"""

from __future__ import annotations

from retail_sync.ledger.embedded_schema import FROZEN

# `insert or replace` deletes the row in its way without firing delete triggers: each insert trigger
# therefore looks for that row first.
_ENTRY = """create trigger entry_insert before insert on entry
begin
  select raise(abort, 'ledger refused [key_conflict]: its key, token or hash is in the ledger')
   where exists (select 1 from entry where key = new.key)
      or exists (select 1 from entry where token = new.token)
      or exists (select 1 from entry where hash = new.hash);
  select raise(abort, 'ledger refused [malformed]: it does not continue the chain')
   where new.id is not (select coalesce(max(id), 0) + 1 from entry)
      or new.prev_hash is not coalesce((select hash from entry order by id desc limit 1),
         '0000000000000000000000000000000000000000000000000000000000000000');
  -- A date that is only read keeps its 30 February; one that is calculated with does not.
  select raise(abort, 'ledger refused [malformed]: its posting date is no calendar day')
   where date(new.posting_date, '+0 days') is not new.posting_date;
  select raise(abort, 'ledger refused [malformed]: it is not recorded at an instant in UTC')
   where strftime('%Y-%m-%dT%H:%M', new.recorded_at) is not substr(new.recorded_at, 1, 16);
  select raise(abort, 'ledger refused [malformed]: only an entry that is no reversal is reversed')
   where new.reverses_id is not null
     and not exists (select 1 from entry where id = new.reverses_id and reverses_id is null);
  select raise(abort, 'ledger refused [already_reversed]: another entry reverses it')
   where exists (select 1 from entry where reverses_id = new.reverses_id);
end"""

_LINE = """create trigger line_insert before insert on line
begin
  select raise(abort, 'ledger refused [malformed]: the line belongs to no entry')
   where not exists (select 1 from entry where id = new.entry_id);
  select raise(abort, 'ledger refused [sealed]: its entry is sealed')
   where exists (select 1 from seal where entry_id = new.entry_id);
  select raise(abort, 'ledger refused [unknown_account]: no such account')
   where not exists (select 1 from account where code = new.account);
end"""

_SEAL = """create trigger seal_insert before insert on seal
begin
  select raise(abort, 'ledger refused [malformed]: there is no such entry')
   where not exists (select 1 from entry where id = new.entry_id);
  select raise(abort, 'ledger refused [sealed]: the entry is sealed')
   where exists (select 1 from seal where entry_id = new.entry_id);
  select raise(abort, 'ledger refused [unbalanced]: fewer than two lines, or they do not balance')
   where (select count(*) < 2
              or sum(home_minor) <> 0
              or count(distinct home_currency) <> 1
              or (count(distinct transaction_currency) = 1 and sum(transaction_minor) <> 0)
            from line where entry_id = new.entry_id);
  select raise(abort, 'ledger refused [malformed]: lines are numbered 1, 2, 3 and counted')
   where (select min(line_no) <> 1 or max(line_no) <> count(*) or count(*) <> new.line_count
            from line where entry_id = new.entry_id);
  select raise(abort, 'ledger refused [malformed]: the seal names the last period event')
   where new.last_period_event_id is not (select coalesce(max(id), 0) from period_event);
  select raise(abort, 'ledger refused [inactive_account]: an account is inactive')
   where exists (select 1 from line join account on account.code = line.account
                  where line.entry_id = new.entry_id and account.is_active = 0);
  select raise(abort, 'ledger refused [closed_period]: the month is closed')
   where (select action from period_event
           where month = (select substr(posting_date, 1, 7) from entry where id = new.entry_id)
           order by id desc limit 1) = 'close';
  select raise(abort, 'ledger refused [malformed]: the reversal is not its original turned round')
   where exists (select 1 from entry where id = new.entry_id and reverses_id is not null)
     and exists (
       select 1
         from (select line_no, account, transaction_minor, transaction_currency, home_minor,
                      home_currency, rate, role, channel, location, tax_code
                 from line where entry_id = new.entry_id
                union all
               select line_no, account, -transaction_minor, transaction_currency, -home_minor,
                      home_currency, rate, role, channel, location, tax_code
                 from line where entry_id = (select reverses_id from entry where id = new.entry_id)
              )
        group by line_no, account, transaction_minor, transaction_currency, home_minor,
                 home_currency, rate, role, channel, location, tax_code
       having count(*) <> 2);
end"""

_PERIOD = """create trigger period_event_insert before insert on period_event
begin
  select raise(abort, 'ledger refused [malformed]: period events are numbered 1, 2, 3')
   where new.id is not (select coalesce(max(id), 0) + 1 from period_event);
  select raise(abort, 'ledger refused [malformed]: a month is written YYYY-MM')
   where date(new.month || '-01', '+0 days') is not new.month || '-01';
  select raise(abort, 'ledger refused [malformed]: it is not recorded at an instant in UTC')
   where strftime('%Y-%m-%dT%H:%M', new.recorded_at) is not substr(new.recorded_at, 1, 16);
end"""

_ACCOUNT_DELETE = """create trigger account_delete before delete on account
begin
  select raise(abort, 'ledger refused [sealed]: an account with lines stays')
   where exists (select 1 from line where account = old.code);
end"""

_ACCOUNT_CODE = """create trigger account_code before update of code on account
begin
  select raise(abort, 'ledger refused [sealed]: an account keeps its code')
   where new.code is not old.code;
end"""

TRIGGERS = {
    "entry_insert": _ENTRY,
    "line_insert": _LINE,
    "seal_insert": _SEAL,
    "period_event_insert": _PERIOD,
    "account_delete": _ACCOUNT_DELETE,
    "account_code": _ACCOUNT_CODE,
} | {
    f"{table}_{verb}": f"""create trigger {table}_{verb} before {verb} on {table}
begin
  select raise(abort, 'ledger refused [sealed]: what is booked is never changed or deleted');
end"""
    for table in FROZEN
    for verb in ("update", "delete")
}
