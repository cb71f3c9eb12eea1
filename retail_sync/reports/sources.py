"""The declared sources of a home as rows, each with what is wrong with its block."""

from __future__ import annotations

from retail_sync.connectors.declared_csv import DeclaredCsv, complaint
from retail_sync.connectors.registry import connector_named
from retail_sync.core.errors import SettingsError
from retail_sync.settings import Home, Source


def read_sources(home: Home) -> list[dict[str, str]]:
    """Return name, connector, object, inbox folder and problem of each source."""
    return [
        {
            "name": source.name,
            "connector": source.connector,
            "object": source.object if source.connector == DeclaredCsv.name else "",
            "inbox": str(home.inbox / source.name),
            "problem": _problem(source),
        }
        for source in home.settings.source
    ]


def _problem(source: Source) -> str:
    try:
        connector_named(source.connector)
    except SettingsError as error:
        return error.message
    return complaint(source) if source.connector == DeclaredCsv.name else ""
