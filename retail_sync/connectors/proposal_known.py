"""A sample file that a connector of the project reads by itself: then no column has to be declared."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from retail_sync.connectors.connector import Connector, Staged
from retail_sync.connectors.declared_csv import DeclaredCsv
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.registry import CONNECTORS
from retail_sync.connectors.splitting import split_by_contract
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.schemas.tables import TABLES, table
from retail_sync.settings import Source

_MAX_BYTES = 1 << 30
# What a source is called whose files always hold the same.
_NAMES = {"bank_transactions": "bank", "fx_rates": "rates"}
# What a shop exports belongs together by the account that its sources name.
_SHOP = "shopify_"


@dataclass(frozen=True, slots=True)
class Known:
    """The connector whose header the file has."""

    connector: Connector
    source: Source
    toml: str
    untold: tuple[str, ...]


def source_name(path: Path) -> str:
    """Return a name for the source of a file: its own, as settings take it."""
    name = re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].casefold()).strip("_")
    return (name if name[:1].isalpha() else f"source_{name}".rstrip("_"))[:31]


def known_connector(path: Path) -> Known | None:
    """Return the connector that takes the file's header, if one does; None also where the file cannot be read."""
    for connector in CONNECTORS.values():
        if connector.name == DeclaredCsv.name:
            continue
        # The file's own name changes with every download; the rows' identity must not.
        name = _NAMES.get(connector.object, connector.name.removesuffix("_settlement"))
        source = Source(name=name, connector=connector.name)
        with tempfile.TemporaryDirectory() as folder:
            try:
                connector.check_header(open_as(connector, path, Path(folder)).header, source)
            except (DeliveryRefused, SettingsError, OSError):
                continue
        has_zone = not connector.object  # else its rows have days, and no points in time
        return Known(connector, source, _as_toml(source, has_zone), tuple(_untold(source, has_zone)))
    return None


def open_as(connector: Connector, path: Path, folder: Path) -> TextDocument:
    """Open the file as the connector's deliveries are opened."""
    return connector.open([path.read_bytes()], folder / "sample.txt", "auto", _MAX_BYTES)


def stage_known(connection: duckdb.DuckDBPyConnection, known: Known, document: TextDocument) -> Staged:
    """Run the connector and split what it stages by contract. Raises DeliveryRefused."""
    for schema in ("raw", "canonical"):  # empty ones: some connectors look at what was delivered before
        connection.execute(f"create schema {schema}")
    for entry in TABLES:
        if entry.schema in ("raw", "canonical"):
            connection.execute(entry.ddl())
    staged = known.connector.stage(connection, document, known.source, "trial")
    for qualified in staged.tables:
        split_by_contract(connection, table(qualified), staged.date_format)
    return staged


def _as_toml(source: Source, has_zone: bool) -> str:
    lines = ["[[source]]", f'name = "{source.name}"', f'connector = "{source.connector}"']
    if source.connector.startswith(_SHOP):
        lines.append('account = "myshop"   # the same for the transactions, payouts and orders of one shop')
    if has_zone:
        lines.append('time_zone = "UTC"   # whose calendar days are its business dates')
    return "\n".join(lines) + "\n"


def _untold(source: Source, has_zone: bool) -> list[str]:
    zone = 'the time zone of its business dates: UTC is assumed; set time_zone, e.g. "Europe/Berlin"'
    told = [zone] if has_zone else []
    if source.connector.startswith(_SHOP):
        told.append("which shop it belongs to: give all sources of one shop the same account")
    return told
