"""What a journal line of an ERP has no field for, kept in the line's text: the memo, then the rest as JSON in braces.

    Sales of October {"role": "payout", "channel": "amazon_ca"}

The text of the entry itself stands in the first line's braces. Read back exactly; whatever people write there is a memo.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from retail_sync.schemas.journal import EntryLine

DEFAULTS = {"rate": "1", "role": "component", "channel": "", "location": "", "tax_code": ""}
ENTRY_MEMO = "entry"


def line_text(leg: EntryLine, entry_memo: str, others: Mapping[str, str] | None = None) -> str:
    """Return a line's description: the memo where an ERP would keep it as it is, then the rest, `others` among it."""
    notes = {name: value for name, default in DEFAULTS.items() if (value := getattr(leg, name)) != default}
    if entry_memo:
        notes[ENTRY_MEMO] = entry_memo
    return _text(leg.memo, notes | dict(others or {}))


def memo_text(memo: str) -> str:
    """Return a memo for a field of its own: as it is where an ERP would keep it so."""
    return _text(memo, {})


def _text(shown: str, notes: dict[str, str]) -> str:
    # ERPs strip what stands around, and clean what looks like HTML.
    if shown != shown.strip() or shown.endswith("}") or not shown.isprintable() or "<" in shown or ">" in shown:
        notes["memo"], shown = shown, ""
    if not notes:
        return shown
    inner = json.dumps(notes, ensure_ascii=False)[1:-1]
    for letter in "{}<>":
        inner = inner.replace(letter, f"\\u{ord(letter):04x}")
    return f"{shown} {{{inner}}}".strip()


def read_line_text(text: str) -> dict[str, str]:
    """Return what `line_text` or `memo_text` wrote, by field; whatever else stands there is the memo."""
    start = text.rfind("{")
    if text.endswith("}") and start >= 0:
        try:
            notes = json.loads(text[start:])
        except ValueError:
            return {"memo": text}
        return {"memo": text[:start].rstrip(), **notes}
    return {"memo": text}
