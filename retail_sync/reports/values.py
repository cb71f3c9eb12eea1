"""Figures and rows as every rendering shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Rows = list[tuple[Any, ...]]


def amount(value: Decimal | None, currency: str = "") -> str:
    """An amount as text with thousands groups; two decimals unless more are needed."""
    if value is None:
        return ""
    shown = value.normalize()
    digits = max(2, -int(shown.as_tuple().exponent)) if shown else 2
    return f"{value:,.{digits}f}{' ' + currency if currency else ''}"
