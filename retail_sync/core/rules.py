"""Reading governed files: CSV tables in `data/rules/`, with validity dates and who prepared and approved them.

Who prepares a rule does not approve it. A file that breaks that, or its own header, is refused as a whole.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from retail_sync.core.errors import RulesError

HEADERS = {
    "chart_of_accounts": ("code", "name", "type", "normal_side", "is_active"),
    "settlement_categories": (
        "channel", "transaction_type", "amount_type", "amount_description", "sign", "category",
        "valid_from", "valid_to", "prepared_by", "approved_by",
    ),
    "category_accounts": ("category", "account", "role", "description"),
    "leg_accounts": ("leg", "account", "description"),
    "bank_payers": ("channel", "pattern", "prepared_by", "approved_by"),
    "match_rules": (
        "reconciliation", "priority", "rule_id", "version", "key", "amount_tolerance", "days_before", "days_after",
        "is_confirming", "prepared_by", "approved_by",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The rows of one governed file, as text, and the SHA-256 of its bytes (its version)."""

    name: str
    rows: tuple[dict[str, str], ...]
    hash: str


def read_rules(folder: Path, name: str) -> RuleFile:
    """Read `<folder>/<name>.csv`. Raises RulesError naming the file, the line and the remedy."""
    path = folder / f"{name}.csv"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RulesError(
            f"the rule file {path} cannot be read: {error.strerror}", "restore it from the project"
        ) from error
    reader = csv.DictReader(content.decode("utf-8").splitlines(), strict=True)
    expected = HEADERS[name]
    if tuple(reader.fieldnames or ()) != expected:
        raise RulesError(f"{path} must have the columns {', '.join(expected)}", "correct its first line")
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise RulesError(f"{path}, line {reader.line_num}: wrong number of cells", "correct that line")
        if row.get("prepared_by") and row["prepared_by"] == row["approved_by"]:
            raise RulesError(
                f"{path}, line {reader.line_num}: {row['prepared_by']} prepared and approved the same rule",
                "have it approved by somebody else",
            )
        rows.append(row)
    return RuleFile(name, tuple(rows), hashlib.sha256(content).hexdigest())
