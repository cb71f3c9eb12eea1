"""Xero as a ledger: manual journals.

An entry is looked up by its Url before it is created, and created with PUT alone: POST would change one that is there. A
batch goes out as one list with `summarizeErrors=false`, so the answer is 200 whatever happened; each journal in it is
judged by its own messages, and then read back like every other. Voided and deleted journals count as gone.

Limits: home currency only. Bank accounts and the control accounts of receivables and payables take no manual journals, so
deposits are left to Xero's bank feed (`[ledger] deposits = "bank_feed"`). The trial balance is that of Xero's report, which
shows income and expenses since the start of the financial year; without a date it is that of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.http import HttpClient
from retail_sync.core.money import to_minor
from retail_sync.ledger.adapter import Balance, Finding, PostedEntry
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.remote_posting import Held, Posting, Sent, post_all, twice
from retail_sync.ledger.remote_text import NOTE_MAX, write_note
from retail_sync.ledger.xero_api import Organisation, XeroApi
from retail_sync.ledger.xero_entries import is_gone, payload, read_entry, refusal, shown, url_of
from retail_sync.schemas.journal import Entry
from retail_sync.settings import XeroSettings

_KEYS_PER_QUERY = 24  # an address of 2,000 characters is carried everywhere
_NO_ID = "00000000-0000-0000-0000-000000000000"


class Xero:
    """An organisation of Xero behind `LedgerAdapter`."""

    name = "xero"
    batch_size = 50
    settles_after = 130.0

    def __init__(self, client: HttpClient, settings: XeroSettings) -> None:
        self.clock = client.clock
        self._api = XeroApi(client, settings)

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` in home currency, texts of bounded length; everything else is kept."""
        return shown(entry)

    def payload(self, entry: Entry, token: str) -> dict[str, Any]:
        """Return the manual journal that `post` would send, to the last field. Nothing is sent."""
        return payload(entry, token, self._api.tracking)

    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Return those of `keys` that the ledger holds; an entry that is there twice says so in its memo."""
        with uncertain_without_answer():
            return {key: held.posted for key, held in self.held(keys).items()}

    def post(self, entry: Entry, token: str) -> str:
        """Book one entry. Raises LedgerRefused or LedgerUncertain."""
        answer = self.post_many([(entry, token)])[entry.key]
        if isinstance(answer, LedgerRefused):
            raise answer
        return answer

    def post_many(self, postings: Sequence[Posting]) -> Mapping[str, str | LedgerRefused]:
        """Book several entries, in lists of up to 50."""
        with uncertain_without_answer():
            return post_all(self, postings)

    def accounts(self) -> Mapping[str, bool]:
        """Return every account code with whether it takes manual journals."""
        with uncertain_without_answer():
            return self._api.organisation().accounts

    def first_open_date(self, wanted: date) -> date:
        """Return `wanted`, or the day after the later lock date where that is later."""
        with uncertain_without_answer():
            closed = self._api.organisation().closed_until
        return max(wanted, closed + timedelta(days=1)) if closed else wanted

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the lines of Xero's own trial balance, in home currency."""
        day = as_of or datetime.fromtimestamp(self.clock.wall(), UTC).date()
        with uncertain_without_answer():
            known, report = self._api.organisation(), self._api.report("TrialBalance", {"date": f"{day}"})
        home = known.base_currency
        sums = [
            Balance(known.codes.get(account_id, name), home, minor, home, minor)
            for account_id, name, amount in _trial_balance_rows(report)
            for minor in [to_minor(amount, home)]
        ]
        return sorted(sums, key=lambda balance: balance.account)

    def verify(self) -> Sequence[Finding]:
        """Tell tracking categories that the settings name and Xero does not have, and a trial balance that is off."""
        with uncertain_without_answer():
            options = self._api.organisation().options
        findings = [
            Finding(
                "tracking", f"[ledger.xero] {name}_category is {category!r}; Xero has no active category of that name"
            )
            for name, category in self._api.tracking.items()
            if category not in options
        ]
        if rest := sum(balance.home_minor for balance in self.balances()):
            findings.append(Finding("balance", f"Xero's trial balance is off by {rest} minor units"))
        return findings

    def held(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Look keys up by their addresses."""
        found: dict[str, Held] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            urls = {url_of(key): key for key in keys[start : start + _KEYS_PER_QUERY]}
            for record in self._api.journals(" OR ".join(f'Url=="{url}"' for url in urls)):
                key = urls.get(record.get("Url", ""))
                if key is None or is_gone(record):
                    continue
                held = read_entry(key, record, self._api.organisation().base_currency, self._api.tracking)
                found[key] = twice(found[key], held) if key in found else held
        return found

    def refusal(self, entry: Entry) -> LedgerRefused | None:
        """Return why an entry must not be sent, if it must not."""
        known = self._api.organisation()
        if imbalance := entry.imbalance():
            return LedgerRefused("unbalanced", imbalance, "correct the entry and release it anew")
        if entry.lines[0].home_currency != known.base_currency:
            text = f"{entry.key} is in {entry.lines[0].home_currency}, the books in {known.base_currency}"
            return LedgerRefused("malformed", text, f'set home_currency = "{known.base_currency}"')
        if len(write_note(entry, "x" * 64)) > NOTE_MAX:
            return LedgerRefused("malformed", f"{entry.key}: its key is too long for Xero", "shorten its parts")
        if known.closed_until and entry.posting_date <= known.closed_until:
            text = f"{entry.key}: Xero is locked up to {known.closed_until}"
            return LedgerRefused("closed_period", text, "move the lock date, or date the entry into an open period")
        return self._unknown(entry, known)

    def send(self, batch: Sequence[Posting], key: str) -> Sent:
        """Create the journals of a batch."""
        said = self._api.create([self.payload(entry, token) for entry, token in batch], key)
        elements = (said or {}).get("ManualJournals") or []
        by_url = {element.get("Url"): element for element in elements}
        in_order = elements if len(elements) == len(batch) else []
        sent = Sent()
        for number, (entry, _) in enumerate(batch):
            element = by_url.get(url_of(entry.key)) or (in_order[number] if in_order else {})
            if refused := refusal(entry.key, element):
                sent.answers[entry.key] = refused
                self._api.forget()
            elif element.get("Status") == "POSTED" and element.get("ManualJournalID", _NO_ID) != _NO_ID:
                sent.answers[entry.key] = element["ManualJournalID"]
        return sent

    def _unknown(self, entry: Entry, known: Organisation) -> LedgerRefused | None:
        for line in entry.lines:
            if line.account not in known.accounts:
                text = f"{entry.key}: Xero has no account with the code {line.account}"
                return LedgerRefused("unknown_account", text, "create it in Xero")
            if not known.accounts[line.account]:
                text = f"{entry.key}: account {line.account} takes no manual journals in Xero"
                return LedgerRefused("inactive_account", text, "restore it, or book to another account")
            for name, category in self._api.tracking.items():
                value = getattr(line, name)
                if value and value not in known.options.get(category, ()):
                    text = f"{entry.key}: the tracking category {category} has no active option {value}"
                    return LedgerRefused("unknown_dimension", text, "create the option in Xero")
        return None


def _trial_balance_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str, Decimal]]:
    """Yield (account id, its name, debit less credit) of a trial balance, from the columns since the year began."""
    header = next(row for row in report["Rows"] if row["RowType"] == "Header")
    titles = [cell["Value"] for cell in header["Cells"]]
    debit, credit = titles.index("YTD Debit"), titles.index("YTD Credit")
    for section in report["Rows"]:
        for row in section.get("Rows", ()):
            cells = row["Cells"]
            ids = [said["Value"] for said in cells[0].get("Attributes", ()) if said["Id"] == "account"]
            if row["RowType"] == "Row" and ids:
                amounts = (Decimal(cells[column]["Value"] or 0) for column in (debit, credit))
                yield ids[0], cells[0]["Value"], next(amounts) - next(amounts)
