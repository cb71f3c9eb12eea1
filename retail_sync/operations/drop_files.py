"""Which files of which folders were fetched: a file that is still the same is not fetched again."""

from __future__ import annotations

import sqlalchemy as sa

from retail_sync.operations import database as db


class DropFiles:
    """The `drop_files` table of the operations database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def known(self, source: str, place: str) -> dict[str, str]:
        """Return name and state (size, time and tag) of every file that was fetched from a folder."""
        columns = db.drop_files.c
        query = sa.select(columns.name, columns.state).where(columns.source == source, columns.place == place)
        with self._engine.connect() as connection:
            return {name: state for name, state in connection.execute(query)}

    def remember(self, source: str, place: str, name: str, state: str, delivery_id: str) -> None:
        """Record that a file was fetched as it is now, after its delivery was registered."""
        columns = db.drop_files.c
        with self._engine.begin() as connection:
            mine = sa.and_(columns.source == source, columns.place == place, columns.name == name)
            connection.execute(sa.delete(db.drop_files).where(mine))
            connection.execute(
                sa.insert(db.drop_files).values(
                    source=source, place=place, name=name, state=state, delivery_id=delivery_id, fetched_at=db.now()
                )
            )
