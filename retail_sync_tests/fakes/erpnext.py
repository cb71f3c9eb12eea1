"""A stand-in for ERPNext: journal entries with their published rules, over Frappe's REST interface.

Drafts may be dated in a closed period and need not balance; submitting refuses both. Accounts are checked at each save, and
`debit` and `credit` are computed anew from the amount in the account's currency and the rate. Submitted entries are neither
deleted nor changed. Lists have twenty rows unless told otherwise. Refusals name their exception; a request is a transaction.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from retail_sync.ledger.embedded import Account
from retail_sync_tests.fakes.erp_server import FakeServer, Refusal

KEY, SECRET = "erpnext-test-key", "erpnext-test-secret"
USER = "poster@example.com"
_FORMATS = {"USD": "#,###.##", "CAD": "#,###.##", "JPY": "#,###", "KWD": "#,###.###"}
_JOURNAL, _LINES = "Journal Entry", "Journal Entry Account"
_CENT = Decimal("0.01")


class FakeErpnext(FakeServer):
    """One company in USD with a chart."""

    def __init__(self, chart: Sequence[Account]) -> None:
        assets = {
            "asset": "Asset",
            "liability": "Liability",
            "equity": "Equity",
            "income": "Income",
            "expense": "Expense",
        }
        accounts = {"Assets - A": _account("Assets - A", "", "Asset") | {"is_group": 1}}
        for account in chart:
            name = f"{account.code} - {account.name} - A"
            accounts[name] = _account(name, account.code, assets[account.type])
            accounts[name]["disabled"] = int(not account.is_active)
        company = {"name": "Acme", "default_currency": "USD", "cost_center": "Main - A", "abbr": "A"}
        super().__init__(
            {
                "Company": {"Acme": company},
                "Currency": {name: {"name": name, "number_format": text} for name, text in _FORMATS.items()},
                "Account": accounts,
                "Accounts Settings": {"Accounts Settings": {"name": "Accounts Settings", "acc_frozen_upto": None}},
                "Accounting Period": {},
                "Closed Document": {},
                "Period Closing Voucher": {},
                _JOURNAL: {},
                _LINES: {},
                "GL Entry": {},
                "next": 0,
            }
        )

    def close_period(self, first: str, last: str) -> None:
        """Close a period for journal entries."""
        name = f"{first} - A"
        self.state["Accounting Period"][name] = {"name": name, "company": "Acme", "start_date": first, "end_date": last}
        for document_type in ("Sales Invoice", _JOURNAL):
            row = {"name": self._hash(), "parent": name, "document_type": document_type, "closed": 1}
            self.state["Closed Document"][row["name"]] = row

    def freeze(self, until: str) -> None:
        """Freeze the accounts up to a day."""
        self.state["Accounts Settings"]["Accounts Settings"]["acc_frozen_upto"] = until

    def close_books(self, until: str, field: str) -> None:
        """Submit a Period Closing Voucher; `field` is what the version calls the last day."""
        voucher = {"name": "ACC-PCV-1", "company": "Acme", "docstatus": 1, field: until}
        self.state["Period Closing Voucher"]["ACC-PCV-1"] = voucher

    def keep_in(self, code: str, currency: str) -> None:
        """Keep an account in another currency."""
        for account in self.state["Account"].values():
            if account["account_number"] == code:
                account["account_currency"] = currency

    def posted(self) -> Counter[str]:
        """How often each reference number is submitted."""
        return Counter(row["cheque_no"] for row in self.state[_JOURNAL].values() if row["docstatus"] == 1)

    def drafts(self) -> int:
        """How many entries are not submitted."""
        return sum(row["docstatus"] == 0 for row in self.state[_JOURNAL].values())

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Route a request."""
        if headers.get("Authorization") != f"token {KEY}:{SECRET}":
            raise Refusal("AuthenticationError", "", 401)
        _, _, kind, name, *rest = path.split("/")
        if kind == "method":
            return {"message": self._method(name, body)}
        if method == "GET":
            return {"data": self._found(name, rest[0])}
        if method == "DELETE":
            self._delete(self._found(name, rest[0]))
            return {"message": "ok"}
        return {"data": self._save(self._found(name, rest[0]), body)}

    def refused(self, refusal: Refusal) -> tuple[int, Any]:
        """As Frappe says it: the exception's name, its text, and messages for people as JSON in JSON."""
        said = {"message": f"{html.escape(str(refusal), quote=False)} <br>", "indicator": "red"}
        kind = f"frappe.exceptions.{refusal.name}"
        return refusal.status, {
            "exc_type": refusal.name,
            "exception": f"{kind}: {refusal}",
            "_server_messages": json.dumps([json.dumps(said)]),
        }

    def _method(self, name: str, body: dict[str, Any]) -> Any:
        match name:
            case "frappe.client.get_list":
                return self._list(**body)
            case "frappe.client.insert_many":
                if len(body["docs"]) > 200:
                    raise _invalid("Only 200 inserts allowed in one request")
                return [self._insert(document) for document in body["docs"]]
            case "frappe.auth.get_logged_user":
                return USER
            case _:
                raise Refusal("ValidationError", f"Failed to get method for command {name}", 417)

    def _list(
        self,
        doctype: str,
        filters: list[Any],
        fields: list[str],
        order_by: str,
        limit_page_length: int = 20,
        parent: str = "",
    ) -> list[Any]:
        assert order_by == "name asc"
        if (doctype in (_LINES, "Closed Document")) != bool(parent):
            raise Refusal("PermissionError", f"Parent DocType missing for {doctype}", 403)
        rows = [row for _, row in sorted(self.state[doctype].items()) if all(_holds(row, term) for term in filters)]
        page = rows[:limit_page_length]
        return [dict(row) if fields == ["*"] else {name: row[name] for name in fields} for row in page]

    def _found(self, doctype: str, name: str) -> dict[str, Any]:
        row: dict[str, Any] | None = self.state[doctype].get(name)
        if row is None:
            raise Refusal("DoesNotExistError", f"{doctype} {name} not found", 404)
        return row

    def _insert(self, document: dict[str, Any]) -> str:
        original = document.get("reversal_of")
        if original and original not in self.state[_JOURNAL]:
            raise Refusal("LinkValidationError", f"Could not find Reversal Of: {original}", 417)
        if len(document["cheque_no"]) > 140:
            raise Refusal("CharacterLengthExceededError", "Reference Number will get truncated, max is 140", 417)
        number = self._number()
        name = f"ACC-JV-{document['posting_date'][:4]}-{number:05d}"
        assert document["doctype"] == document["voucher_type"] == _JOURNAL
        assert document["company"] == "Acme"
        self.state[_JOURNAL][name] = {
            "name": name,
            "creation": f"{document['posting_date']} 12:00:00.{number:06d}",
            "owner": USER,
            "docstatus": 0,
            "company": document["company"],
            "posting_date": document["posting_date"],
            "cheque_no": document["cheque_no"],
            "cheque_date": document["cheque_date"],
            "user_remark": _sanitized(document["user_remark"]),
            "multi_currency": document["multi_currency"],
            "reversal_of": original,
        }
        for index, line in enumerate(document["accounts"], start=1):
            self._insert_line(name, index, line, is_multi=bool(document["multi_currency"]))
        return name

    def _insert_line(self, parent: str, index: int, line: dict[str, Any], *, is_multi: bool) -> None:
        account = self.state["Account"].get(line["account"])
        if account is None:
            raise Refusal("LinkValidationError", f"Could not find Row #{index}: Account: {line['account']}", 417)
        if account["is_group"] or account["disabled"]:
            kind = "a group" if account["is_group"] else "disabled"
            raise Refusal("LinkValidationError", f"Row #{index}: {account['name']} is {kind} and takes no entries", 417)
        is_foreign = account["account_currency"] != "USD"
        if is_foreign and not is_multi:
            raise _invalid("Please check Multi Currency option to allow accounts with other currency")
        rate = Decimal(str(line["exchange_rate"])) if is_foreign else Decimal(1)
        if is_foreign and rate == 1:
            rate = Decimal("0.7")  # its own rate of the day
        own = {side: Decimal(str(line[f"{side}_in_account_currency"])) for side in ("debit", "credit")}
        home = {side: (amount * rate).quantize(_CENT, ROUND_HALF_EVEN) for side, amount in own.items()}
        if not home["debit"] and not home["credit"]:
            raise _invalid(f"Row {index}: Both Debit and Credit values cannot be zero")
        name = self._hash()
        self.state[_LINES][name] = {
            "name": name,
            "parent": parent,
            "idx": index,
            "account": account["name"],
            "account_currency": account["account_currency"],
            "debit": float(home["debit"]),
            "credit": float(home["credit"]),
            "debit_in_account_currency": float(own["debit"]),
            "credit_in_account_currency": float(own["credit"]),
            "exchange_rate": float(rate),
            "cost_center": line.get("cost_center"),
            "user_remark": _sanitized(line["user_remark"]),
        }

    def _save(self, row: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        wanted = changes.get("docstatus", row["docstatus"])
        if row["docstatus"] == 2:
            raise Refusal("DocstatusTransitionError", "Cannot edit cancelled document", 417)
        if row["docstatus"] == 1:
            if wanted == 0:
                raise Refusal("DocstatusTransitionError", "Cannot change docstatus from 1 to 0", 417)
            if any(row[name] != value for name, value in changes.items()):
                raise Refusal("UpdateAfterSubmitError", "Not allowed to change after submission", 417)
            return row
        row |= changes
        if wanted == 1:
            self._submit(row)
        return row

    def _submit(self, row: dict[str, Any]) -> None:
        lines = [line for line in self.state[_LINES].values() if line["parent"] == row["name"]]
        difference = sum(Decimal(str(line["debit"])) - Decimal(str(line["credit"])) for line in lines)
        if difference:
            raise _invalid(f"Total Debit must be equal to Total Credit. The difference is {difference}")
        self._refuse_closed(row["posting_date"])
        for line in lines:
            account = self.state["Account"][line["account"]]
            if account["disabled"]:
                raise _invalid(f"Account {account['name']} is disabled")
            if account["root_type"] in ("Income", "Expense") and not line["cost_center"]:
                raise _invalid(f"Cost Center is required in row for 'Profit and Loss' account {account['name']}")
            name = self._hash()
            kept = {key: value for key, value in line.items() if "debit" in key or "credit" in key or "account" in key}
            self.state["GL Entry"][name] = kept | {
                "name": name,
                "company": "Acme",
                "posting_date": row["posting_date"],
                "is_cancelled": 0,
                "voucher_type": _JOURNAL,
                "voucher_no": row["name"],
            }

    def _refuse_closed(self, day: str) -> None:
        frozen = self.state["Accounts Settings"]["Accounts Settings"]["acc_frozen_upto"]
        if frozen and day <= frozen:
            raise _invalid(f"You are not authorized to add or update entries before {frozen}")
        for voucher in self.state["Period Closing Voucher"].values():
            last = voucher.get("period_end_date") or voucher["posting_date"]
            if day <= last:
                raise _invalid(f"Books have been closed till the period ending on {last}")
        for period in self.state["Accounting Period"].values():
            if period["start_date"] <= day <= period["end_date"] and not period.get("disabled"):
                raise Refusal(
                    "ClosedAccountingPeriod", f"You cannot create a Journal Entry within {period['name']}", 417
                )

    def _delete(self, row: dict[str, Any]) -> None:
        if row["docstatus"] == 1:
            raise _invalid(f"{row['name']}: Submitted Record cannot be deleted. You must Cancel it first.")
        for line in [line for line in self.state[_LINES].values() if line["parent"] == row["name"]]:
            del self.state[_LINES][line["name"]]
        del self.state[_JOURNAL][row["name"]]

    def _number(self) -> int:
        self.state["next"] += 1
        number: int = self.state["next"]
        return number

    def _hash(self) -> str:
        return hashlib.sha256(str(self._number()).encode()).hexdigest()[:10]


def _account(name: str, code: str, root_type: str) -> dict[str, Any]:
    flags = {"is_group": 0, "disabled": 0, "account_type": None}
    return {
        "name": name,
        "account_number": code,
        "root_type": root_type,
        "account_currency": "USD",
        "company": "Acme",
    } | flags


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationError", message, 417)


def _sanitized(text: str) -> str:
    return html.escape(text, quote=False) if "<" in text or ">" in text else text.strip()


def _holds(row: dict[str, Any], term: list[Any]) -> bool:
    name, operator, wanted = term
    value = row[name]
    match operator:
        case "=":
            return bool(value == wanted)
        case ">":
            return bool(value > wanted)
        case "<=":
            return bool(value <= wanted)
        case "in":  # the database knows no upper and lower case
            return str(value).casefold() in {str(item).casefold() for item in wanted}
        case _:
            raise Refusal("ValidationError", f"Invalid operator {operator!r}", 417)
