"""Raw files that are gone, by retention or by accident: what was booked from them is not taken for wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.operations import database as db
from retail_sync.settings import Home
from retail_sync_tests.e2e.company import CORRECTED, ORIGINAL, TINY_BANK, B, C
from retail_sync_tests.e2e.line import (
    booked,
    drop,
    empty_inbox,
    findings,
    forget_warehouse,
    hourly,
    net,
    new_home,
    nightly,
    opened,
    problems,
)
from retail_sync_tests.simulator import write_v2

pytestmark = pytest.mark.long

KEEP_A_DAY = "[raw]\nretention_days = 1"
JUNK = {"amazon/junk.txt": b"this is no settlement report\n"}
ONLY_OCTOBER = {"amazon/c_again.txt": write_v2(replace(C, rows=tuple(r for r in C.rows if r.posted_at.month == 10)))}
SEPTEMBER, OCTOBER = (f"amazon:settlement:{C.settlement_id}:2026-{month}" for month in ("09", "10"))
B_ENTRY = f"amazon:settlement:{B.settlement_id}:2026-09"


def purge(home: Home) -> None:
    """A year passes, and the nightly run deletes what is past its retention."""
    pipeline = opened(home)
    with pipeline.operations.begin() as connection:
        connection.execute(sa.update(db.deliveries).values(last_seen_at="2025-01-01T00:00:00+00:00"))
    assert pipeline.purge_raw()


def lose(home: Home, name: str) -> Path:
    """Delete the archived content of a delivery by its file name, as an accident does. Returns where it is set aside."""
    pipeline = opened(home)
    (lost,) = [d for d in pipeline.registry.all() if d.name == name]
    path = pipeline.archive.path(lost.source, lost.sha256)
    aside = home.root / f"{name}.zst"
    shutil.copy(path, aside)
    path.unlink()
    return aside


def give_back(home: Home, name: str, aside: Path) -> None:
    """Restore it from the backup."""
    pipeline = opened(home)
    (lost,) = [d for d in pipeline.registry.all() if d.name == name]
    shutil.copy(aside, pipeline.archive.path(lost.source, lost.sha256))


def change_contracts(home: Home) -> None:
    """The program is upgraded to a version with other tables."""
    with opened(home).warehouse.writing("test") as connection:
        connection.execute("update raw.applied set hash = 'of an earlier version' where name = 'contract'")


def refused(home: Home) -> list[str]:
    """What the exceptions say of deliveries that were not loaded."""
    return [row.message for row in opened(home).exceptions.open() if row.code == "delivery_refused"]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_refused_file_that_was_purged_does_not_stop_withdrawals(tmp_path: Path, *, rebuilt: bool) -> None:
    """A settlement re-issued without its September lines leaves September, though somebody once delivered junk."""
    home = new_home(tmp_path / "home", KEEP_A_DAY)
    drop(home, JUNK | {"amazon/c.txt": write_v2(C)})
    nightly(home)
    (reason,) = refused(home)
    purge(home)
    if rebuilt:
        empty_inbox(home)
        forget_warehouse(home)
    hourly(home)
    assert reason in refused(home)

    drop(home, ONLY_OCTOBER)
    nightly(home)
    assert booked(home) == [f"{SEPTEMBER}#1", f"{SEPTEMBER}#1R", f"{OCTOBER}#1", f"{OCTOBER}#1R", f"{OCTOBER}#2"]
    assert {key for key, _, _ in net(home)} == {OCTOBER}
    gone = [
        ("delivery_refused", "amazon/c.txt"),
        ("delivery_refused", "amazon/junk.txt"),
        ("rebuild_incomplete", "warehouse"),
    ]
    assert problems(home) == (gone if rebuilt else [("delivery_refused", "amazon/junk.txt")])


def test_a_settlement_is_corrected_whole_or_not_at_all(tmp_path: Path) -> None:
    """While the re-issue without September cannot be read, the first issue must bring neither September nor its October."""
    home = new_home(tmp_path / "home")
    for issue in ({"amazon/c.txt": write_v2(C)}, ONLY_OCTOBER):
        drop(home, issue)
        nightly(home)
    keys, before = booked(home), net(home)
    assert {key for key, _, _ in before} == {OCTOBER}
    empty_inbox(home)
    aside = lose(home, "c_again.txt")
    forget_warehouse(home)
    nightly(home)
    assert (booked(home), net(home)) == (keys, before)
    assert problems(home) == [
        ("delivery_refused", "amazon/c_again.txt"),
        ("facts_unreadable", SEPTEMBER),
        ("facts_unreadable", OCTOBER),
        ("rebuild_incomplete", "warehouse"),
    ]
    give_back(home, "c_again.txt", aside)
    nightly(home)
    assert (booked(home), net(home), problems(home)) == (keys, before, [])
    assert findings(home) == []


def test_a_lost_correction_is_not_taken_back(tmp_path: Path) -> None:
    """The corrected file is lost and the warehouse rebuilt: the wrong first issue must not be booked again."""
    home = new_home(tmp_path / "home")
    drop(home, ORIGINAL)
    nightly(home)
    drop(home, CORRECTED | {"bank/statement.csv": TINY_BANK})
    nightly(home)
    keys, before = booked(home), net(home)
    assert f"{B_ENTRY}#2" in keys
    empty_inbox(home)
    aside = lose(home, "b_corrected.txt")
    forget_warehouse(home)
    for _ in range(2):
        nightly(home)
        assert (booked(home), net(home)) == (keys, before)
        held = {subject for code, subject in problems(home) if code == "facts_unreadable"}
        assert held == {B_ENTRY, f"amazon:deposit:{B.settlement_id}"}
        assert ("rebuild_incomplete", "warehouse") in problems(home)
    give_back(home, "b_corrected.txt", aside)
    nightly(home)
    assert (booked(home), net(home), problems(home)) == (keys, before, [])


def test_a_lost_statement_withdraws_no_deposit(tmp_path: Path) -> None:
    """The bank's file is lost and the warehouse rebuilt: the deposit it showed stays, and a person is told."""
    home = new_home(tmp_path / "home")
    drop(home, CORRECTED | {"bank/statement.csv": TINY_BANK})
    nightly(home)
    keys = booked(home)
    empty_inbox(home)
    lose(home, "statement.csv")
    forget_warehouse(home)
    nightly(home)
    assert booked(home) == keys
    assert ("facts_unreadable", f"amazon:deposit:{B.settlement_id}") in problems(home)


