"""How far each list of each system was asked for, and what its windows last brought."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from retail_sync.operations import database as db


class Cursors:
    """The `cursors` and `pulls` tables of the operations database. Moved only after the data is safe."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def reached(self, source: str, object_name: str) -> datetime | None:
        """Return the instant before which everything was asked for and is archived; None where nothing was yet."""
        columns = db.cursors.c
        query = sa.select(columns.reached_at).where(columns.source == source, columns.object == object_name)
        with self._engine.connect() as connection:
            text = connection.scalar(query)
        return datetime.fromisoformat(text) if text else None

    def reach(self, source: str, object_name: str, instant: datetime, trace_id: str) -> None:
        """Move the cursor on to `instant`; it never goes back."""
        known = self.reached(source, object_name)
        values = {
            "reached_at": max(instant, known or instant).isoformat(),
            "pulled_at": db.now(),
            "trace_id": trace_id,
        }
        columns = db.cursors.c
        with self._engine.begin() as connection:
            mine = sa.and_(columns.source == source, columns.object == object_name)
            if not connection.execute(sa.update(db.cursors).where(mine).values(values)).rowcount:
                connection.execute(sa.insert(db.cursors).values(source=source, object=object_name, **values))

    def last_content(self, source: str, object_name: str, name: str) -> str:
        """Return the hash of what a window last brought; '' where it never brought anything."""
        columns = db.pulls.c
        query = sa.select(columns.content_hash).where(
            columns.source == source, columns.object == object_name, columns.name == name
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) or ""

    def remember(self, source: str, object_name: str, name: str, content_hash: str, delivery_id: str) -> None:
        """Record what a window, or a document, brought, after its delivery was registered."""
        columns = db.pulls.c
        with self._engine.begin() as connection:
            mine = sa.and_(columns.source == source, columns.object == object_name, columns.name == name)
            connection.execute(sa.delete(db.pulls).where(mine))
            connection.execute(
                sa.insert(db.pulls).values(
                    source=source,
                    object=object_name,
                    name=name,
                    content_hash=content_hash,
                    delivery_id=delivery_id,
                    pulled_at=db.now(),
                )
            )
