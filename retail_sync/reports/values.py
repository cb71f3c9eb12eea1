"""Figures and rows as every rendering shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from retail_sync.core.money import exponent, with_currency

Rows = list[tuple[Any, ...]]


def amount(value: Decimal | None, currency: str = "") -> str:
    """An amount as text with thousands groups; as many decimals as its currency has (unnamed: two), more where needed."""
    if value is None:
        return ""
    shown = value.normalize()
    usual = exponent(currency) if currency else 2
    digits = max(usual, -int(shown.as_tuple().exponent)) if shown else usual
    figure = f"{value:,.{digits}f}"
    return with_currency(figure, currency) if currency else figure
