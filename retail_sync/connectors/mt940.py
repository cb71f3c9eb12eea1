"""Bank statements as SWIFT MT940, the way banks offer them (.sta, .940, .mt940), with or without the SWIFT envelope.

Read from SWIFT's description of the message, the structured field 86 of German banks (DFU agreement, appendix 3, chapter 8.2)
and samples made by hand; no file of a real bank was at hand. The library mt-940 knows the fields and their many dialects. What it
reads leniently is proved here: as many entries as the file has fields 61, and :60F: + entries = :62F:.

C and RD (a debit taken back) put money in, D and RC (a credit taken back) take it out. The day is the value date of field 61.
A field 61 without a bank reference (what follows //) or with NONREF is known by its content. Pages of one statement
(:60M:, :62M:) foot each for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import mt940

from retail_sync.connectors.bank_statements import (
    ASK_AGAIN,
    BANK_TRANSACTIONS,
    Movement,
    Statement,
    reference_of,
    refuse_unless_it_foots,
    said,
    stage_movements,
)
from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.documents import TextDocument
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

# Blocks of the SWIFT envelope, and the lines that banks put around messages.
_ENVELOPE = re.compile(r"\{[1-5]:|-?\}|-\s*$")
_FIELD = re.compile(r":(\d\d)[A-Z]?:|:NS:")
_BALANCE = re.compile(r":6[02][FM]:[CD]\d{6}[A-Z]{3}\d{1,15}(,\d{0,4})?\s*")
_OPENING, _CLOSING = ("60F", "60M"), ("62F", "62M")
# A line of field 86 that is full goes on in the next one, in the middle of a word.
_LINE_WIDTH = 65
_TEXTS = (
    "applicant_name", "deviate_applicant", "purpose", "additional_purpose", "end_to_end_reference", "customer_reference",
    "bank_reference", "extra_details", "posting_text",
)  # fmt: skip
_SLUGS = {"60F": "final_opening_balance", "60M": "intermediate_opening_balance",
          "62F": "final_closing_balance", "62M": "intermediate_closing_balance"}  # fmt: skip


class Mt940(TextConnector):
    """Connector for MT940 files."""

    name = "mt940"
    object = BANK_TRANSACTIONS

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Decode the file strictly and see that it holds MT940. Raises DeliveryRefused."""
        document = super().open(blocks, target, encoding, max_bytes)
        with document.path.open(encoding="utf-8") as lines:
            tags = {found[0] for line in lines if (found := _FIELD.match(line))}
        if not {":20:", ":25:"} <= tags and not (":20:" in tags and ":25P:" in tags):
            raise DeliveryRefused("this is no MT940 statement: it has no fields :20: and :25:", ASK_AGAIN)
        return document

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused where the first line is that of another format; `open` looks at the rest."""
        if header.lstrip().startswith("<"):
            raise DeliveryRefused("this is no MT940 statement but XML or SGML", ASK_AGAIN)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the entries of every statement, each proved by its balances."""
        lines = document.path.read_text(encoding="utf-8").splitlines()
        kept = [(number, line) for number, line in enumerate(lines, 1) if not _ENVELOPE.match(line)]
        for number, line in kept:
            if re.match(r":6[02][FM]:", line) and not _BALANCE.fullmatch(line):
                raise DeliveryRefused(f"line {number}: the balance {line[:60]!r} cannot be read", ASK_AGAIN)
        entries = [number for number, line in kept if line.startswith(":61:")]
        found = _parse("\n".join(line for _, line in kept))
        if sum(len(statement.transactions) for statement in found) != len(entries):
            raise DeliveryRefused(
                f"the file has {len(entries)} entries (:61:), not all of which can be read", ASK_AGAIN
            )
        numbers = iter(entries)
        movements: list[Movement] = []
        for parsed in found:
            statement = _statement(parsed)
            statement.movements = [_movement(entry, statement, next(numbers)) for entry in parsed.transactions]
            refuse_unless_it_foots(statement)
            movements += statement.movements
        stage_movements(connection, movements, source.name, delivery_id)
        return Staged(
            document_id=delivery_id,
            tables=(f"canonical.{BANK_TRANSACTIONS}",),
            delivered_count=len(movements),
            detected=f"{document.encoding}; MT940; {len(found)} statements, each foots",
        )


def _parse(text: str) -> list[Any]:
    try:
        found = mt940.parse_statements(text, options=mt940.Options.all())
    except (RuntimeError, ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise DeliveryRefused(f"the MT940 cannot be read: {str(error)[:200]}", ASK_AGAIN) from error
    if not found:
        raise DeliveryRefused("the file holds no statement", ASK_AGAIN)
    # The library keeps one balance of each kind: a second one would belong to a statement whose :20: was lost.
    for tag in (":25:", ":60F:", ":62F:"):
        if text.count(f"\n{tag}") > len(found):
            raise DeliveryRefused(f"the file has more fields {tag} than statements (:20:): it is damaged", ASK_AGAIN)
    return found


def _statement(parsed: Any) -> Statement:
    account = said(parsed.data.get("account_identification"))
    opening, closing = (_balance(parsed, tags) for tags in (_OPENING, _CLOSING))
    currencies = {balance.amount.currency for balance in (opening, closing) if balance}
    if len(currencies) > 1:
        raise DeliveryRefused(f"the balances of account {account} are in {' and '.join(sorted(currencies))}", ASK_AGAIN)
    return Statement(
        account,
        next(iter(currencies), ""),
        opening.amount.amount if opening else None,
        closing.amount.amount if closing else None,
    )


def _balance(parsed: Any, tags: tuple[str, ...]) -> Any:
    return next((found for tag in tags if (found := parsed.data.get(_SLUGS[tag]))), None)


def _movement(entry: Any, statement: Statement, line_no: int) -> Movement:
    data = entry.data
    if "date" not in data or "amount" not in data:
        raise DeliveryRefused(f"line {line_no}: the entry cannot be read", ASK_AGAIN)
    amount: Decimal = data["amount"].amount
    return Movement(
        line_no,
        statement.account,
        f"{data['date']:%Y-%m-%d}",
        format(amount, "f"),
        statement.currency,
        reference_of([*(str(data.get(name) or "") for name in _TEXTS), _unwrapped(data.get("transaction_details"))]),
        said(data.get("bank_reference")),
    )


def _unwrapped(details: str | None) -> str:
    """Field 86 without structure: its lines put together again."""
    lines = (details or "").split("\n")
    return "".join(line if len(line) >= _LINE_WIDTH else line + " " for line in lines)
