"""How old is what is open: the same ages for breaks and for items of clearing accounts."""

from __future__ import annotations

# Last day of each age; what is older is in the last one.
_LAST_DAYS = ((1, "0-1 days"), (7, "2-7 days"), (30, "8-30 days"), (90, "31-90 days"))
_OLDEST = "over 90 days"
AGES = (*(name for _, name in _LAST_DAYS), _OLDEST)


def age_group(days: int) -> str:
    """Return the age that so many days are in; what dates from tomorrow is not a day old."""
    return next((name for last, name in _LAST_DAYS if days <= last), _OLDEST)
