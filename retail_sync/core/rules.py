"""Reading governed files: CSV tables in `data/rules/`, with validity dates and who prepared and approved them.

Where a file names both, who prepares a rule does not approve it. A file that breaks that, or its own header, is refused as
a whole. A home's own file takes the place of the project's, also as a whole.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retail_sync.core.errors import RulesError

HEADERS = {
    "chart_of_accounts": ("code", "name", "type", "normal_side", "is_active", "is_clearing"),
    "settlement_categories": (
        "channel", "transaction_type", "amount_type", "amount_description", "sign", "category",
        "valid_from", "valid_to", "prepared_by", "approved_by",
    ),
    "posting_rules": (
        "category", "channel", "marketplace", "tax_treatment", "account", "tax_code", "role", "valid_from", "valid_to",
        "version", "prepared_by", "approved_by", "description",
    ),
    "order_components": ("category", "component", "prepared_by", "approved_by"),
    "safety_stock": ("sku", "channel", "quantity", "prepared_by", "approved_by"),
    "channel_locations": ("channel", "location_id", "prepared_by", "approved_by"),
    "ownership": ("domain", "location", "source", "valid_from", "valid_to", "prepared_by", "approved_by"),
    "order_steps": ("step", "channel", "days_after", "prepared_by", "approved_by"),
    "return_steps": ("step", "channel", "days_after", "prepared_by", "approved_by"),
    "break_kinds": ("break_class", "kind", "owner", "sla_days", "prepared_by", "approved_by"),
    "auto_clear": (
        "rule_id", "break_class", "currency", "cap", "account", "valid_from", "valid_to", "prepared_by", "approved_by",
    ),
    "bank_payers": ("channel", "pattern", "prepared_by", "approved_by"),
    "match_rules": (
        "reconciliation", "priority", "rule_id", "version", "shape", "key", "amount_tolerance", "percent_tolerance",
        "rounding_per_line", "days_before", "days_after", "day_kind", "is_confirming", "prepared_by", "approved_by",
    ),
}  # fmt: skip

# Where to look for a governed file: in one folder, or in several, the first that has it.
Folders = Path | tuple[Path, ...]

# column, what fits it, what is wrong with anything else, what to do
_CELLS = (
    ("sign", re.compile(r"[*+0-]"), "none of * + - 0", "correct that line"),
    ("quantity", re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII), "no number of units",
     "write it like 5 or 2.5, without sign or separators"),
    ("version", re.compile(r"\d{1,6}", re.ASCII), "no version", "number the versions of a rule 1, 2, 3"),
)  # fmt: skip
_FLAGS = ("is_active", "is_confirming", "is_clearing")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The rows of one governed file, as text, and the SHA-256 of its bytes (its version).

    Flags are `true` or `false` here, however they are written in the file.
    """

    name: str
    rows: tuple[dict[str, str], ...]
    hash: str


def read_rules(folders: Folders, name: str) -> RuleFile:
    """Read `<name>.csv` of the first folder that has it. Raises RulesError naming the file, the line and the remedy."""
    path = _place(folders, name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RulesError(
            f"the rule file {path} cannot be read: {error.strerror}", "restore it from the project"
        ) from error
    try:
        # Excel puts a byte order mark in front of the first column's name.
        reader = csv.DictReader(content.decode("utf-8-sig").splitlines(), strict=True)
        rows = tuple(_rows(reader, path, HEADERS[name]))
    except UnicodeDecodeError as error:
        raise RulesError(f"{path} is not UTF-8 text (byte {error.start})", "save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise RulesError(f"{path} is broken: {error}", "look for a quotation mark without its pair") from error
    return RuleFile(name, rows, hashlib.sha256(content).hexdigest())


def _place(folders: Folders, name: str) -> Path:
    *own, last = (folders,) if isinstance(folders, Path) else folders
    for folder in own:
        if (folder / f"{name}.csv").exists():
            return folder / f"{name}.csv"
        # A slip in a name must not put the project's rules in the place of the company's own.
        strange = sorted(path.name for path in folder.glob("*.csv") if path.stem not in HEADERS)
        if strange:
            raise RulesError(
                f"{folder} has no {name}.csv, and {', '.join(strange)} is no governed file",
                f"correct its name or move it away; without {name}.csv there, that of {last} holds",
            )
    return last / f"{name}.csv"


def _rows(reader: csv.DictReader[str], path: Path, expected: tuple[str, ...]) -> Iterator[dict[str, str]]:
    if tuple(reader.fieldnames or ()) != expected:
        raise RulesError(f"{path} must have the columns {', '.join(expected)}", "correct its first line")
    for row in reader:
        complaint, remedy = _complaint(row)
        if complaint:
            raise RulesError(f"{path}, line {reader.line_num}: {complaint}", remedy)
        # Excel writes TRUE.
        yield row | {flag: row[flag].strip().lower() for flag in _FLAGS if flag in row}


def _complaint(row: dict[str, str]) -> tuple[str, str]:
    """Say what is wrong with a rule and what to do, or return empty text."""
    if None in row or None in row.values():
        return "wrong number of cells", "correct that line"
    if "prepared_by" in row and not (row["prepared_by"].strip() and row["approved_by"].strip()):
        return "it does not say who prepared and who approved the rule", "name both"
    if row.get("prepared_by") and row["prepared_by"] == row["approved_by"]:
        return f"{row['prepared_by']} prepared and approved the same rule", "have it approved by somebody else"
    for name, pattern, what, remedy in _CELLS:
        if not pattern.fullmatch(row.get(name, "0").strip()):
            return f"{name} {row[name]!r} is {what}", remedy
    for flag in _FLAGS:
        if row.get(flag, "true").strip().lower() not in ("true", "false"):
            return f"{flag} {row[flag]!r} is neither true nor false", "write true or false"
    if not row.get("category", "any").strip():
        return "category is empty", "correct that line"
    if "location_id" in row and not {row["channel"].strip(), row["location_id"].strip()}.isdisjoint({"", "*"}):
        return (
            "it does not name one channel and one location",
            "write a line for each location that the channel sells from",
        )
    return _complaint_about_days(row), 'write days as 2026-12-31; an empty valid_to means "until further notice"'


def _complaint_about_days(row: dict[str, str]) -> str:
    if "valid_from" not in row:
        return ""
    try:
        first = date.fromisoformat(row["valid_from"])
        last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else first
    except ValueError as error:
        return f"valid_from or valid_to is no day ({error})"
    return "it ends before it begins" if last < first else ""
