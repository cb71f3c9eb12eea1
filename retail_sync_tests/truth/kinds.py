"""The registry of kinds: each plants one problem, or one harmless variation, and says which breaks must come out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retail_sync_tests.truth.company import Break, Company

Plant = Callable[[Company], Sequence[Break]]
KINDS: dict[str, Plant] = {}
CHOOSY: set[str] = set()
"""Kinds that few places suit: they are planted before the others."""

__all__ = ["CHOOSY", "KINDS", "Break", "Plant", "choosy", "kind"]


def kind(plant: Plant) -> Plant:
    """Register a kind under the name of its function."""
    KINDS[plant.__name__] = plant
    return plant


def choosy(plant: Plant) -> Plant:
    """Mark a kind as one that few places suit."""
    CHOOSY.add(plant.__name__)
    return plant
