"""Bank and card statements as OFX: 1.x (SGML) and 2.x (XML), as banks offer them for download ("Quicken", "Money", .ofx, .qfx).

Read from the specification (OFX 2.2, chapters 2, 3 and 11) and samples made by hand; no file of a real bank was at hand. ofxtools
builds the tree, whose texts are read as they stand: its own types turn days into UTC, and 23:00 in New York would be tomorrow.

FITID is the bank's id of an entry, TRNAMT has its sign, DTPOSTED is its day on the bank's own clock. A statement says what its
balance is afterwards, not before, so its entries prove nothing: a file that was cut off is known by its missing end only. What
corrects an earlier entry (CORRECTFITID), and what is stated in another currency than the account's, is rejected, row by row.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree.ElementTree import Element  # only the type: ofxtools builds the tree
from xml.sax.saxutils import unescape

import duckdb
from ofxtools.header import OFXHeaderError, parse_header
from ofxtools.Parser import ParseError, TreeBuilder

from retail_sync.connectors.bank_statements import ASK_AGAIN, BANK_TRANSACTIONS, Movement, reference_of, stage_movements
from retail_sync.connectors.connector import Staged
from retail_sync.connectors.documents import TextDocument, unpack
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

_BEGINS = re.compile(rb"\s*(OFXHEADER\s*:|(<\?xml[^>]*\?>\s*)?<\?OFX\s)")
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)(\d{6}(\.\d+)?)?(\[[^\]]*\])?")
_AMOUNT = re.compile(r"[+-]?(\d{1,20}([.,]\d{0,10})?|[.,]\d{1,10})")
_STATEMENTS = {"STMTRS": "BANKACCTFROM", "CCSTMTRS": "CCACCTFROM"}


class Ofx:
    """Connector for OFX files."""

    name = "ofx"
    object = BANK_TRANSACTIONS

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Write the body of the file, decoded as its header says. Raises DeliveryRefused."""
        plain = target.with_suffix(".bytes")
        try:
            sniff, _ = unpack(blocks, plain, max_bytes)
            if not _BEGINS.match(sniff.removeprefix(b"\xef\xbb\xbf")):
                raise DeliveryRefused("this is no OFX file: it has no OFX header", ASK_AGAIN)
            content = plain.read_bytes().removeprefix(b"\xef\xbb\xbf")
            _, body = parse_header(io.BytesIO(content))
        except (OFXHeaderError, UnicodeDecodeError, ValueError) as error:
            raise DeliveryRefused(f"the OFX header or the characters cannot be read: {error}", ASK_AGAIN) from error
        finally:
            plain.unlink(missing_ok=True)
        body = body.rstrip()
        if not body.endswith("</OFX>"):
            raise DeliveryRefused("the file does not end with </OFX>: it was cut off", ASK_AGAIN)
        target.write_text(body, encoding="utf-8")
        first = content.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
        return TextDocument(target, "OFX", first, body.count("\n") + 1, True)

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused where the first line cannot be that of an OFX file; `open` looks at the rest."""
        if not re.match(r"\s*(OFXHEADER\s*:|<\?xml|<\?OFX\s|$)", header):
            raise DeliveryRefused("this is no OFX file: it has no OFX header", ASK_AGAIN)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the entries of every account."""
        text = document.path.read_text(encoding="utf-8")
        movements: list[Movement] = []
        rejected: list[tuple[int, str, str, str]] = []
        accounts = 0
        for statement in _statements(text):
            accounts += 1
            _read(statement, movements, rejected)
        stage_movements(connection, movements, source.name, delivery_id)
        for line_no, column, value, reason in rejected:
            connection.execute(
                "insert into staged_rejected values (?, ?, ?, ?, ?)",
                [line_no, BANK_TRANSACTIONS, column, value[:200], reason],
            )
        return Staged(
            document_id=delivery_id,
            tables=(f"canonical.{BANK_TRANSACTIONS}",),
            delivered_count=len(movements) + len(rejected),
            detected=f"{document.encoding}; {accounts} statements; it states no opening balance, so no control total",
        )


def _statements(text: str) -> Iterator[Element]:
    """Yield the statements. Raises DeliveryRefused where the tree is not what the text says, or the bank tells of an error."""
    builder = TreeBuilder()
    try:
        builder.feed(text)
        root = builder.close()
    except (ParseError, SyntaxError, AssertionError, IndexError) as error:
        raise DeliveryRefused(f"the OFX cannot be read: {str(error)[:200]}", ASK_AGAIN) from error
    for status in root.iter("STATUS"):
        if (code := _text(status, "CODE")) != "0" and _text(status, "SEVERITY") != "WARN":
            raise DeliveryRefused(f"the bank answered with error {code}: {_text(status, 'MESSAGE')[:200]}", ASK_AGAIN)
    found = [item for name in _STATEMENTS for item in root.iter(name)]
    if not found:
        raise DeliveryRefused("the file holds no statement of a bank or card account", ASK_AGAIN)
    if root.find(".//INVSTMTRS") is not None:
        raise DeliveryRefused(
            "the file holds a statement of investments, which is not read", "ask the bank for the bank account alone"
        )
    # An element that is neither filled nor closed takes its followers for its children, and the builder does not mind.
    held = sum(len(listed.findall("STMTTRN")) for item in found for listed in item.findall("BANKTRANLIST"))
    if held != len(re.findall(r"<STMTTRN\s*>", text)):
        raise DeliveryRefused("some entries of the file are not where entries belong: it is damaged", ASK_AGAIN)
    yield from found


def _read(statement: Element, movements: list[Movement], rejected: list[tuple[int, str, str, str]]) -> None:
    account, currency = _text(statement, f"{_STATEMENTS[statement.tag]}/ACCTID"), _text(statement, "CURDEF")
    for entry in statement.findall("BANKTRANLIST/STMTTRN"):
        line_no = len(movements) + len(rejected) + 1
        if corrected := _text(entry, "CORRECTFITID"):
            rejected.append(
                (line_no, "transaction_id", corrected, "is corrected by this entry: see what the bank changed")
            )
        elif (other := _text(entry, "CURRENCY/CURSYM") or currency) != currency:
            rejected.append((line_no, "currency", other, f"is not the account's currency, which is {currency}"))
        else:
            movements.append(
                Movement(
                    line_no,
                    account,
                    _day(_text(entry, "DTPOSTED")),
                    _amount(_text(entry, "TRNAMT")),
                    currency,
                    reference_of(
                        _text(entry, name) for name in ("NAME", "PAYEE/NAME", "EXTDNAME", "MEMO", "REFNUM", "CHECKNUM")
                    ),
                    _text(entry, "FITID"),
                )
            )


def _text(element: Element, path: str) -> str:
    """What an element says; the builder leaves the escapes of XML in it."""
    return unescape(element.findtext(path) or "", {"&nbsp;": " ", "&quot;": '"', "&apos;": "'"}).strip()


def _day(text: str) -> str:
    """The day on the clock of the bank, as ISO 8601 (OFX 3.2.8.2); what has not that form stays as it is."""
    found = _DAY.fullmatch(text)
    return "-".join(found.group(1, 2, 3)) if found else text


def _amount(text: str) -> str:
    """The amount with a decimal point (OFX 3.2.9.1 allows a comma); what is none stays as it is."""
    if not _AMOUNT.fullmatch(text):
        return text
    try:
        return format(Decimal(text.replace(",", ".")).normalize(), "f")
    except InvalidOperation:
        return text
