"""Settlement reports of Amazon's Reports API (model reports_2021-06-30), fetched as the files they are.

Amazon makes them, they cannot be asked for. A report that is still being made is listed again with the look-back; one that was
cancelled or failed never has a document, and the chain of settlements shows what is missing. Reports are kept for 90 days:
what is older is downloaded in Seller Central and delivered with `ingest`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from retail_sync.connectors.documents import unpack
from retail_sync.connectors.wire import Document, Window
from retail_sync.core.archive import chunks
from retail_sync.core.errors import DeliveryRefused
from retail_sync.core.http import HttpClient
from retail_sync.core.http_errors import Answered, DeliveryUnknown
from retail_sync.core.paging import Call, TokenInQuery, send, walk

# Version 1 and XML are not given to sellers any more (reference/marketplaces.md 1.1).
_TYPE = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
_PATH = "/reports/2021-06-30"
_KEPT = timedelta(days=90) - timedelta(hours=1)
_TRIES = 3
_PAUSE_SECONDS = 10
_BYTES_MAX = 1 << 30


def settlement_reports(client: HttpClient, window: Window, now: datetime) -> Iterator[Document]:
    """Yield the reports that were created in the window and are ready, oldest first."""
    start = max(window.start, now - _KEPT)
    if start >= window.end:
        return
    query = {
        "reportTypes": _TYPE,
        "pageSize": "100",
        "createdSince": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "createdUntil": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
    }
    call = Call("GET", f"{_PATH}/reports", query, operation="getReports")
    following = TokenInQuery("nextToken", "nextToken", is_alone=True)
    listed = [report for answer in walk(client, call, following) for report in answer.document["reports"]]
    ready = {report["reportId"]: report for report in listed if report["processingStatus"] == "DONE"}
    for report in sorted(ready.values(), key=lambda report: (report["createdTime"], report["reportId"])):
        yield Document(str(report["reportId"]), partial(_save, client, report["reportDocumentId"]))


def some_settlement_reports(client: HttpClient) -> int:
    """Ask for one page of reports and return how many are on it."""
    call = Call("GET", f"{_PATH}/reports", {"reportTypes": _TYPE, "pageSize": "10"}, operation="getReports")
    return len(send(client, call).document["reports"])


def _save(client: HttpClient, document_id: str, path: Path) -> None:
    """Write a report, unpacked, so that it is the same file as one that a person downloaded. Raises HttpError."""
    came = path.with_name(f"{path.name}.came")
    try:
        _download(client, document_id, came)
        with came.open("rb") as file:
            start, _ = unpack(chunks(file), path, _BYTES_MAX)
    except DeliveryRefused as damaged:  # on the way
        raise DeliveryUnknown(f"a settlement report: {damaged.message}", "run again") from None
    finally:
        came.unlink(missing_ok=True)
    if b"\t" not in start.partition(b"\n")[0]:  # a page of something in between
        raise DeliveryUnknown("a settlement report: what came is no flat file", "run again")


def _download(client: HttpClient, document_id: str, path: Path) -> None:
    """Download at an address that was asked for just before: it holds for five minutes, then the answer is 403."""
    for tries_left in range(_TRIES - 1, -1, -1):
        address = _address(client, document_id)
        try:
            client.download(address, path, bytes_max=_BYTES_MAX)
        except Answered as refused:
            if refused.status != 403 or not tries_left:
                raise
        else:
            return


def _address(client: HttpClient, document_id: str) -> str:
    """Return where a report lies. A 403 that passes occurs on this call (reference/marketplaces.md 2.2)."""
    call = Call("GET", f"{_PATH}/documents/{quote(document_id, safe='')}", operation="getReportDocument")
    for _ in range(_TRIES - 1):
        try:
            return _url(send(client, call).document)
        except Answered as refused:
            if refused.status != 403:
                raise
        client.clock.sleep(_PAUSE_SECONDS)
    return _url(send(client, call).document)


def _url(document: Any) -> str:
    return str(document["url"])
