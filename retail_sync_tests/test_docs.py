"""Documentation that is generated or lists things must agree with the program."""

from __future__ import annotations

from pathlib import Path

from retail_sync.core.rules import HEADERS
from retail_sync.reports.dictionary import as_markdown
from retail_sync.settings import (
    ErpnextSettings,
    LedgerSettings,
    OdooSettings,
    OperationsSettings,
    PlainTextSettings,
    QuickBooksSettings,
    RawSettings,
    Source,
    TrytonSettings,
    WarehouseSettings,
    XeroSettings,
)

ROOT = Path(__file__).resolve().parents[1]


def test_data_dictionary_is_up_to_date() -> None:
    """An analyst reads a column's meaning there; `make docs` writes it again."""
    assert (ROOT / "docs" / "data_dictionary.md").read_text(encoding="utf-8") == as_markdown()


def test_every_setting_is_documented() -> None:
    """A setting nobody can find does not exist."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    remote = (QuickBooksSettings, XeroSettings, PlainTextSettings, TrytonSettings, OdooSettings, ErpnextSettings)
    sections = (WarehouseSettings, OperationsSettings, LedgerSettings, RawSettings, Source, *remote)
    names = {name for section in sections for name in section.model_fields} - {"quickbooks", "xero"}
    told = ("`{}`", " {}`", ".{}]")
    assert {name for name in names if not any(form.format(name) in text for form in told)} == set()


def test_every_governed_file_is_documented() -> None:
    """Who changes a rule must find which file decides."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert {name for name in HEADERS if f"`{name}.csv`" not in text} == set()
