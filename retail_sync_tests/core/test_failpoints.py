"""The places where a test may kill the process: each name stands for one of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import retail_sync
from retail_sync.core.failpoints import NAMES, failpoint


def test_every_name_is_one_place_in_the_code() -> None:
    """A name at two places is killed at the first of them only, so the second would never be tried."""
    code = [path.read_text(encoding="utf-8") for path in Path(retail_sync.__file__).parent.rglob("*.py")]
    places = Counter(name for text in code for name in re.findall(r"\bfailpoint\(([^)]*)\)\n", text))
    assert places == Counter(f'"{name}"' for name in NAMES)


def test_a_name_that_is_not_listed_is_refused() -> None:
    """The crash test goes through the list: a place that is not in it would never be tried."""
    with pytest.raises(AssertionError, match="'nowhere' is not in NAMES"):
        failpoint("nowhere")
