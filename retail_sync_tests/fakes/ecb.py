"""The ECB's site as far as it is asked: one file of rates in three lengths, without sign-in and without pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import FakeSource

_DAYS = {
    "2026-11-19": {"USD": "1.0831", "JPY": "161.12", "IDR": "17163.42"},
    "2026-11-18": {"USD": "1.0806", "JPY": "160.85", "IDR": "17140.00"},
}


def envelope(days: Mapping[str, Mapping[str, str]]) -> bytes:
    """The ECB's XML, newest day first."""
    cubes = "".join(
        f'<Cube time="{day}">'
        + "".join(f'<Cube currency="{currency}" rate="{rate}"/>' for currency, rate in rates.items())
        + "</Cube>"
        for day, rates in days.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
        'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates</gesmes:subject>'
        "<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>"
        f"<Cube>{cubes}</Cube></gesmes:Envelope>"
    ).encode()


class FakeEcb(FakeSource):
    """The site. It has one file, however many rows a list of the suite is to have."""

    connector = "ecb"

    def fill(self, rows: int) -> None:
        """There is nothing to fill."""

    def insert(self) -> None:
        """A day is added by the ECB, not while it is read."""

    def connection(self, url: str) -> Mapping[str, Any]:
        """Where it is served."""
        return {"url": f"{url}/stats/eurofxref"}

    def secrets(self) -> Mapping[str, str]:
        """It asks for none."""
        return {}

    def expire_tokens(self) -> None:
        """There are none."""

    def answer(self, request: Request) -> Reply:
        """Serve the files."""
        name = request.path.removeprefix("/stats/eurofxref/")
        if request.method != "GET" or name not in (
            "eurofxref-daily.xml",
            "eurofxref-hist-90d.xml",
            "eurofxref-hist.xml",
        ):
            return Reply(404, {"message": "not found"})
        days = dict(list(_DAYS.items())[:1]) if "daily" in name else _DAYS
        return Reply(200, envelope(days), {"Content-Type": "text/xml"})
