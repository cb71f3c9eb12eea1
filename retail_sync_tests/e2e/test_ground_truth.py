"""Every kind of planted problem at once: each is found with its class, value and day, and nothing else is told."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from retail_sync.schemas.derived import BREAK_CLASSES
from retail_sync_tests.ground_truth import Tally, breaks_of, named_candidates, plant, run
from retail_sync_tests.truth.kinds import KINDS

# Classes that no kind plants, and why: docs/decisions.md, 58.
NOT_PLANTED = {
    "stock_ledger_differs",
    "order_tax_differs",
    "deposit_awaits_rate",
    "deposit_currency_differs",
}


def test_every_class_is_planted_by_a_kind() -> None:
    """A new class needs a kind, or a reason why it has none. Nothing runs: this only plants."""
    _, planted = plant(seed=1)
    assert planted.keys() == KINDS.keys()
    assert len(KINDS) >= 40
    assert {one.break_class for breaks in planted.values() for one in breaks} == set(BREAK_CLASSES) - NOT_PLANTED


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_retailer_with_every_kind(seed: int) -> None:
    """All kinds mixed: recall and precision of 100 %."""
    tally = Tally()
    run(seed, tally)
    assert not tally.notes, "\n".join([*tally.notes, str(tally)])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 201))
def test_two_hundred_retailers(seed: int) -> None:
    """The same by `make ground-truth`, which shows the figures."""
    test_a_retailer_with_every_kind(seed)


@pytest.mark.slow
def test_shuffled_and_repeated_deliveries(tmp_path: Path) -> None:
    """The files in any order, in three runs, some of them twice: the same breaks."""
    files, planted = plant(seed=3)
    names = sorted(files)
    rng = random.Random(3)
    rng.shuffle(names)
    batches = [{name: files[name] for name in names[start::3]} for start in range(3)]
    again = {f"{name}.again.{name.rpartition('.')[2]}": files[name] for name in rng.sample(names, 10)}
    found = breaks_of(tmp_path / "home", [*batches, again], named_candidates(planted))
    assert Counter(found) == Counter(one for breaks in planted.values() for one in breaks)