@pytest.mark.parametrize("how", ["purged", "lost"])
def test_an_upgrade_does_not_empty_what_cannot_be_read_again(tmp_path: Path, how: str) -> None:
    """Other tables are filled from the raw files: where these are gone, the old warehouse is all there is."""
    home = new_home(tmp_path / "home", KEEP_A_DAY)
    drop(home, {"amazon/c.txt": write_v2(C)})
    nightly(home)
    aside = lose(home, "c.txt")
    if how == "purged":
        purge(home)
    change_contracts(home)
    with pytest.raises(RetailSyncError, match=r"c\.txt") as caught:
        hourly(home)
    assert "deliver these files again" in caught.value.remedy
    with opened(home).warehouse.writing("test") as connection:
        assert connection.execute("select count(*) from canonical.settlements").fetchone() == (1,)
    give_back(home, "c.txt", aside)
    nightly(home)
    assert problems(home) == []


def test_an_upgrade_needs_no_file_that_was_refused(tmp_path: Path) -> None:
    """Junk that retention purged was never in the tables: the upgrade goes on, and its first reason stays known."""
    home = new_home(tmp_path / "home", KEEP_A_DAY)
    drop(home, JUNK)
    nightly(home)
    told = refused(home)
    purge(home)
    change_contracts(home)
    drop(home, {"amazon/c.txt": write_v2(C)})
    nightly(home)
    assert refused(home) == told
    assert problems(home) == [("delivery_refused", "amazon/junk.txt")]
