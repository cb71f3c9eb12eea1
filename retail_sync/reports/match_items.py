"""Items of the matchings as values: what is not matched, and the two items that a person names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline
from retail_sync.reconcile.wording import in_minor_units
from retail_sync.reports.values import amount

# The only reconciliation whose two sides may be in two currencies.
_CONVERTED = "currency_deposit"


@dataclass(frozen=True, slots=True)
class MatchItem:
    """An item of one side of a matching; `status` as in reconcile.match_items."""

    reconciliation: str
    side: str
    item_id: str
    block: str
    amount: Decimal
    item_date: date
    status: str

    @property
    def shown(self) -> tuple[str, ...]:
        """Its cells for people: amounts in the currency's minor units."""
        currency = self.block.rpartition("|")[2]
        item, value = in_minor_units(self.item_id, currency), amount(self.amount, currency)
        return self.reconciliation, self.side, item, self.block, value, str(self.item_date), self.status


def read_unmatched(pipeline: Pipeline) -> list[MatchItem]:
    """Return every item that is not matched, the oldest first."""
    with pipeline.warehouse.reading() as connection:
        rows = connection.execute(
            "select reconciliation, side, item_id, block, amount, item_date, status from reconcile.match_items "
            "where status <> 'matched' order by reconciliation, item_date, side, item_id"
        ).fetchall()
    return [MatchItem(*row) for row in rows]


def decide(  # noqa: PLR0913 - a record, spelled out
    pipeline: Pipeline, reconciliation: str, left: str, right: str, *, is_match: bool, by: str, reason: str
) -> tuple[int, str, str]:
    """Record that two items belong together, or do not. Returns the decision's number and the items' full ids.

    An id may be given as it is shown elsewhere: a bank line's own id will do where no other line has it. Raises
    RetailSyncError for an item that is not there, or that could be several.
    """
    left_id = _item_id(pipeline, reconciliation, "left", left)
    right_id = _item_id(pipeline, reconciliation, "right", right)
    if is_match and reconciliation != _CONVERTED:
        _require_one_currency(pipeline, reconciliation, left_id, right_id)
    number = pipeline.match_decisions.add(reconciliation, left_id, right_id, is_match=is_match, by=by, reason=reason)
    return number, left_id, right_id


def _require_one_currency(pipeline: Pipeline, reconciliation: str, left_id: str, right_id: str) -> None:
    """Dollars taken for euros would be booked as euros."""
    with pipeline.warehouse.reading() as connection:
        rows = connection.execute(
            "select distinct split_part(block, '|', -1) from reconcile.match_items where reconciliation = $reconciliation "
            "and ((side = 'left' and item_id = $left_id) or (side = 'right' and item_id = $right_id)) order by 1",
            {"reconciliation": reconciliation, "left_id": left_id, "right_id": right_id},
        ).fetchall()
    if len(rows) > 1:
        raise RetailSyncError(
            f"{left_id} and {right_id} are in {' and '.join(row[0] for row in rows)}",
            f"a deposit that was converted is confirmed with --in {_CONVERTED}, where matches list shows both there",
        )


def _item_id(pipeline: Pipeline, reconciliation: str, side: str, name: str) -> str:
    with pipeline.warehouse.reading() as connection:
        found = connection.execute(
            "select item_id, split_part(block, '|', -1) from reconcile.match_items "
            "where reconciliation = $reconciliation and side = $side order by item_id",
            {"reconciliation": reconciliation, "side": side},
        ).fetchall()
    # Exceptions name a bank line with its amount in minor units, while its id has four decimals.
    ids: Sequence[str] = [
        item_id
        for item_id, currency in found
        if any(f":{called}".endswith(f":{name}") for called in (item_id, in_minor_units(item_id, currency)))
    ]
    if name in ids:
        return name
    if len(ids) != 1:
        what = f"could be {', '.join(ids)}" if ids else "is not there"
        raise RetailSyncError(
            f"{side} item {name!r} of {reconciliation} {what}",
            "retail-sync matches list shows the items that are not matched, with their full ids",
        )
    return ids[0]
