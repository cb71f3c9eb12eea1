"""The delivery registry: every file once, in the order it came, whatever it is called."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.operations.deliveries import DeliveryRegistry, NewDelivery, delivery_id_of


@pytest.fixture
def registry(operations: sa.Engine) -> DeliveryRegistry:
    """A fresh registry."""
    return DeliveryRegistry(operations)


def file(content: str, name: str = "a.txt", source: str = "amazon") -> NewDelivery:
    """A file with this content."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return NewDelivery(source, "settlements", name, sha256, len(content), 1, "")


def test_the_same_content_is_one_delivery(registry: DeliveryRegistry) -> None:
    """Downloaded again under another name, a file is counted, not booked twice."""
    first = registry.register(file("x", "a.txt"), "run-1")
    again = registry.register(file("x", "a (1).txt"), "run-2")
    assert first == (delivery_id_of("amazon", file("x").sha256), True)
    assert again == (first[0], False)
    assert [d.name for d in registry.all()] == ["a.txt"]
    assert registry.duplicates_count() == 1


def test_two_sources_may_deliver_the_same_content(registry: DeliveryRegistry) -> None:
    """The same bytes mean another thing where they come from elsewhere."""
    ids = {registry.register(file("x", source=source), "run-1")[0] for source in ("amazon", "amazon_de")}
    assert len(ids) == 2
    assert registry.duplicates_count() == 0


def test_the_order_of_receipt_grows(registry: DeliveryRegistry) -> None:
    """Of two deliveries of one document the later one counts: numbers never go back, not even after a duplicate."""
    for content in ("x", "y", "x", "z"):
        registry.register(file(content), "run-1")
    assert [(d.sha256, d.received_order) for d in registry.all()] == [
        (file(content).sha256, number) for number, content in enumerate(("x", "y", "z"), 1)
    ]


def test_an_inbox_file_is_known_by_path_size_and_time(registry: DeliveryRegistry, tmp_path: Path) -> None:
    """A file that was written anew is looked at again, though its name is the same."""
    path = tmp_path / "a.txt"
    path.write_text("x", encoding="utf-8")
    status = path.stat()
    assert not registry.is_known_inbox_file(path)
    registry.remember_inbox_file(path, "amazon-1", status.st_size, status.st_mtime_ns)
    assert registry.is_known_inbox_file(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert not registry.is_known_inbox_file(path)


def test_purged_content_that_comes_again_is_kept_again(registry: DeliveryRegistry) -> None:
    """Retention deletes content, not the record of it; delivered again, its age counts from then."""
    delivery_id, _ = registry.register(file("x"), "run-1")
    assert [d.delivery_id for d in registry.received_before("9999")] == [delivery_id]
    registry.mark_purged(delivery_id)
    assert registry.received_before("9999") == []
    assert registry.all()[0].purged_at
    registry.register(file("x"), "run-2")
    assert registry.all()[0].purged_at is None
    assert [d.delivery_id for d in registry.received_before("9999")] == [delivery_id]
    assert registry.received_before("2000") == []
