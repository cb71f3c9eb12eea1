"""Bank statements as ISO 20022 camt.053 (Bank to Customer Statement), versions 001.02 to 001.12.

Read from the message definitions of ISO 20022 and samples made by hand; no file of a real bank was at hand. The versions differ, in
what is read here, in two places: the status of an entry (`Sts`, from 001.08 `Sts/Cd`) and the parties (`Dbtr`, from 001.08
`Dbtr/Pty`).

One row per booked entry (`Ntry`), also of one that sums several payments: their texts are its reference. What is not booked
(PDNG, INFO, FUTR) is counted and no row. `CdtDbtInd` says what the entry does to the account, also where `RvslInd` says that it
takes another one back. The opening balance is OPBD or what was closed before (PRCD), the closing one CLBD; on a page that has
only one or none of them, the interim balances (ITBD). A balance that includes a credit line is none. The day is the value
date, where a bank writes none the day of booking. The bank's id of an entry is `AcctSvcrRef`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import Element

import duckdb

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
from retail_sync.connectors.connector import Staged
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.xml_documents import namespace_of, open_xml, pieces
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|1[0-2])")
_STATEMENT = ("BkToCstmrStmt", "Stmt")
_PLACES = (_STATEMENT, *((*_STATEMENT, name) for name in ("Acct", "Bal", "Ntry")))
_AMOUNT = re.compile(r"\d{1,18}(\.\d{1,5})?")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)([TZ+-].*)?")
_SIGNS = {"CRDT": "", "DBIT": "-"}
_NOT_BOOKED = frozenset({"PDNG", "INFO", "FUTR"})
_OPENING, _CLOSING, _INTERIM = ("OPBD", "PRCD"), ("CLBD",), "ITBD"
_REFERENCES = ("EndToEndId", "InstrId", "TxId", "PmtInfId", "MndtId", "ChqNb")


class Camt053:
    """Connector for camt.053 files."""

    name = "camt053"
    object = BANK_TRANSACTIONS

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Write the file as it is and see that it is a camt.053. Raises DeliveryRefused."""
        document = open_xml(blocks, target, max_bytes)
        namespace = namespace_of(target, "BkToCstmrStmt")
        if not _NAMESPACE.fullmatch(namespace):
            found = f"of the namespace {namespace[:80]}" if namespace else "another XML document"
            raise DeliveryRefused(f"this is no camt.053.001.02 to 12, but {found}", ASK_AGAIN)
        return document

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused where the first line is not that of XML; `open` looks at the rest."""
        if header.strip() and not header.lstrip().startswith("<"):
            raise DeliveryRefused("this is no XML file", ASK_AGAIN)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the booked entries of every statement, each proved by its balances."""
        movements: list[Movement] = []
        statements = entries = 0
        for read in _statements(document.path):
            refuse_unless_it_foots(read.statement)
            movements += read.statement.movements
            statements, entries = statements + 1, read.entries
        if not statements:
            raise DeliveryRefused("the file holds no statement", ASK_AGAIN)
        stage_movements(connection, movements, source.name, delivery_id)
        return Staged(
            document_id=delivery_id,
            tables=(f"canonical.{BANK_TRANSACTIONS}",),
            delivered_count=entries,
            detected=f"camt.053; {statements} statements, each foots; {entries - len(movements)} entries are not booked",
        )


@dataclass(slots=True)
class _Reading:
    """A statement while it is read. `entries` are those of the file so far, booked or not."""

    entries: int
    statement: Statement = field(default_factory=lambda: Statement("", ""))
    balances: list[tuple[str, str, Decimal, str]] = field(default_factory=list)  # code, day, amount, currency


def _statements(path: Path) -> Iterator[_Reading]:
    reading = _Reading(0)
    for piece in pieces(path, _PLACES):
        match piece.tag:
            case "Acct":
                reading.statement.account = _text(piece, "Id/IBAN") or _text(piece, "Id/Othr/Id")
            case "Bal":
                _note_balance(piece, reading)
            case "Ntry":
                reading.entries += 1
                if movement := _movement(piece, reading):
                    reading.statement.movements.append(movement)
            case _:
                _take_balances(reading)
                yield reading
                reading = _Reading(reading.entries)


