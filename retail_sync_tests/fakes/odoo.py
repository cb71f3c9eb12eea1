"""A stand-in for Odoo: journal entries with their documented rules, over JSON-2 and JSON-RPC.

Drafts may be dated in a locked period and need not balance; posting refuses both. Posted entries are not deleted. Amounts
are JSON numbers, an empty field is `false`, a reference is `[id, name]`. Refusals are 422 with the exception's name
(JSON-2), or 200 with an `error` (JSON-RPC); every call is one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from retail_sync.ledger.embedded import Account
from retail_sync_tests.fakes.erp_server import FakeServer, Refusal

KEY = "odoo-test-key"
_DIGITS = {"USD": 2, "CAD": 2, "JPY": 0, "KWD": 3}


class FakeOdoo(FakeServer):
    """One company in USD with a chart, locked up to `locked_until`. `is_old`: a version with `deprecated` accounts."""

    def __init__(self, chart: Sequence[Account], locked_until: str, *, is_old: bool = False) -> None:
        currencies = {
            n: {"id": n, "name": c, "decimal_places": d, "active": True} for n, (c, d) in enumerate(_DIGITS.items(), 1)
        }
        company = {"id": 1, "name": "Acme", "currency_id": [1, "USD"], "fiscalyear_lock_date": locked_until}
        company |= {"period_lock_date": False} if is_old else {"hard_lock_date": False}
        accounts = {}
        for number, account in enumerate(chart, 1):
            flag = {"deprecated": not account.is_active} if is_old else {"active": account.is_active}
            accounts[number] = {"id": number, "code": account.code, "name": account.name} | flag
        super().__init__(
            {
                "res.company": {1: company},
                "res.currency": currencies,
                "account.journal": {7: {"id": 7, "code": "RSYNC", "company_id": [1, "Acme"]}},
                "account.account": accounts,
                "account.move": {},
                "account.move.line": {},
                "next": 1,
            }
        )

    def posted(self) -> Counter[str]:
        """How often each reference is posted."""
        return Counter(move["ref"] for move in self.state["account.move"].values() if move["state"] == "posted")

    def drafts(self) -> int:
        """How many entries are not posted."""
        return sum(move["state"] == "draft" for move in self.state["account.move"].values())

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Route a call of either interface."""
        if path == "/jsonrpc":
            return {"jsonrpc": "2.0", "id": body["id"], "result": self._jsonrpc(**body["params"])}
        if headers.get("Authorization") != f"bearer {KEY}":
            raise Refusal("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
        _, _, _, model, name = path.split("/")
        body.pop("context", None)
        return self._call(model, name, body.pop("ids", []), body)

    def refused(self, refusal: Refusal) -> tuple[int, Any]:
        """As JSON-2 says it; JSON-RPC puts the same into `error` (see `serve`)."""
        return refusal.status, {"name": refusal.name, "message": str(refusal), "arguments": [str(refusal)], "debug": ""}

    def serve(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Wrap refusals of JSON-RPC."""
        status, content = super().serve(method, target, body, headers)
        if target == "/jsonrpc" and status != 200:
            return 200, {
                "jsonrpc": "2.0",
                "id": 1,
                "error": {"code": 200, "message": "Odoo Server Error", "data": content},
            }
        return status, content

    def _jsonrpc(self, service: str, method: str, args: list[Any]) -> Any:
        if service == "common":
            return 2 if args[1:3] == ["poster", KEY] else False
        if args[2] != KEY:
            raise Refusal("odoo.exceptions.AccessDenied", "Access Denied")
        _, _, _, model, name, positional, named = args
        named.pop("context", None)
        return self._call(model, name, positional[0] if positional else [], named)

    def _call(self, model: str, name: str, ids: list[int], named: dict[str, Any]) -> Any:
        match name:
            case "search_read":
                return self._search_read(model, **named)
            case "fields_get":
                some = next(iter(self.state[model].values()))
                return {field: {"type": "x"} for field in named["allfields"] if field in some}
            case "create":
                return [self._create(values) for values in named["vals_list"]]
            case "unlink":
                for number in ids:
                    self._unlink(self._move(number))
                return True
            case "action_post":
                for number in ids:
                    self._post(self._move(number))
                return False
            case _:
                raise Refusal("AttributeError", f"no method {name}", 404)

    def _move(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] | None = self.state["account.move"].get(number)
        if found is None:
            raise Refusal("odoo.exceptions.MissingError", "Record does not exist or has been deleted.", 404)
        return found

    def _search_read(self, model: str, domain: list[Any], fields: list[str], limit: int, order: str) -> list[Any]:
        assert order == "id asc"
        rows = [row for _, row in sorted(self.state[model].items()) if all(holds(row, term) for term in domain)]
        return [{name: row[name] for name in ("id", *fields)} for row in rows[:limit]]

    def _create(self, values: dict[str, Any]) -> int:
        number = self._number()
        original = values.get("reversed_entry_id")
        self.state["account.move"][number] = {
            "id": number,
            "state": "draft",
            "ref": values["ref"],
            "date": values["date"],
            "move_type": values["move_type"],
            "journal_id": [values["journal_id"], "RSYNC"],
            "company_id": [1, "Acme"],
            "reversed_entry_id": [original, self._move(original)["ref"]] if original else False,
        }
        for _, _, line in values["line_ids"]:
            self._create_line(number, values, line)
        return number

    def _create_line(self, move: int, values: dict[str, Any], line: dict[str, Any]) -> None:
        account = self.state["account.account"].get(line["account_id"])
        currency = self.state["res.currency"].get(line["currency_id"])
        if account is None or currency is None:
            raise Refusal("odoo.exceptions.MissingError", "Record does not exist or has been deleted.", 404)
        if line["amount_currency"] * (line["debit"] - line["credit"]) < 0:
            raise Refusal(
                "odoo.exceptions.ValidationError", "The amount in currency must have the sign of the balance."
            )
        number = self._number()
        self.state["account.move.line"][number] = {
            "id": number,
            "move_id": [move, values["ref"]],
            "company_id": [1, "Acme"],
            "parent_state": "draft",
            "date": values["date"],
            "account_id": [account["id"], f"{account['code']} {account['name']}"],
            "currency_id": [currency["id"], currency["name"]],
            "debit": float(line["debit"]),
            "credit": float(line["credit"]),
            "amount_currency": float(line["amount_currency"]),
            "name": line["name"] or False,
        }

    def _unlink(self, move: dict[str, Any]) -> None:
        if move["state"] == "posted":
            raise Refusal("odoo.exceptions.UserError", "You cannot delete an item linked to a posted entry.")
        for line in self._lines(move):
            del self.state["account.move.line"][line["id"]]
        del self.state["account.move"][move["id"]]

    def _post(self, move: dict[str, Any]) -> None:
        lines = self._lines(move)
        locked = self.state["res.company"][1]["fiscalyear_lock_date"]
        if move["state"] == "posted":
            raise Refusal("odoo.exceptions.UserError", "The entry must be in draft.")
        if not lines:
            raise Refusal("odoo.exceptions.UserError", "You need to add a line before posting.")
        if sum(Decimal(str(line["debit"])) - Decimal(str(line["credit"])) for line in lines):
            raise Refusal("odoo.exceptions.UserError", "The entry is not balanced.")
        if locked and move["date"] <= locked:
            raise Refusal(
                "odoo.exceptions.UserError", f"You cannot add/modify entries prior to and inclusive of: {locked}."
            )
        for line in lines:
            account = self.state["account.account"][line["account_id"][0]]
            if account.get("deprecated") or not account.get("active", True):
                raise Refusal(
                    "odoo.exceptions.UserError", f"A line of this move is using a deprecated account: {account['code']}"
                )
            line["parent_state"] = "posted"
        move["state"] = "posted"

    def _lines(self, move: dict[str, Any]) -> list[dict[str, Any]]:
        return [line for line in self.state["account.move.line"].values() if line["move_id"][0] == move["id"]]

    def _number(self) -> int:
        self.state["next"] += 1
        number: int = self.state["next"]
        return number


def holds(row: dict[str, Any], term: list[Any]) -> bool:
    """Whether a record fulfils a term of a domain."""
    name, operator, wanted = term
    value = row[name][0] if isinstance(row[name], list) else row[name]
    match operator:
        case "=":
            return bool(value == wanted)
        case ">":
            return bool(value > wanted)
        case ">=":
            return bool(value >= wanted)
        case "<":
            return bool(value < wanted)
        case "<=":
            return bool(value <= wanted)
        case "in":
            return value in wanted
        case _:
            raise Refusal("ValueError", f"Invalid operator {operator!r}", 422)
