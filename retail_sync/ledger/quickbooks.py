"""QuickBooks Online as a ledger.

Identity is the DocNumber, looked up before every create, because QuickBooks refuses a duplicate only where a preference says
so. Every create carries `requestid` in its address: the documented place, where a library's own setting was seen lost.
An account is known by its number (AcctNum), a class and a location by their name.

Limits: where a process dies with a request under way, the next run must not start within the two minutes that QuickBooks
may take for it; only `requestid` would catch it, and only in the same batch. The trial balance is that of its report: home
currency only. Accounts receivable and payable take no lines of ours, since these need a customer or vendor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.http import HttpClient
from retail_sync.core.money import to_minor
from retail_sync.ledger.adapter import Balance, Finding, PostedEntry
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.quickbooks_api import QuickBooksApi, has_classes, has_departments
from retail_sync.ledger.quickbooks_entries import Company, payload, read_entry, shown
from retail_sync.ledger.quickbooks_faults import fault_of, refusal, told
from retail_sync.ledger.remote_posting import Held, Posting, Sent, post_all, twice
from retail_sync.ledger.remote_text import NOTE_MAX, reference, write_note
from retail_sync.schemas.journal import Entry
from retail_sync.settings import QuickBooksSettings

_KEYS_PER_QUERY = 40
_FIRST, _LAST = date(1990, 1, 1), date(2099, 12, 31)


class QuickBooks:
    """A company of QuickBooks Online behind `LedgerAdapter`."""

    name = "quickbooks"
    batch_size = 30
    settles_after = 130.0  # a request that takes more than 120 s is given up by QuickBooks

    def __init__(self, client: HttpClient, settings: QuickBooksSettings) -> None:
        self.clock = client.clock
        self._settings = settings
        self._api = QuickBooksApi(client, settings)

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` in the one currency it is sent in, texts of bounded length; everything else is kept."""
        return shown(entry, multicurrency=self._settings.multicurrency)

    def payload(self, entry: Entry, token: str) -> dict[str, Any]:
        """Return the JournalEntry that `post` would send, to the last field. Nothing is sent."""
        with uncertain_without_answer():
            return payload(entry, token, self._api.company(), multicurrency=self._settings.multicurrency)

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
        """Book several entries, in batches of up to 30."""
        with uncertain_without_answer():
            return post_all(self, postings)

    def accounts(self) -> Mapping[str, bool]:
        """Return every numbered account with whether it takes lines of ours."""
        with uncertain_without_answer():
            company = self._api.company()
        return {number: number in company.open_accounts for number in company.account_ids}

    def first_open_date(self, wanted: date) -> date:
        """Return `wanted`, or the day after the closing date where that is later."""
        with uncertain_without_answer():
            closed = self._api.company().closed_until
        return max(wanted, closed + timedelta(days=1)) if closed else wanted

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the lines of QuickBooks' own trial balance, in home currency."""
        query = {"start_date": f"{_FIRST}", "end_date": f"{as_of or _LAST}", "accounting_method": "Accrual"}
        with uncertain_without_answer():
            company, report = self._api.company(), self._api.get("/reports/TrialBalance", query)
        numbers = {account_id: number for number, account_id in company.account_ids.items()}
        home, sums = company.home_currency, []
        for row in report.get("Rows", {}).get("Row", ()):
            cells = row.get("ColData")
            if cells and cells[0].get("id"):
                debit, credit = (Decimal(cell.get("value") or 0) for cell in cells[1:3])
                minor = to_minor(debit - credit, home)
                sums.append(Balance(numbers.get(cells[0]["id"], cells[0]["value"]), home, minor, home, minor))
        return sorted(sums, key=lambda balance: balance.account)

    def verify(self) -> Sequence[Finding]:
        """Tell preferences that contradict the settings, and a trial balance that does not balance."""
        with uncertain_without_answer():
            company = self._api.company()
        said = company.preferences or {}
        wanted = {
            "use_classes": (self._settings.use_classes, has_classes(said), "class tracking"),
            "use_departments": (self._settings.use_departments, has_departments(said), "location tracking"),
            "multicurrency": (self._settings.multicurrency, company.has_multicurrency, "multicurrency"),
        }
        findings = [
            Finding(name, f"[ledger.quickbooks] {name} is set, but {feature} is switched off in QuickBooks")
            for name, (is_set, is_there, feature) in wanted.items()
            if is_set and not is_there
        ]
        if rest := sum(balance.home_minor for balance in self.balances()):
            findings.append(Finding("balance", f"QuickBooks' trial balance is off by {rest} minor units"))
        return findings

    def refuses_duplicates(self) -> bool:
        """Whether QuickBooks itself refuses a second entry of one number: one more guard behind ours."""
        with uncertain_without_answer():
            said = self._api.company().preferences or {}
        pairs = {pair.get("Name"): pair.get("Value") for pair in said.get("OtherPrefs", {}).get("NameValue", ())}
        return pairs.get("WarnDuplicateJournalNumber") == "true"

    def held(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Look keys up by their document numbers."""
        found: dict[str, Held] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            numbers = {reference(key): key for key in keys[start : start + _KEYS_PER_QUERY]}
            listed = ", ".join(f"'{number}'" for number in numbers)
            for record in self._api.rows("JournalEntry", f"where DocNumber in ({listed})"):
                held = read_entry(numbers[record["DocNumber"]], record, self._api.company())
                key = held.posted.entry.key
                found[key] = twice(found[key], held) if key in found else held
        return found

    def refusal(self, entry: Entry) -> LedgerRefused | None:
        """Return why an entry must not be sent, if it must not."""
        company = self._api.company()
        if imbalance := entry.imbalance():
            return LedgerRefused("unbalanced", imbalance, "correct the entry and release it anew")
        if entry.lines[0].home_currency != company.home_currency:
            text = f"{entry.key} is in {entry.lines[0].home_currency}, the books in {company.home_currency}"
            return LedgerRefused("malformed", text, f'set home_currency = "{company.home_currency}"')
        if len(write_note(entry, "x" * 64)) > NOTE_MAX:
            return LedgerRefused("malformed", f"{entry.key}: its key is too long for QuickBooks", "shorten its parts")
        if company.closed_until and entry.posting_date <= company.closed_until:
            text = f"{entry.key}: QuickBooks is closed up to {company.closed_until}"
            return LedgerRefused("closed_period", text, "reopen the period, or date the entry into an open one")
        return _unknown(entry, company)

    def send(self, batch: Sequence[Posting], key: str) -> Sent:
        """Create the entries of a batch, one alone directly."""
        if len(batch) == 1:
            entry, token = batch[0]
            document = self._api.create("/journalentry", self.payload(entry, token), key[:50])
            return self._sent([(entry.key, document)])
        items = [
            {"bId": f"{number}", "operation": "create", "JournalEntry": self.payload(entry, token)}
            for number, (entry, token) in enumerate(batch)
        ]
        document = self._api.create("/batch", {"BatchItemRequest": items}, key[:36])
        if fault := fault_of(document):
            refusal("the batch", fault)  # a lost login is told as one
            return Sent(lost=told(fault))
        answered = {item.get("bId"): item for item in document.get("BatchItemResponse", ())}
        numbered = enumerate(entry.key for entry, _ in batch)
        return self._sent([(key, answered[f"{number}"]) for number, key in numbered if f"{number}" in answered])

    def _sent(self, documents: Sequence[tuple[str, Any]]) -> Sent:
        sent = Sent()
        for key, document in documents:
            if fault := fault_of(document):
                sent.lost = told(fault)
                if refused := refusal(key, fault):
                    sent.answers[key] = refused
                    self._api.forget()  # what we knew of the company led to this
            elif record := (document or {}).get("JournalEntry"):
                sent.answers[key] = str(record["Id"])
        return sent


def _unknown(entry: Entry, company: Company) -> LedgerRefused | None:
    for line in entry.lines:
        if line.account not in company.account_ids:
            text = f"{entry.key}: QuickBooks has no account with the number {line.account}"
            return LedgerRefused("unknown_account", text, "create it, or give an account that number")
        if line.account not in company.open_accounts:
            text = f"{entry.key}: account {line.account} takes no entries of ours in QuickBooks"
            return LedgerRefused("inactive_account", text, "make it active, or book to another account")
        for name, ids in company.dimensions.items():
            value = getattr(line, name)
            if value and value not in ids:
                text = f"{entry.key}: QuickBooks knows no {name} called {value}"
                return LedgerRefused("unknown_dimension", text, "create it in QuickBooks under that name")
    return None