def _note_balance(balance: Element, reading: _Reading) -> None:
    if any(_text(line, "Incl") == "true" for line in balance.findall("CdtLine")):
        return
    amount, currency = _amount(balance, "a balance")
    day = _day(_text(balance, "Dt/Dt") or _text(balance, "Dt/DtTm"))
    code = _text(balance, "Tp/CdOrPrtry/Cd")
    reading.balances.append((code, day, Decimal(amount), currency))
    statement = reading.statement
    if code in (*_OPENING, *_CLOSING, _INTERIM):
        if statement.currency not in ("", currency):
            raise DeliveryRefused(
                f"the balances of account {statement.account} are in {statement.currency} and {currency}", ASK_AGAIN
            )
        statement.currency = currency


def _take_balances(reading: _Reading) -> None:
    interim = [amount for code, _, amount, _ in reading.balances if code == _INTERIM]
    opening = next((found for code in _OPENING if (found := _of(reading, code, first=True)) is not None), None)
    closing = next((found for code in _CLOSING if (found := _of(reading, code, first=False)) is not None), None)
    if opening is None and interim:
        opening = interim.pop(0)
    if closing is None and interim:
        closing = interim.pop()
    reading.statement.opening, reading.statement.closing = opening, closing


def _of(reading: _Reading, code: str, *, first: bool) -> Decimal | None:
    """The balance of that kind; of several days the first or the last. Two of one day that differ: DeliveryRefused."""
    found = sorted((day, amount) for kind, day, amount, _ in reading.balances if kind == code)
    if not found:
        return None
    day = found[0][0] if first else found[-1][0]
    amounts = {amount for on, amount in found if on == day}
    if len(amounts) > 1:
        raise DeliveryRefused(
            f"the statement of account {reading.statement.account} has different balances {code} of {day}", ASK_AGAIN
        )
    return amounts.pop()


def _movement(entry: Element, reading: _Reading) -> Movement | None:
    """Return a booked entry as a movement, or None for one that is not booked yet."""
    number, statement = reading.entries, reading.statement
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status in _NOT_BOOKED:
        return None
    if status != "BOOK":
        shown = status or _text(entry, "Sts/Prtry")
        raise DeliveryRefused(f"entry {number} has the status {shown!r}, which is none of ISO 20022", ASK_AGAIN)
    amount, currency = _amount(entry, f"entry {number}")
    if currency != statement.currency:
        raise DeliveryRefused(
            f"entry {number} is in {currency}, the balances of its account are in {statement.currency or 'no currency'}",
            ASK_AGAIN,
        )
    return Movement(
        number,
        statement.account,
        next(
            (
                day
                for name in ("ValDt", "BookgDt")
                if (day := _day(_text(entry, f"{name}/Dt") or _text(entry, f"{name}/DtTm")))
            ),
            "",
        ),
        amount,
        currency,
        reference_of(_texts(entry)),
        said(_text(entry, "AcctSvcrRef")),
    )


def _texts(entry: Element) -> Iterator[str]:
    is_in = (_text(entry, "CdtDbtInd") == "CRDT") != (_text(entry, "RvslInd") in ("true", "1"))
    roles = ("Dbtr", "UltmtDbtr") if is_in else ("Cdtr", "UltmtCdtr")
    details = entry.findall("NtryDtls/TxDtls")
    for detail in details:
        for role in roles:
            yield _text(detail, f"RltdPties/{role}/Nm") or _text(detail, f"RltdPties/{role}/Pty/Nm")
        yield from _all(detail, ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb"))
        yield from _all(detail, ("RmtInf/Strd/AddtlRmtInf", *(f"Refs/{name}" for name in _REFERENCES), "AddtlTxInf"))
    yield from _all(entry, ("NtryRef", "AddtlNtryInf"))


def _all(element: Element, paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        yield from (found.text or "" for found in element.findall(path))


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    return found[1] if found else text


def _amount(element: Element, what: str) -> tuple[str, str]:
    """Return the amount with its sign, and its currency. Raises DeliveryRefused where it cannot be read."""
    text, sign = _text(element, "Amt"), _SIGNS.get(_text(element, "CdtDbtInd"))
    if sign is None or not _AMOUNT.fullmatch(text):
        raise DeliveryRefused(
            f"{what} has no amount with a sign: {text[:40]!r} {_text(element, 'CdtDbtInd')[:10]!r}", ASK_AGAIN
        )
    amount = element.find("Amt")
    return sign + text, (amount.get("Ccy") or "") if amount is not None else ""
