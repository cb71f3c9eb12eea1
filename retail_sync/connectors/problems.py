"""What a person has to know about deliveries that could not be read."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retail_sync.operations.deliveries import Delivery
from retail_sync.operations.exceptions import Problem


def find_delivery_problems(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[Problem]:
    """Return a problem per refused delivery, unless a later delivery of the same name could be read."""
    by_id = {delivery.delivery_id: delivery for delivery in deliveries}
    rows = connection.execute("select delivery_id, status, reason, remedy from raw.deliveries").fetchall()
    loaded = {
        (by_id[row[0]].source, by_id[row[0]].name): by_id[row[0]].received_order
        for row in rows
        if row[1] == "loaded" and row[0] in by_id
    }
    problems = []
    for delivery_id, status, reason, remedy in rows:
        delivery = by_id.get(delivery_id)
        if status != "refused" or delivery is None:
            continue
        if loaded.get((delivery.source, delivery.name), 0) > delivery.received_order:
            continue
        problems.append(
            Problem(
                code="delivery_refused",
                subject=delivery.name,
                kind="data",
                owner="operations",
                message=f"{delivery.name} (source {delivery.source}) was not loaded: {reason}.",
                remedy=remedy,
                replay=f"retail-sync ingest --source {delivery.source} <the right file>",
            )
        )
    return problems
