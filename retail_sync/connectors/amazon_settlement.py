"""Amazon settlement flat files, V2 and V1: the statement of one period for one seller account and currency.

Formats and quirks: reference/marketplaces.md 1.2 to 1.5, from real files. Columns are addressed by header name, dates and
decimal marks are decided per file, and everything is text until a strict cast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.detection import decide_decimal_mark, decide_instant_format
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.header import Columns, refuse_other_columns, refuse_repeated
from retail_sync.core import money, sql
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

_HEAD = """
    settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency transaction-type order-id
    merchant-order-id adjustment-id shipment-id marketplace-name
""".split()
_V2 = [*_HEAD, *"""
    amount-type amount-description amount fulfillment-id posted-date posted-date-time order-item-code
    merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased
""".split()]  # fmt: skip
_V1 = [*_HEAD, *"""
    shipment-fee-type shipment-fee-amount order-fee-type order-fee-amount fulfillment-id posted-date order-item-code
    merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased price-type price-amount
    item-related-fee-type item-related-fee-amount misc-fee-amount other-fee-amount other-fee-reason-description
    direct-payment-type direct-payment-amount other-amount
""".split()]  # fmt: skip
_NO_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class Layout:
    """One version of the report. `distinctive` is a column that only this version has."""

    name: str
    distinctive: str
    required: tuple[str, ...]
    optional: tuple[str, ...]


LAYOUTS = (
    Layout("amazon_settlement_v2", "amount-description", tuple(_V2), ("promotion-id",)),
    Layout(
        "amazon_settlement_v1",
        "price-amount",
        tuple(_V1),
        ("promotion-id", "promotion-type", "promotion-amount"),
    ),
)


class AmazonSettlement(TextConnector):
    """Connector for both flat file versions; the header decides which."""

    name = "amazon_settlement"
    japanese_marker = b"Amazon.co.jp"

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the header is that of a V2 or V1 settlement flat file."""
        _layout_of(_column_names(header), source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read one settlement. Raises DeliveryRefused for two settlements in one file, mixed formats, or no data."""
        names = _column_names(document.header)
        layout = _layout_of(names, source)
        self._read_fields(connection, document, layout, names)
        settlement_id, has_header, currency, data_lines = _identify(connection)
        mark, instant_format = _decide_formats(connection, source)
        values = {
            "account": source.account_name,
            "source": source.name,
            "delivery_id": delivery_id,
            "time_zone": source.time_zone,
            "instant_format": instant_format,
            "amount_pattern": amount_pattern(mark, money.exponent(currency)),
            "thousands_mark": "." if mark == "," else ",",
            "decimal_mark": mark,
        }
        connection.execute(sql.statement(__package__, "amazon_settlement_header"), values)
        connection.execute(sql.statement(__package__, "amazon_settlement_lines"), values | {"currency": currency})
        connection.execute("drop table fields")
        return Staged(
            document_id=settlement_id,
            tables=("canonical.settlements", "canonical.settlement_lines"),
            delivered_count=data_lines,
            detected=f"{layout.name}; {document.encoding}; dates {instant_format}; decimal mark {mark}",
            date_format=instant_format,
            is_document=True,
            has_control_total=has_header,
        )

    def _read_fields(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        layout: Layout,
        names: list[str],
    ) -> None:
        # DuckDB's trim copies every value (7 s for a million lines); hardly any value is padded.
        connection.execute(
            "create or replace temp macro trimmed(x) as case when x like ' %' or x like '% ' then trim(x) else x end"
        )
        connection.execute(sql.statement(__package__, "document_lines"), {"path": str(document.path)})
        found = connection.execute("select count(*), max(rowid) + 1 from document_lines").fetchone()
        if found != (document.line_count, document.line_count):  # every place we name would be wrong
            raise AssertionError(f"{document.line_count} lines were written, DuckDB numbers {found}")
        known = (*layout.required, *layout.optional)
        # The statement names those columns it uses; binding one it does not use is an error in DuckDB.
        text = sql.statement(__package__, layout.name)
        used = set(re.findall(r"\$(\w+)", text))
        positions = {name.replace("-", "_"): names.index(name) + 1 if name in names else 0 for name in known}
        values: dict[str, object] = {name: place for name, place in positions.items() if name in used}
        # A file cut off inside its last cell has all its fields: only the missing line end tells, where that cell is read.
        may_be_cut = not document.is_terminated and names[-1].replace("-", "_") in used
        values |= {
            "width": len(names),
            "cut_line": document.line_count if may_be_cut else 0,
        }
        connection.execute(text, values)
        connection.execute("drop table document_lines")
        connection.execute(
            """
            create or replace temp table staged_rejected as
            select line_no, 'settlement_lines' as table_name, 'line' as column_name, bad_line as value,
                case when field_count = $width then 'has no line end: the file may be cut off here'
                    else 'has ' || field_count || ' fields where the header has ' || $width
                end as reason
            from fields where bad_line is not null
            """,
            {"width": len(names)},
        )


def amount_pattern(decimal_mark: str, exponent: int) -> str:
    """Regular expression of an amount in a currency with `exponent` decimals: groups of three, no sign but a leading minus."""
    thousands = r"\." if decimal_mark == "," else ","
    decimals = rf"(\{decimal_mark}\d{{1,{exponent}}})?" if exponent else ""
    return rf"-?(\d{{1,13}}|\d{{1,3}}({thousands}\d{{3}}){{1,4}}){decimals}"


def _column_names(header: str) -> list[str]:
    """Header names as the documentation writes them: trimmed, lower case, hyphens (one report had blanks instead)."""
    return [re.sub(r"[ _]+", "-", name.strip().lower()) for name in header.split("\t")]


def _layout_of(names: list[str], source: Source) -> Layout:
    if len(names) == 1:
        raise DeliveryRefused(
            "this is not a settlement report: its first line holds no tab-separated column names",
            "download the flat file again (Seller Central: Payments, Reports repository)",
        )
    refuse_repeated(names)
    layout = next((known for known in LAYOUTS if known.distinctive in names), None)
    if layout is None:  # take the version that it resembles most, to say what is wrong with it
        layout = max(LAYOUTS, key=lambda known: len(set(known.required) & set(names)))
    columns = Columns(layout.name, "flat file", "Amazon", layout.required, layout.optional)
    refuse_other_columns(names, columns, source)
    return layout


def _identify(connection: duckdb.DuckDBPyConnection) -> tuple[str, bool, str, int]:
    """Return settlement id, whether a header line states the total, the currency, and the number of data lines."""
    row = connection.execute(
        """
        select
            list(distinct settlement_id) filter (bad_line is null and settlement_id <> ''),
            count(distinct line_no) filter (bad_line is null and coalesce(total, '') <> ''),
            max(currency) filter (bad_line is null and coalesce(total, '') <> ''),
            count(distinct line_no)
        from fields
        """
    ).fetchone()
    ids, headers, currency, data_lines = row or ([], 0, None, 0)
    if not data_lines:
        raise DeliveryRefused("the file has a header and no data: no settlement is in it", "download it again")
    if not ids:
        raise DeliveryRefused("no line of the file names a settlement", "deliver the original flat file")
    if len(ids) > 1 or headers > 1:
        raise DeliveryRefused(
            f"the file holds more than one settlement ({', '.join(sorted(ids)[:5])})",
            "deliver each settlement as the file Amazon made; do not join files",
        )
    known = currency if currency and re.fullmatch("[A-Z]{3}", currency) else _NO_CURRENCY
    return str(ids[0]), headers == 1, known, int(data_lines)


def _decide_formats(connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[str, str]:
    connection.execute(
        """
        create or replace temp view staged_amounts as
        select amount as value from fields where bad_line is null and amount <> ''
        union all select total from fields where bad_line is null and total <> ''
        """
    )
    connection.execute(
        """
        create or replace temp view staged_instants as
        select posted as value from fields where bad_line is null and posted <> ''
        union all select unnest([period_start, period_end, deposit]) from fields where bad_line is null and total <> ''
        """
    )
    mark = decide_decimal_mark(connection, source.decimal_mark)
    instant_format = decide_instant_format(connection, source.date_format)
    connection.execute("drop view staged_amounts")
    connection.execute("drop view staged_instants")
    return mark, instant_format
