"""What the connectors of Square and Amazon ask, put to Prism: a server made of the vendor's own description alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retail_sync_tests.connectors.prism import refusal, serving
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.square_description import DESCRIPTION, needs_description
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Request
from retail_sync_tests.fakes.source import Knobs
from retail_sync_tests.fakes.sources import SOURCES

pytestmark = pytest.mark.services


def asked(system: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Pull all lists of a fake system over several pages and return one request of each kind that was made."""
    fake = SOURCES[system](FakeClock(), 7)
    fake.knobs = Knobs(rows=2)
    bench = PullBench(fake, folder / "home", monkeypatch)
    assert [item.problem for item in bench.pull() if item.problem] == []
    bench.close()
    # A first page and a later one differ in what they carry.
    kinds = {
        (r.method, r.path, *sorted(r.query), *sorted(r.document if r.body else ())): r for r in sign_in_left_out(bench)
    }
    return list(kinds.values())


def sign_in_left_out(bench: PullBench) -> list[Request]:
    """What goes to the described interface, not to the sign-in nor to where files lie."""
    return [r for r in bench.server.requests if not r.path.startswith(("/auth", "/documents", "/oauth2"))]


@needs_description
def test_square_takes_what_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list and every page; a body of a wrong type it refuses."""
    described = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    requests = asked("square", tmp_path, monkeypatch)
    with serving(described, tmp_path) as address:
        assert {f"{r.method} {r.path}": told for r in requests if (told := refusal(address, r))} == {}
        search = next(r for r in requests if r.path == "/v2/orders/search")
        assert "must be integer" in refusal(address, replace(search, body=b'{"limit": "many"}'))


def test_amazon_takes_what_it_is_asked(official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each model takes what goes to its paths; all requests go to one of them; a word that it does not know it refuses."""
    requests = asked("amazon", tmp_path, monkeypatch)
    left = {f"{r.method} {r.path}" for r in requests}
    has_refused = False
    for file in sorted((official / "models").glob("*.json")):
        described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        starts = {path.partition("{")[0] for path in described["paths"]}
        ours = [r for r in requests if r.path.startswith(tuple(starts))]
        if not ours:
            continue
        with serving(described, tmp_path) as address:
            assert {f"{r.method} {r.path}": told for r in ours if (told := refusal(address, r))} == {}
            left -= {f"{r.method} {r.path}" for r in ours}
            for r in ours:
                if "includedData" in r.query:
                    has_refused = True
                    assert "allowed values" in refusal(address, replace(r, query={**r.query, "includedData": "ALL"}))
    assert (left, has_refused) == (set(), True)
