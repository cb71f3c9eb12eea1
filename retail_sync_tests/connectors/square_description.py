"""A fake Square that holds every request and answer against the vendor's own description (connect-api-specification)."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.square import FakeSquare

DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "specs" / "square_openapi.json"
needs_description = pytest.mark.skipif(
    not DESCRIPTION.is_file(), reason=f"no description of the vendor at {DESCRIPTION}"
)


@cache
def description() -> OpenAPI:
    """The vendor's description, which is formally not valid itself; its OAuth is none of what is checked here."""
    told = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    for operations in told["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    # It must have a status, says the description, and names none among what it has; nor does the vendor's example.
    del told["components"]["schemas"]["RiskEvaluation"]["required"]
    return OpenAPI.from_dict(told, config=Config(spec_validator_cls=None))  # type: ignore[arg-type]


class DescribedSquare(FakeSquare):
    """Notes whatever the vendor's description does not allow."""

    def fill(self, rows: int) -> None:
        """Make records; nothing was asked for yet."""
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        super().fill(rows)

    def answer(self, request: Request) -> Reply:
        """Answer a request that is valid with an answer that is."""
        asked = MockRequest(
            "https://connect.squareup.com", request.method.lower(), request.path,
            args=request.query, headers=request.headers, data=request.body or None, content_type="application/json",
        )  # fmt: skip
        reply = super().answer(request)
        told = MockResponse(json.dumps(reply.document).encode(), content_type="application/json")
        try:
            description().validate_request(asked)
            description().validate_response(asked, told)
        except OpenAPIError as error:
            self.wrong.append(f"{request.method} {request.path}: {error!r} {error.__cause__!r}")
        self.seen[request.path.split("/")[2] + ("+" if request.path.count("/") > 2 else "")] += 1
        return reply
