"""JSON whose numbers are exact: a Decimal is written digit by digit and read back as one, never as a float."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeGuard

import fastsimdjson
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
    """Look into a page of JSON to find the next one and failures in it. Raises ValueError for what is not JSON.

    What is in it becomes a Python object only when it is asked for: objects are Mappings and lists are Sequences that are no dict
    and no list (`is_list`). Its fractions are floats, so no figure is read of it. NaN is found where the page is read. Of a name
    that stands twice in an object the first counts here, where the page is read the last.
    """
    found = fastsimdjson.parse(content)
    # What the fast parser refuses (half a surrogate pair, a number beyond all range) it reads as `json` does: too kindly.
    return orjson.loads(content) if isinstance(found, dict | list) else found


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a value of a document is a JSON list, read or looked into."""
    return isinstance(value, Sequence) and not isinstance(value, str)
