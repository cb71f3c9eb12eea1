"""Money: decimals in the warehouse, integer minor units at the ledger boundary, never a float.

Currency exponents are ISO 4217 (list one, column "Minor unit"); only currencies that differ from 2 are listed.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

# Not the caller's context: a library that lowers its precision must not cut digits off an amount.
_EXACT = Context(prec=60)
NO_CURRENCY = "XXX"  # ISO 4217: no currency involved
_CURRENCY_CODE = re.compile(r"[A-Z]{3}")
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def exponent(currency_code: str) -> int:
    """Digits after the decimal mark that `currency_code` has (USD 2, JPY 0, KWD 3). Raises ValueError for a non-code."""
    if not _CURRENCY_CODE.fullmatch(currency_code):
        raise ValueError(f"{currency_code!r} is not an ISO 4217 currency code")
    return _EXPONENTS.get(currency_code, 2)


def other_exponents() -> dict[str, int]:
    """Return the currencies whose exponent is not 2."""
    return dict(_EXPONENTS)


def to_minor(amount: Decimal, currency_code: str) -> int:
    """Convert `amount` to integer minor units. Raises ValueError where that would lose a digit; never rounds."""
    scaled = amount.scaleb(exponent(currency_code), _EXACT)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency_code} has more decimals than the currency allows")
    return int(scaled)


def from_minor(minor: int, currency_code: str) -> Decimal:
    """Convert integer minor units to a Decimal with the currency's own scale (100, USD → 1.00; 100, JPY → 100)."""
    return Decimal(minor).scaleb(-exponent(currency_code), _EXACT)


def format_money(minor: int, currency_code: str) -> str:
    """Text for people: sign, thousands groups, the currency's own decimals, then the code (`-1,234.50 USD`)."""
    return with_currency(f"{from_minor(minor, currency_code):,f}", currency_code)


def currency_name(currency_code: str) -> str:
    """Text for people: the code, or that there is none where ISO 4217's XXX says that no document names a currency."""
    return "no currency" if currency_code == NO_CURRENCY else currency_code


def with_currency(figure: str, currency_code: str) -> str:
    """Text for people: a figure and its currency."""
    name = currency_name(currency_code)
    return f"{figure} ({name})" if currency_code == NO_CURRENCY else f"{figure} {name}"
