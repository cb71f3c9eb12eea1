"""The declared sources of a home as rows, each with what is wrong with its block."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa
from pydantic import ValidationError

from retail_sync.connectors.declared_csv import DeclaredCsv, complaint
from retail_sync.connectors.registry import WIRE_CONNECTORS, objects_of
from retail_sync.connectors.wire import Access
from retail_sync.core.errors import SettingsError
from retail_sync.operations.database import open_database
from retail_sync.operations.deliveries import DeliveryRegistry
from retail_sync.settings import Home, Source


def read_sources(home: Home) -> list[dict[str, str]]:
    """Return name, connector, object, where it comes from, inbox folder and problem of each source."""
    return [
        {
            "name": source.name,
            "connector": source.connector,
            "object": source.object if source.connector == DeclaredCsv.name else "",
            "comes_from": _place(source) or str(home.inbox / source.name),
            "inbox": str(home.inbox / source.name),
            "problem": _problem(source),
        }
        for source in home.settings.source
    ] + [
        dict.fromkeys(("connector", "object", "comes_from", "inbox"), "")
        | {"name": name, "problem": told_undeclared(name, count)}
        for name, count in undeclared(home).items()
    ]


def told_undeclared(name: str, count: int) -> str:
    """Say what is wrong with deliveries of a source that is not declared."""
    return f"not declared any more, and {count} of its deliveries still count: retail-sync sources remove {name}, or declare it"


def undeclared(home: Home) -> dict[str, int]:
    """Return how many deliveries count of each source that no block declares. Makes no database where there is none."""
    url = sa.engine.make_url(home.operations_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return {}
    engine = open_database(home.operations_url, home.state)
    declared = {source.name for source in home.settings.source}
    counts = Counter(d.source for d in DeliveryRegistry(engine).all() if not d.refused_reason)
    engine.dispose()
    return {name: counts[name] for name in sorted(counts) if name not in declared}


def _place(source: Source) -> str:
    """Where the system or folder is, without user, password and query; empty for files from the inbox, or where it is wrong."""
    if source.drop:
        return _without_secrets(source.drop)
    connector = WIRE_CONNECTORS.get(source.connector)
    if connector is None:
        return ""
    try:
        return _without_secrets(connector.settings.model_validate(source.connection).address)
    except ValidationError:
        return ""


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _problem(source: Source) -> str:
    try:
        objects_of(source)
        if connector := WIRE_CONNECTORS.get(source.connector):
            Access(source, Path(), "").connection(connector.settings)
    except SettingsError as error:
        return error.message
    return complaint(source) if source.connector == DeclaredCsv.name else ""
