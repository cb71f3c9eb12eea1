"""ERPNext's general ledger (13 and later) behind `LedgerAdapter`: journal entries, inserted as drafts and then submitted.

ERPNext has no idempotency key: `drafts.py` makes exactly once of it. The key is the entry's reference number (`cheque_no`); a
reversal names its original in `reversal_of`, as ERPNext's own does. Drafts are created in one transaction, submitted and deleted
one by one: submitting a submitted one changes nothing, and a deleted duplicate is missed by nobody.

An account in the company's currency takes the home amount; the amount in another currency stands in the line's remark. An
account in a foreign currency takes the amount in that currency with the rate that makes exactly the home amount of it.

Limits:

* Written from ERPNext's published source and tested against a stand-in that keeps these rules; no server could be run here. Try it
  on a copy of your site first.
* ERPNext looks at a draft before it locks it for deletion. It could delete one that another poster submits in that instant, where
  the two disagree about which was first: one poster for each company, the locks of one home see to that.
* The user is ours alone: `verify` looks at the entries that it created.
* Closed is: up to the date that accounts are frozen, up to the last submitted Period Closing Voucher, and in an Accounting Period
  that closes Journal Entry. Exemptions by role are not made use of. Days outside every fiscal year are refused when sent.
* Accounts are known by their number. Groups, disabled ones and those that need a party (Receivable, Payable) take no entries.
* All lines go to the company's default cost centre; other mandatory dimensions are refused by the server.
* A line whose home amount is zero is refused, as is a key of more than 140 letters: ERPNext takes neither.
* ERPNext rounds to the decimals of the company's currency: a "currency precision" in its System Settings must not be smaller.
* ERPNext has no field for role, channel, location, tax code and rate: they stand in the line's remark (`line_notes.py`).
* `balances` are in the currency of each account, as ERPNext's ledger keeps them; it reads every GL entry of the company.
* A submitted entry that somebody cancels is gone for us, and found as drift.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from retail_sync.core.errors import LedgerRefused, SettingsError
from retail_sync.ledger.adapter import Balance, Finding
from retail_sync.ledger.drafts import DraftLedger, Id, Move, Original, portions
from retail_sync.ledger.erpnext_lines import Account, Books, leg_of, line_values, unheld
from retail_sync.ledger.line_notes import memo_text, read_line_text
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.refusals import refusal, unfit
from retail_sync.schemas.journal import Entry
from retail_sync.settings import ErpnextSettings
from retail_sync.systems.erpnext import ErpnextAccess, ErpnextClient

_JOURNAL = "Journal Entry"
_LINES = "Journal Entry Account"
_BOOKS_SECONDS = 5.0
_INSERTS = 200  # the most that Frappe takes in one request
_NEED_A_PARTY = ("Receivable", "Payable")
_DECIMALS = {"#,###": 0, "#.###": 0, "#,###.###": 3}  # of Frappe's number formats that have not 2
_MOVE_FIELDS = ("name", "creation", "cheque_no", "posting_date", "user_remark", "docstatus", "reversal_of")
_LINE_FIELDS = (
    *("name", "parent", "idx", "account", "account_currency", "debit", "credit", "user_remark"),
    *("debit_in_account_currency", "credit_in_account_currency"),
)
_GL_FIELDS = (
    *("name", "account", "account_currency", "debit", "credit"),
    *("debit_in_account_currency", "credit_in_account_currency"),
)


class ErpnextLedger(DraftLedger):
    """One company's books in an ERPNext server."""

    name = "erpnext"
    system = "ERPNext"

    def __init__(self, settings: ErpnextSettings, key: str, secret: str) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._client = ErpnextClient(ErpnextAccess(settings.url, key, secret))
        self._read: tuple[float, Books] | None = None

    def close(self) -> None:
        """Close the connection; the object may be used again."""
        self._client.close()

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` itself: what ERPNext has no field for stands in the remarks of its lines."""
        return entry

    @uncertain_without_answer()
    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return the document that `post` inserts and submits. Nothing is sent."""
        return self._values(entry, self._originals([entry] if entry.reverses else []))

    @uncertain_without_answer()
    def accounts(self) -> Mapping[str, bool]:
        """Return every account number of the company with whether it may be posted to."""
        return {code: account.takes_entries for code, account in sorted(self._books().accounts.items())}

    @uncertain_without_answer()
    def first_open_date(self, wanted: date) -> date:
        """Return `wanted`, or the first later day that is not closed."""
        return self._books().first_open(wanted)

    @uncertain_without_answer()
    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the sums of the company's GL entries that are not cancelled, by account and the account's currency."""
        books = self._books()
        filters: list[Any] = [["company", "=", books.company], ["is_cancelled", "=", 0]]
        if as_of is not None:
            filters.append(["posting_date", "<=", as_of.isoformat()])
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in self._client.rows("GL Entry", filters, _GL_FIELDS):
            leg = leg_of(row, books, {})
            total = sums[leg.account, leg.transaction_currency]
            total[0] += leg.transaction_minor
            total[1] += leg.home_minor
        home = books.home_currency
        return [Balance(code, currency, minor, home, own) for (code, currency), (minor, own) in sorted(sums.items())]

    @uncertain_without_answer()
    def verify(self) -> Sequence[Finding]:
        """Read all journal entries of our user: every key submitted once, no draft left beside it."""
        return list(self._findings())

    def _findings(self) -> Iterator[Finding]:
        user = self._client.call("frappe.auth.get_logged_user")
        filters = [["company", "=", self._books().company], ["owner", "=", user], ["docstatus", "in", [0, 1]]]
        found: Counter[tuple[int, str]] = Counter()
        for row in self._client.rows(_JOURNAL, filters, ("name", "cheque_no", "docstatus")):
            found[row["docstatus"], row["cheque_no"] or f"{row['name']}, which has no reference number"] += 1
        for (docstatus, key), count in sorted(found.items()):
            if docstatus and count > 1:
                yield Finding("key_twice", f"{key} is submitted in ERPNext {count} times")
            if not docstatus:
                yield Finding("draft_left", f"ERPNext holds a draft of {key}: delete it there")

    def _begin(self) -> None:
        self._books(is_fresh=True)

    def _check(self, entry: Entry, token: str) -> LedgerRefused | None:
        books = self._books()
        refused = refusal(entry, token, self.accounts(), books.first_open(entry.posting_date))
        return refused or unfit("ERPNext", entry, books.home_currency, books.digits) or unheld(entry, books)

    def _is_closed(self, entry: Entry) -> bool:
        return self._books(is_fresh=True).first_open(entry.posting_date) != entry.posting_date

    def _create(self, entries: Sequence[Entry], originals: Mapping[str, Original]) -> None:
        for start in range(0, len(entries), _INSERTS):
            some = entries[start : start + _INSERTS]
            self._client.call("frappe.client.insert_many", docs=[self._values(entry, originals) for entry in some])

    def _values(self, entry: Entry, originals: Mapping[str, Original]) -> dict[str, Any]:
        books = self._books()
        document: dict[str, Any] = {
            "doctype": _JOURNAL,
            "voucher_type": _JOURNAL,
            "company": books.company,
            "posting_date": entry.posting_date.isoformat(),
            "cheque_no": entry.key,
            "cheque_date": entry.posting_date.isoformat(),
            "user_remark": memo_text(entry.memo),
            "multi_currency": int(any(leg.transaction_currency != books.home_currency for leg in entry.lines)),
            "accounts": [line_values(leg, books) for leg in entry.lines],
        }
        if entry.reverses is not None and entry.reverses in originals:
            document["reversal_of"] = originals[entry.reverses].id
        return document

    def _delete(self, ids: Sequence[Id]) -> None:
        for name in ids:
            self._client.delete(_JOURNAL, str(name))

    def _post_drafts(self, ids: Sequence[Id]) -> None:
        # Not `submit`, which leaves more than a hundred lines to a job that runs later.
        for name in ids:
            self._client.change(_JOURNAL, str(name), {"docstatus": 1})

    def _moves(self, keys: Sequence[str]) -> dict[str, list[Move]]:
        books = self._books()
        rows: list[dict[str, Any]] = []
        for some in portions(keys):
            filters = [["company", "=", books.company], ["cheque_no", "in", list(some)], ["docstatus", "in", [0, 1]]]
            rows += self._client.rows(_JOURNAL, filters, _MOVE_FIELDS)
        wanted = set(keys)  # MariaDB takes "a" for "A"
        rows = sorted(
            (row for row in rows if row["cheque_no"] in wanted), key=lambda row: (row["creation"], row["name"])
        )
        lines = self._lines([row["name"] for row in rows])
        keys_of = self._keys_of([row["reversal_of"] for row in rows if row["reversal_of"]])
        found: dict[str, list[Move]] = defaultdict(list)
        for row in rows:
            reverses = keys_of.get(row["reversal_of"], "") if row["reversal_of"] else None
            memo = read_line_text(row["user_remark"] or "")["memo"]
            legs = tuple(leg_of(line, books, read_line_text(line["user_remark"] or "")) for line in lines[row["name"]])
            entry = Entry(row["cheque_no"], date.fromisoformat(row["posting_date"]), memo, legs, reverses)
            found[entry.key].append(Move(row["name"], row["docstatus"] == 1, entry))
        return found

    def _lines(self, names: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
        """Return the lines of each entry, in their order."""
        lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for some in portions(names):
            for line in self._client.rows(_LINES, [["parent", "in", list(some)]], _LINE_FIELDS, _JOURNAL):
                lines[line["parent"]].append(line)
        for of_one in lines.values():
            of_one.sort(key=lambda line: int(line["idx"]))
        return lines

    def _keys_of(self, names: Sequence[str]) -> dict[str, str]:
        return {
            row["name"]: row["cheque_no"] or ""
            for some in portions(names)
            for row in self._client.rows(_JOURNAL, [["name", "in", list(some)]], ("name", "cheque_no"))
        }

    def _originals(self, entries: Sequence[Entry]) -> dict[str, Original]:
        wanted = [entry.reverses for entry in entries if entry.reverses is not None]
        ids = {key: move.id for key, moves in self._moves(wanted).items() for move in moves[::-1] if move.is_posted}
        taken = {
            row["reversal_of"]: row["cheque_no"] or row["name"]
            for some in portions(list(ids.values()))
            for row in self._client.rows(
                _JOURNAL,
                [["docstatus", "=", 1], ["reversal_of", "in", list(some)]],
                ("name", "reversal_of", "cheque_no"),
            )
        }
        return {key: Original(name, taken.get(name, "")) for key, name in ids.items()}

    def _books(self, is_fresh: bool = False) -> Books:
        """Return what is known of the company, a few seconds old at the most."""
        if is_fresh or self._read is None or time.monotonic() - self._read[0] > _BOOKS_SECONDS:
            self._read = time.monotonic(), self._read_books()
        return self._read[1]

    def _read_books(self) -> Books:
        client = self._client
        company = self._company()
        ours = ["company", "=", company["name"]]
        fields = ("name", "account_number", "account_currency", "account_type", "is_group", "disabled")
        accounts = {
            row["account_number"]: Account(
                row["name"],
                row["account_currency"] or company["default_currency"],
                not row["is_group"] and not row["disabled"] and row["account_type"] not in _NEED_A_PARTY,
            )
            for row in client.rows("Account", [ours], fields)
            if row["account_number"]
        }
        return Books(
            company["name"],
            company["default_currency"],
            company.get("cost_center") or "",
            accounts,
            {account.name: code for code, account in accounts.items()},
            {
                row["name"]: _DECIMALS.get(row["number_format"] or "", 2)
                for row in client.rows("Currency", [], ("name", "number_format"))
            },
            self._locked_until(company),
            self._closed(company["name"]),
        )

    def _company(self) -> dict[str, Any]:
        wanted = self._settings.company
        found = list(self._client.rows("Company", [["name", "=", wanted]] if wanted else [], ("*",)))
        if len(found) != 1:
            raise SettingsError(
                f"ERPNext shows us {len(found)} records for the company {wanted!r}",
                "give its name as [ledger.erpnext] company, and the user access to it",
            )
        return found[0]

    def _locked_until(self, company: Mapping[str, Any]) -> date | None:
        """Return the last day up to which nothing is posted, by what each version calls it."""
        days = [company.get("accounts_frozen_till_date")]
        days.append(self._client.document("Accounts Settings", "Accounts Settings").get("acc_frozen_upto"))
        filters = [["company", "=", company["name"]], ["docstatus", "=", 1]]
        for voucher in self._client.rows("Period Closing Voucher", filters, ("*",)):
            days.append(voucher.get("period_end_date") or voucher.get("posting_date"))
        return max((date.fromisoformat(day) for day in days if day), default=None)

    def _closed(self, company: str) -> list[tuple[date, date]]:
        """Return first and last day of the accounting periods that take no journal entries."""
        filters = [["document_type", "=", _JOURNAL], ["closed", "=", 1]]
        fields = ("name", "parent")
        closed = {row["parent"] for row in self._client.rows("Closed Document", filters, fields, "Accounting Period")}
        return [
            (date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"]))
            for row in self._client.rows("Accounting Period", [["company", "=", company]], ("*",))
            if row["name"] in closed and not row.get("disabled")
        ]
