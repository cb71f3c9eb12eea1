"""The arithmetic that a declared column may say: + - * and brackets over columns and numbers, as SQL in exact decimals.

A column stands in square brackets, a number is written with a point. Every operand has 6 decimals, so a product of three has
18 and is exact; what does not fit 38 digits becomes null, and its row is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(?:\[([^\[\]]+)\]|(\d+(?:\.\d+)?)|([-+*()]))")
_MAX_TOKENS = 100
_MAX_FACTORS = 3


class Arithmetic:
    """One expression. `cell` and `number` turn a column's name and a number into SQL operands of decimal(38, 6)."""

    def __init__(self, text: str, cell: Callable[[str], str], number: Callable[[str], str]) -> None:
        self._text = text
        self._cell, self._number = cell, number
        self._tokens = _tokens(text)
        self._place = 0

    def sql(self) -> str:
        """Return the expression as SQL. Raises ValueError saying what is wrong with it."""
        found, factors = self._sum()
        if self._place < len(self._tokens):
            raise ValueError(
                f"{self._text!r} is no arithmetic: {self._tokens[self._place][-1]!r} stands where + - * may"
            )
        if factors > _MAX_FACTORS:
            raise ValueError(f"{self._text!r} multiplies more than {_MAX_FACTORS} things with one another")
        return f"try({found})"

    def _sum(self) -> tuple[str, int]:
        found, factors = self._product()
        while sign := self._take("+", "-"):
            term, more = self._product()
            found, factors = f"({found} {sign} {term})", max(factors, more)
        return found, factors

    def _product(self) -> tuple[str, int]:
        found, factors = self._operand()
        while self._take("*"):
            factor, more = self._operand()
            found, factors = f"({found} * {factor})", factors + more
        return found, factors

    def _operand(self) -> tuple[str, int]:
        if sign := self._take("+", "-"):
            found, factors = self._operand()
            return (f"(- {found})" if sign == "-" else found), factors
        if self._take("("):
            found, factors = self._sum()
            if not self._take(")"):
                raise ValueError(f"{self._text!r} is no arithmetic: a bracket is not closed")
            return found, factors
        if self._place == len(self._tokens):
            raise ValueError(f"{self._text!r} is no arithmetic: it ends where a column or a number is missing")
        kind, value = self._tokens[self._place]
        if kind == "sign":
            raise ValueError(f"{self._text!r} is no arithmetic: {value!r} stands where a column or a number is missing")
        self._place += 1
        return (self._cell if kind == "column" else self._number)(value), 1

    def _take(self, *signs: str) -> str:
        if self._place < len(self._tokens):
            kind, value = self._tokens[self._place]
            if kind == "sign" and value in signs:
                self._place += 1
                return value
        return ""


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, rest = [], 0, text.rstrip()
    while position < len(rest):
        token = _TOKEN.match(rest, position)
        if not token:
            raise ValueError(f"{rest[position:].strip()!r} is no [column], number or one of + - * ( )")
        column, number, sign = token.groups()
        found.append(("column", column) if column else ("number", number) if number else ("sign", sign))
        position = token.end()
    if len(found) > _MAX_TOKENS:
        raise ValueError(f"an expression has at most {_MAX_TOKENS} parts")
    return found
