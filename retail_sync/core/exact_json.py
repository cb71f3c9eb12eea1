"""JSON whose numbers are exact: a Decimal is written digit by digit and read back as one, never as a float."""

from __future__ import annotations

import gc
import json
from decimal import Decimal
from typing import Any

import orjson


def write_json(value: Any) -> str:
    """Write plain values, lists, mappings and Decimals as JSON text. Raises TypeError for a float or anything else."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            if not value.is_finite():
                raise TypeError(f"{value} is no number that JSON knows")
            return f"{value:f}"
        case dict():
            return "{" + ",".join(f"{json.dumps(str(k))}:{write_json(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(write_json(item) for item in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def read_json(text: str | bytes) -> Any:
    """Read JSON with fractions as Decimal. Raises ValueError for what is not JSON, NaN and Infinity included."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number that JSON knows")


def look_into(content: bytes) -> Any:
    """Parse a page of JSON to find the next one and failures in it: fast, and its fractions are floats, so no figure is read of it.

    The collector rests meanwhile: a page is a tree of thousands of objects that live for a moment, and each would be looked at
    for cycles again and again, at four times the cost of parsing. Raises ValueError for what is not JSON.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(content)
    finally:
        if was_on:
            gc.enable()
