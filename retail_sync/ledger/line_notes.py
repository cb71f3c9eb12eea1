"""What a journal line of an ERP has no field for, kept in the line's text: the memo, then the rest as JSON in braces.

    Sales of October {"role": "payout", "channel": "amazon_ca"}

The text of the entry itself stands in the first line's braces. Read back exactly; whatever people write there is a memo.
"""

from __future__ import annotations

import json

from retail_sync.schemas.journal import EntryLine

DEFAULTS = {"rate": "1", "role": "component", "channel": "", "location": "", "tax_code": ""}
ENTRY_MEMO = "entry"


def line_text(leg: EntryLine, entry_memo: str) -> str:
    """Return a line's description: the memo where an ERP would keep it as it is, then the rest."""
    notes = {name: value for name, default in DEFAULTS.items() if (value := getattr(leg, name)) != default}
    if entry_memo:
        notes[ENTRY_MEMO] = entry_memo
    shown = leg.memo
    if shown != shown.strip() or shown.endswith("}") or not shown.isprintable():  # ERPs strip what stands around
        notes["memo"], shown = shown, ""
    if not notes:
        return shown
    tail = json.dumps(notes, ensure_ascii=False)
    inner = tail[1:-1].replace("{", "\\u007b").replace("}", "\\u007d")
    return f"{shown} {{{inner}}}".strip()


def read_line_text(text: str) -> dict[str, str]:
    """Return what `_text` wrote, by field; whatever else stands there is the memo."""
    start = text.rfind("{")
    if text.endswith("}") and start >= 0:
        try:
            notes = json.loads(text[start:])
        except ValueError:
            return {"memo": text}
        return {"memo": text[:start].rstrip(), **notes}
    return {"memo": text}
