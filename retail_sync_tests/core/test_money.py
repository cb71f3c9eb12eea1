"""Money: decimals and integer minor units are two spellings of one amount; a conversion that would lose a digit fails."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail_sync.core.money import exponent, format_money, from_minor, to_minor

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF"])


@given(minor=st.integers(-(10**18), 10**18), currency=CURRENCIES)
def test_minor_units_survive_the_way_there_and_back(minor: int, currency: str) -> None:
    """The ledger holds minor units, the warehouse decimals: an amount that changed between them would not balance."""
    assert to_minor(from_minor(minor, currency), currency) == minor


@given(amount=st.decimals(-(10**13), 10**13, places=4, allow_nan=False), currency=CURRENCIES)
def test_an_amount_is_converted_exactly_or_not_at_all(amount: Decimal, currency: str) -> None:
    """DECIMAL(18,4) can hold more digits than a currency has: rounding one away would be money from nowhere."""
    if amount == amount.quantize(Decimal(1).scaleb(-exponent(currency))):
        assert from_minor(to_minor(amount, currency), currency) == amount
    else:
        with pytest.raises(ValueError, match="more decimals than the currency allows"):
            to_minor(amount, currency)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("HUF", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("TND", 3),
        ("UYW", 4),
        ("XXX", 2),
    ],
)
def test_exponents_are_those_of_iso_4217(currency: str, digits: int) -> None:
    """A yen has no cents and a dinar has a thousand fils: a wrong exponent is off by a factor of 100."""
    assert exponent(currency) == digits


@pytest.mark.parametrize("code", ["", "eur", "EURO", "E1R", "€", "EU", " EUR", "EUR\n"])
def test_what_is_no_currency_code_is_refused(code: str) -> None:
    """A typing error must not quietly become a currency with two decimals."""
    with pytest.raises(ValueError, match="ISO 4217"):
        exponent(code)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("12.34", "EUR", 1234), ("-0.01", "EUR", -1), ("-0.00", "EUR", 0), ("1980", "JPY", 1980), ("1.234", "KWD", 1234),
     ("12.3400", "EUR", 1234), ("99999999999999.99", "EUR", 9999999999999999)],
)  # fmt: skip
def test_amounts_in_minor_units(amount: str, currency: str, minor: int) -> None:
    """Worked by hand, so that the round trip above cannot agree with itself in error."""
    assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"), [("1.005", "EUR"), ("100.5", "JPY"), ("0.0001", "KWD"), ("NaN", "EUR"), ("1E-3", "EUR")]
)
def test_no_rounding(amount: str, currency: str) -> None:
    """Half a cent is not a cent: it fails loudly."""
    with pytest.raises(ValueError, match="more decimals"):
        to_minor(Decimal(amount), currency)


def test_a_callers_decimal_context_changes_nothing() -> None:
    """A library that lowers the precision of decimals must not cut digits off large amounts."""
    with localcontext(prec=6):
        assert to_minor(Decimal("123456789.01"), "EUR") == 12345678901
        assert from_minor(12345678901, "EUR") == Decimal("123456789.01")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (-123450, "USD", "-1,234.50 USD"),
        (5, "EUR", "0.05 EUR"),
        (1980, "JPY", "1,980 JPY"),
        (-1, "KWD", "-0.001 KWD"),
        (0, "EUR", "0.00 EUR"),
    ],
)
def test_money_as_people_read_it(minor: int, currency: str, text: str) -> None:
    """Messages and reports name amounts: sign, groups and the currency's own decimals."""
    assert format_money(minor, currency) == text
