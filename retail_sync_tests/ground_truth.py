"""Precision and recall by kind: `python -m retail_sync_tests.ground_truth --seeds 200`.

Each seed is a retailer of its own with one problem, or harmless variation, of every kind. A break is found when its class,
subject, value, currency and day are the planted ones; what stands beside the planted ones is told apart: a planted subject
under another class, value or day is misnamed, anything else is extra.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from retail_sync.settings import Home
from retail_sync_tests.e2e.line import drop, opened
from retail_sync_tests.sample_settings import CHANNEL_LOCATIONS
from retail_sync_tests.truth import (  # noqa: F401
    delivery_kinds,
    deposit_kinds,
    return_kinds,
    settlement_kinds,
    stock_kinds,
    store_kinds,
    web_kinds,
)
from retail_sync_tests.truth.company import OWNERSHIP, SETTINGS, Break, NothingLeftError, sound_company
from retail_sync_tests.truth.kinds import CHOOSY, KINDS
from retail_sync_tests.truth.returns_desk import RETURN_STEPS, open_desks

_ATTEMPTS = 20
_RETAILERS, _APART = 5, 100_000
_TOLD_EVERY = 10
_BREAKS = """
select reconciliation, subject, break_class, amount, currency, since_date, counterpart from reconcile.breaks order by all
"""


@dataclass(slots=True)
class Score:
    """How the planted breaks of a kind came out over all seeds."""

    runs: int = 0
    planted: int = 0
    found: int = 0
    misnamed: int = 0


@dataclass(slots=True)
class Tally:
    """The scores by kind, and the breaks that no kind explains."""

    scores: dict[str, Score] = field(default_factory=dict)
    extra: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, seed: int, planted: Mapping[str, Sequence[Break]], found: Iterable[Break]) -> None:
        """Compare what one retailer gave with what was planted in it."""
        left = Counter(found)
        unfound = []
        for name, breaks in planted.items():
            score = self.scores.setdefault(name, Score())
            score.runs += 1
            score.planted += len(breaks)
            for one in breaks:
                if left[one]:
                    left[one] -= 1
                    score.found += 1
                else:
                    unfound.append((name, one))
        rest = list(left.elements())
        for name, one in unfound:
            near = next((other for other in rest if other.subject == one.subject), None)
            if near:
                rest.remove(near)
                self.scores[name].misnamed += 1
            self.notes.append(f"seed {seed}, {name}: planted {one}, found {near}")
        self.extra.update(one.break_class for one in rest)
        self.notes += [f"seed {seed}: extra {one}" for one in rest]

    def __str__(self) -> str:
        """Return the table."""
        lines = [f"{'kind':34}{'runs':>6}{'planted':>9}{'found':>7}{'misnamed':>10}{'recall':>9}{'precision':>11}"]
        for name, score in self.scores.items():
            lines.append(
                f"{name:34}{score.runs:>6}{score.planted:>9}{score.found:>7}{score.misnamed:>10}"
                f"{_percent(score.found, score.planted):>9}{_percent(score.found, score.found + score.misnamed):>11}"
            )
        return "\n".join([*lines, f"extra: {dict(self.extra) or 'none'}", self.summary()])

    def summary(self) -> str:
        """Return recall and precision over all kinds; what no kind explains counts against precision."""
        planted = sum(score.planted for score in self.scores.values())
        found = sum(score.found for score in self.scores.values())
        told = found + sum(score.misnamed for score in self.scores.values()) + self.extra.total()
        return (
            f"{len(self.scores)} kinds, {planted} breaks planted: recall {_percent(found, planted)}, "
            f"precision {_percent(found, told)}"
        )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def plant(seed: int) -> tuple[dict[str, bytes], dict[str, Sequence[Break]]]:
    """The files of a retailer with every kind planted in it, and the answers by kind.

    Where a seed's retailer has no room for all kinds, wherever they are put, another one is made.
    """
    names = sorted(KINDS, key=lambda name: name not in CHOOSY)
    for retailer, attempt in product(range(seed, seed + _RETAILERS * _APART, _APART), range(_ATTEMPTS)):
        company = sound_company(retailer, attempt)
        try:
            open_desks(company)
            planted = {name: KINDS[name](company) for name in names}
        except NothingLeftError:
            continue
        return company.files(), {name: planted[name] for name in KINDS}
    raise NothingLeftError


def breaks_of(
    folder: Path, deliveries: Sequence[Mapping[str, bytes]], candidates: Mapping[str, str] | None = None
) -> list[Break]:
    """Run the line over deliveries that come one after the other; return the breaks.

    `candidates`, by subject, are looked for in what is told of an undetermined break.
    """
    home = Home(folder)
    folder.mkdir(exist_ok=True)
    (folder / "retail_sync.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "channel_locations.csv").write_text(CHANNEL_LOCATIONS, encoding="utf-8")
    (folder / "rules" / "ownership.csv").write_text(OWNERSHIP, encoding="utf-8")
    (folder / "rules" / "return_steps.csv").write_text(RETURN_STEPS, encoding="utf-8")
    for files in deliveries:
        drop(home, files)
        pipeline = opened(home)
        pipeline.receive_inbox()
        pipeline.load()
        report = pipeline.reconcile()
        assert report.residual == (), report.residual
    with pipeline.writing("read the breaks") as connection:
        rows = connection.execute(_BREAKS).fetchall()
    return [_read(row, candidates or {}) for row in rows]


def _read(row: Sequence[object], candidates: Mapping[str, str]) -> Break:
    found = Break(*row[:6])  # type: ignore[arg-type]
    wanted = candidates.get(found.subject, "")
    return replace(found, candidates=wanted) if wanted and str(row[6]).endswith(wanted) else found


def named_candidates(planted: Mapping[str, Sequence[Break]]) -> dict[str, str]:
    """What undetermined breaks must name, by their subject."""
    return {one.subject: one.candidates for breaks in planted.values() for one in breaks if one.candidates}


def run(seed: int, tally: Tally) -> None:
    """Plant, run the line and compare one seed."""
    files, planted = plant(seed)
    with tempfile.TemporaryDirectory() as folder:
        tally.add(seed, planted, breaks_of(Path(folder), [files], named_candidates(planted)))


def main() -> None:
    """Run the seeds and print the table; the exit code says whether all was found and nothing else."""
    parser = argparse.ArgumentParser(prog="ground_truth", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many retailers")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    given = parser.parse_args()
    tally = Tally()
    for count, seed in enumerate(range(given.first, given.first + given.seeds), 1):
        known = len(tally.notes)
        run(seed, tally)
        for note in tally.notes[known:]:
            print(note, file=sys.stderr, flush=True)
        if count % _TOLD_EVERY == 0:
            print(f"{count} seeds: {tally.summary()}", file=sys.stderr, flush=True)
    print(tally)
    sys.exit(bool(tally.notes))


if __name__ == "__main__":
    main()
