"""Prism, which serves a vendor's description and refuses what it does not allow: an opinion that is none of ours.

RETAIL_SYNC_TEST_PRISM names the program (`none`: there is none); `.ci/run` installs it. Without it tests are skipped and say so.
It knows no state and no rules of business: what it answers otherwise is not looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from retail_sync_tests.fakes.server import Request

_START_SECONDS = 120
_ONLY_OURS = ("host", "content-length", "connection", "accept-encoding")


def program() -> str:
    """Return the program, or skip the test."""
    found = os.environ.get("RETAIL_SYNC_TEST_PRISM") or shutil.which("prism") or ""
    if found == "none":
        pytest.skip("RETAIL_SYNC_TEST_PRISM=none: there is no Prism on this machine")
    if not found:
        reason = "Prism is not on this machine (npm package @stoplight/prism-cli 5.14.2)"
        if os.environ.get("RETAIL_SYNC_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def serving(description: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Serve a description on the loopback until the body ends; yields the address."""
    file, log = folder / "described.json", folder / "prism.log"
    file.write_text(json.dumps(description), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program(), "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(file)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while b"is listening" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def refusal(address: str, request: Request) -> str:
    """Say what Prism finds wrong with a request; nothing where it takes it."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _ONLY_OURS}
    answer = requests.request(
        request.method, address + request.path, params=request.query, headers=headers, data=request.body, timeout=30
    )
    told = answer.json() if "problem+json" in answer.headers.get("Content-Type", "") else {}
    violations = json.loads(answer.headers.get("sl-violations", "[]")) + told.get("validation", [])
    # It checks its own examples too, and some of the vendor's are not as the vendor describes them.
    if wrong := [item["message"] for item in violations if item["location"][0] != "response"]:
        return "; ".join(wrong)
    return f"{answer.status_code} {answer.text}" if 400 <= answer.status_code < 500 else ""
