"""The European Central Bank's reference rates, asked for by each run: one public file, without sign-in.

Published at about 16:00 in Frankfurt on working days. The file is told by its newest day and its content, so one that did not
change is no new delivery; `ecb_rates.py` reads it. The addresses are those of the ECB's page on reference rates.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from retail_sync.connectors.ecb_rates import NAMESPACE
from retail_sync.connectors.wire import Access, Connection, Document, Page, Window, WireObject
from retail_sync.core.http import HttpClient, Limits
from retail_sync.core.http_errors import DeliveryUnknown

_LIMITS = Limits(per_minute=30, burst=5)
# All rates since 1999 are 8 MB.
_BYTES_MAX = 64 << 20
_DAY = re.compile(rb"""time=['"](\d{4}-\d\d-\d\d)['"]""")


class EcbConnection(Connection):
    """Which of the files, and where they are."""

    url: str = Field("https://www.ecb.europa.eu/stats/eurofxref", description="where the files are")
    file: Literal["eurofxref-hist-90d", "eurofxref-hist", "eurofxref-daily"] = Field(
        "eurofxref-hist-90d", description="the last 90 days, all since 1999 (for a first run), or the newest day"
    )


class Client:
    """What the rates are fetched with."""

    def __init__(self, http: HttpClient, where: EcbConnection) -> None:
        self._http = http
        self._where = where

    def fetch(self, file: str, target: Path) -> str:
        """Write a file of rates and return its newest day. Raises HttpError where what came is no whole file."""
        self._http.download(f"{self._where.url.rstrip('/')}/{file}.xml", target, bytes_max=_BYTES_MAX)
        content = target.read_bytes()
        days: list[bytes] = _DAY.findall(content)
        if NAMESPACE.encode() not in content or not content.rstrip().endswith(b"Envelope>") or not days:
            raise DeliveryUnknown("ECB, GET of a document: what came is no file of rates", "run again later")
        return max(days).decode()

    def rates(self) -> Iterator[Document]:
        """Fetch the file, and give it out under a name that says its newest day and its content."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rates.xml"
            day = self.fetch(self._where.file, path)
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
            yield Document(f"{self._where.file}-{day}-{mark}.xml", lambda target: _copy(path, target))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _copy(path: Path, target: Path) -> None:
    shutil.copyfile(path, target)


def _rates(client: Client, _: Window) -> Iterator[Page | Document]:
    yield from client.rates()


class Ecb:
    """Connector for the reference rates of the ECB."""

    name = "ecb"
    channel = "ecb"
    settings = EcbConnection
    objects = (WireObject("fx_rates", _rates, ("fx_rates",), is_state=True, reader="ecb_rates"),)

    def connect(self, access: Access) -> Client:
        """Return a client of the ECB's site."""
        where = access.connection(EcbConnection)
        return Client(access.client("ECB", where.url, None, _LIMITS), where)

    def check(self, client: Client) -> str:
        """Fetch the newest day's rates."""
        with tempfile.TemporaryDirectory() as folder:
            return f"the ECB's rates of {client.fetch('eurofxref-daily', Path(folder) / 'daily.xml')}"
