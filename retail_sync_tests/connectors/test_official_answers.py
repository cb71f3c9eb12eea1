"""Every official answer at hand goes through raw as it came; what becomes of those we ask for is in the connectors' own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retail_sync.connectors.paged import page_line
from retail_sync.connectors.wire import Page


@pytest.mark.parametrize(
    ("folder", "at_least"), [("amazon_sp_api/sandbox", 80), ("square", 15), ("shopify", 20), ("vendure", 1)]
)
def test_official_answers_are_kept_digit_by_digit(samples: Path, folder: str, at_least: int) -> None:
    """Whatever blanks, line ends and numbers the vendor writes: the line of the page is the same document."""
    files = sorted((samples / folder).rglob("*.json"))
    assert len(files) >= at_least
    for file in files:
        content = file.read_bytes()
        line = page_line(Page(content, "part", "key"))
        assert line.count(b"\n") == 1, file.name
        told = json.loads(line, parse_float=str, parse_int=str)
        assert told["page"] == json.loads(content, parse_float=str, parse_int=str), file.name
