"""What was delivered, as it lies in the raw archive: the rows that `line_no` of a table, a trace or a rejected row names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retail_sync.connectors.paged import PULLED_SUFFIX, PagesReader
from retail_sync.connectors.registry import reader_of
from retail_sync.core.errors import RetailSyncError
from retail_sync.operations.deliveries import Delivery
from retail_sync.pipeline import Pipeline

_COUNTED_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a delivered file, or a record of a pulled list."""

    line_no: int
    text: str


def read_records(pipeline: Pipeline, delivery_id: str, first: int, count: int) -> tuple[Delivery, list[Record]]:
    """Return a delivery and `count` of its records from number `first` on.

    Raises RetailSyncError where there is no such delivery, or the archive has not kept it.
    """
    delivery = next((d for d in pipeline.registry.all() if d.delivery_id == delivery_id), None)
    if delivery is None:
        raise RetailSyncError(
            f"there is no delivery {delivery_id}",
            'retail-sync query "select delivery_id, source, name from deliveries" --on operations lists them',
        )
    if not pipeline.archive.has(delivery.source, delivery.sha256):
        raise RetailSyncError(
            f"{delivery.name} is not in the raw archive any more", "it was purged, or the file was lost"
        )
    with tempfile.TemporaryDirectory() as folder:
        texts = _texts(pipeline, delivery, Path(folder))
        found = [Record(first + n, text) for n, text in enumerate(islice(texts, first - 1, first - 1 + count))]
    return delivery, found


def told_count(pipeline: Pipeline, delivery_ids: Sequence[str]) -> str:
    """Say how many records are in pages that have just come; of many megabytes only the size, because they are looked into.

    What is in documents, and in pages that cannot be read, is told when they are loaded.
    """
    wanted = [d for d in pipeline.registry.all() if d.delivery_id in delivery_ids]
    size = sum(d.bytes for d in wanted)
    if size > _COUNTED_BYTES:
        return f"{size >> 20} MB, not counted yet"
    try:
        with tempfile.TemporaryDirectory() as folder:
            counts = [
                sum(1 for _ in _texts(pipeline, d, Path(folder))) for d in wanted if d.name.endswith(PULLED_SUFFIX)
            ]
    except RetailSyncError:
        counts = []
    return f"{sum(counts):,}" if len(counts) == len(wanted) else "not counted yet"


def _texts(pipeline: Pipeline, delivery: Delivery, folder: Path) -> Iterator[str]:
    source = pipeline.home.settings.source_named(delivery.source)
    reader = reader_of(source, delivery.object)
    limit = pipeline.home.settings.raw.max_unpacked_mb << 20
    blocks = pipeline.archive.read(delivery.source, delivery.sha256)
    document = reader.open(blocks, folder / "delivery.txt", source.encoding, limit)
    if isinstance(reader, PagesReader):
        yield from reader.texts(document)
        return
    with document.path.open(encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file)
