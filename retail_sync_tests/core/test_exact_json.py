"""JSON that is read digit by digit, and JSON that is only looked into."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail_sync.core.exact_json import is_list, look_into
from retail_sync.core.paging import at

_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_DOCUMENTS = st.recursive(
    _SCALARS, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=5), parts, max_size=4)
)


def built(seen: object) -> object:
    """What was looked into, as plain objects."""
    if is_list(seen):
        return [built(item) for item in seen]
    return {name: built(value) for name, value in seen.items()} if hasattr(seen, "items") else seen


@given(_DOCUMENTS)
def test_what_is_looked_into_is_what_is_there(document: object) -> None:
    """Whole numbers of any length included: tokens and ids may be such."""
    assert built(look_into(json.dumps(document).encode())) == document


@pytest.mark.parametrize(
    "text",
    ["", "<html></html>", '{"a": 1', '{"a": 1}{"b": 2}', '{"a": 1,}', '{"a": "\\ud800"}', '{"a": 1e999}', "{'a': 1}"],
)
def test_what_is_no_json_is_told(text: str) -> None:
    """A body cut short, an error page, half a surrogate pair that could be written nowhere."""
    with pytest.raises(ValueError, match=r"."):
        look_into(text.encode())


def test_a_text_is_no_list() -> None:
    """A path through a text ends there."""
    assert at(look_into(b'{"a": "12", "b": [7]}'), "a.0") is None
    assert at(look_into(b'{"a": "12", "b": [7]}'), "b.0") == 7
