"""The delivery registry: every file ever received, once, with where it came from and how often it came again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from retail_sync.operations import database as db


@dataclass(frozen=True, slots=True)
class Delivery:
    """One registered file. `received_order` grows with every registration and decides which delivery is the newer one.

    `refused_reason` is what the last reading found wrong with the whole file; it outlives the content and the warehouse, as
    does `loaded_at`, when its rows were read for the first time. `rows`: its records as they were read; before that the lines
    of a file, and nothing for pages, whose lines are no records.
    """

    delivery_id: str
    source: str
    object: str
    name: str
    sha256: str
    bytes: int
    received_order: int
    purged_at: str | None = None
    refused_reason: str = ""
    loaded_at: str = ""
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What is known of a file when it is registered."""

    source: str
    object: str
    name: str
    sha256: str
    bytes: int
    rows: int | None
    header_fingerprint: str


def delivery_id_of(source: str, sha256: str) -> str:
    """Return the id of content delivered by a source: the same file gives the same id on every machine and every day."""
    return f"{source}-{sha256[:20]}"


class DeliveryRegistry:
    """The `deliveries` and `inbox_files` tables of the operations database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def register(self, new: NewDelivery, trace_id: str) -> tuple[str, bool]:
        """Register content, or count that it came again. Returns (delivery id, whether it is new)."""
        delivery_id = delivery_id_of(new.source, new.sha256)
        seen_at = db.now()
        with self._engine.begin() as connection:
            columns = db.deliveries.c
            was_withdrawn = connection.scalar(sa.select(columns.withdrawn).where(columns.delivery_id == delivery_id))
            again = connection.execute(
                sa.update(db.deliveries)
                .where(db.deliveries.c.delivery_id == delivery_id)
                .values(
                    times_seen=db.deliveries.c.times_seen + 1,
                    last_seen_at=seen_at,
                    purged_at=None,  # its content has just been stored again
                    withdrawn="",
                )
            )
            if again.rowcount:
                return delivery_id, bool(was_withdrawn)
            connection.execute(
                sa.insert(db.deliveries).values(
                    delivery_id=delivery_id,
                    source=new.source,
                    object=new.object,
                    name=new.name,
                    sha256=new.sha256,
                    bytes=new.bytes,
                    rows=new.rows,
                    header_fingerprint=new.header_fingerprint,
                    received_at=seen_at,
                    last_seen_at=seen_at,
                    trace_id=trace_id,
                )
            )
        return delivery_id, True

    def all(self) -> Sequence[Delivery]:
        """Return every delivery that counts, oldest first."""
        return self._select(db.deliveries.c.withdrawn == "")

    def _select(self, condition: sa.ColumnElement[bool]) -> Sequence[Delivery]:
        columns = db.deliveries.c
        query = sa.select(*(columns[name] for name in Delivery.__dataclass_fields__))
        query = query.where(condition).order_by(columns.received_order)
        with self._engine.connect() as connection:
            return [Delivery(*row) for row in connection.execute(query).all()]

    def elsewhere(self, source: str, object_name: str, sha256: str) -> tuple[str, str] | None:
        """Return (source, file name) of the same content under another source that reads the same object, if any."""
        columns = db.deliveries.c
        query = sa.select(columns.source, columns.name).where(
            columns.sha256 == sha256,
            columns.source != source,
            columns.object == object_name,
            columns.withdrawn == "",
            columns.refused_reason == "",  # what was refused there counts nowhere else
        )
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(columns.received_order)).first()
        return (row.source, row.name) if row else None

    def withdraw(self, source: str, by: str, reason: str) -> int:
        """Take all deliveries of a source out of account, in a person's name. Returns how many; their files stay archived."""
        note = f"{db.now()} by {by}: {reason}"
        columns = db.deliveries.c
        with self._engine.begin() as connection:
            theirs = sa.and_(columns.source == source, columns.withdrawn == "")
            inbox = db.inbox_files.c
            connection.execute(
                sa.delete(db.inbox_files).where(inbox.delivery_id.in_(sa.select(columns.delivery_id).where(theirs)))
            )
            connection.execute(sa.delete(db.drop_files).where(db.drop_files.c.source == source))
            return connection.execute(sa.update(db.deliveries).where(theirs).values(withdrawn=note)).rowcount

    def is_known_inbox_file(self, path: Path) -> bool:
        """Whether this very file (path, size and modification time) was taken in before."""
        status = path.stat()
        columns = db.inbox_files.c
        query = sa.select(sa.literal(1)).where(
            columns.path == str(path),
            columns.bytes == status.st_size,
            columns.modified_ns == status.st_mtime_ns,
        )
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def remember_inbox_file(self, path: Path, delivery_id: str, size: int, modified_ns: int) -> None:
        """Record that the file was taken in, so that the next scan need not read it again."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(db.inbox_files).where(db.inbox_files.c.path == str(path)))
            connection.execute(
                sa.insert(db.inbox_files).values(
                    path=str(path), bytes=size, modified_ns=modified_ns, delivery_id=delivery_id
                )
            )

    def received_before(self, instant: str) -> Sequence[Delivery]:
        """Return deliveries last received before an ISO instant whose content is still kept, withdrawn ones too."""
        columns = db.deliveries.c
        return self._select(sa.and_(columns.last_seen_at < instant, columns.purged_at.is_(None)))

    def mark_purged(self, delivery_id: str) -> None:
        """Record that the content was deleted under the retention setting."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(db.deliveries).where(db.deliveries.c.delivery_id == delivery_id).values(purged_at=db.now())
            )

    def note_refused(self, reasons: Mapping[str, str]) -> None:
        """Record why deliveries are refused as a whole, by id; an empty reason: they are not any more."""
        with self._engine.begin() as connection:
            for delivery_id, reason in reasons.items():
                connection.execute(
                    sa.update(db.deliveries)
                    .where(db.deliveries.c.delivery_id == delivery_id)
                    .values(refused_reason=reason)
                )

    def note_loaded(self, delivery_ids: Sequence[str]) -> None:
        """Record that the rows of these deliveries were read for the first time."""
        values = [{"id_": delivery_id, "at": db.now()} for delivery_id in delivery_ids]
        if values:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.update(db.deliveries)
                    .where(db.deliveries.c.delivery_id == sa.bindparam("id_"))
                    .values(loaded_at=sa.bindparam("at")),
                    values,
                )

    def note_rows(self, counts: Mapping[str, int]) -> None:
        """Record how many records were found in deliveries, by id."""
        values = [{"id_": delivery_id, "count": count} for delivery_id, count in counts.items()]
        if values:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.update(db.deliveries)
                    .where(db.deliveries.c.delivery_id == sa.bindparam("id_"))
                    .values(rows=sa.bindparam("count")),
                    values,
                )

    def duplicates_count(self) -> int:
        """Return how many times a file came that was known already."""
        query = sa.select(sa.func.coalesce(sa.func.sum(db.deliveries.c.times_seen - 1), 0))
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())
