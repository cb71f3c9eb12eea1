"""Claiming outbox rows and bringing an older operations database up to date, on each database that it may live in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.operations import database as db
from retail_sync_tests.ledger.bookkeeping import CHART, Books
from retail_sync_tests.operations.shop import Shop, key_of, wanted

ADDED = {
    "released_entries": ("delivery_id", "bank_delivery_id", "bank_movement", "matching_hash"),
    "deliveries": ("refused_reason", "loaded_at"),
}


@pytest.fixture
def shop(books: Books, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose operations database is of each kind in turn, and comes from an earlier version."""
    old = db.open_database(books.url, tmp_path)
    with old.begin() as connection:
        for table, columns in ADDED.items():
            for column in columns:
                connection.execute(sa.text(f"alter table {table} drop column {column}"))
    old.dispose()
    ledger = EmbeddedLedger("sqlite://", None)
    ledger.install(list(CHART))
    opened = Shop(db.open_database(books.url, tmp_path), ledger)
    yield opened
    ledger.close()
    opened.engine.dispose()


def test_a_row_is_claimed_once(shop: Shop) -> None:
    """Two posters read the same pending rows: what one has claimed, the other gives up instead of sending it too."""
    shop.release(wanted(1), wanted(2))
    mine, other = shop.outbox(), shop.outbox()
    rows = mine._take("pending", 10)
    assert [row.entry.key for row in other._claim(rows[:1])] == [f"{key_of(1)}#1"]
    assert [row.entry.key for row in mine._claim(rows)] == [f"{key_of(2)}#1"]
    assert mine._claim(rows) == []
    assert [row["attempts"] for row in shop.rows()] == [1, 1]


def test_an_older_database_gets_the_new_columns(shop: Shop) -> None:
    """What an earlier version made is opened as it is, and says nothing of what it did not record."""
    shop.release(wanted(1))
    shop.post()
    assert shop.states() == {f"{key_of(1)}#1": "verified"}
    assert [row["matching_hash"] for row in shop.rows()] == [""]
    assert {column["name"] for column in sa.inspect(shop.engine).get_columns("deliveries")} >= {
        "refused_reason",
        "loaded_at",
    }
