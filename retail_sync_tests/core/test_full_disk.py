"""A disk that fills up at any moment of a load: an error in words, nothing changed, and the same answer once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retail_sync.connectors import load
from retail_sync.core import warehouse
from retail_sync.core.errors import StorageError
from retail_sync.operations.deliveries import NewDelivery
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import canonical_rows

FIRST = simulator.write_v2(simulator.random_settlement(1, 20))
SECOND = simulator.write_v2(simulator.random_settlement(2, 2000))


def mount(folder: Path, *options: str) -> None:
    """Mount a file system in memory, or change one; skip where that is not allowed."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 30 MB. The free space that a run demands is set to nothing, so that runs begin and then fail."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    mount(folder, "size=30m")
    monkeypatch.setattr(warehouse, "_MINIMUM_FREE_BYTES", 0)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Use the file system up to its last byte."""
    for block in (1 << 16, 1):
        with (folder / f"filler{block}").open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(block))
            except OSError:
                pass


def make_room(folder: Path) -> None:
    """Delete what filled it."""
    for filler in folder.glob("filler*"):
        filler.unlink()


def prepared(root: Path, deliveries: Path) -> Pipeline:
    """A home holding the first settlement."""
    (root / "retail_sync.toml").write_text("", encoding="utf-8")
    pipeline = Pipeline(Home(root), "test")
    deliveries.mkdir(exist_ok=True)
    (deliveries / "first.txt").write_bytes(FIRST)
    (deliveries / "second.txt").write_bytes(SECOND)
    pipeline.ingest([str(deliveries / "first.txt")], "amazon")
    pipeline.load()
    return pipeline


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """What the tables hold after the same two deliveries on a large disk."""
    root = tmp_path_factory.mktemp("large")
    pipeline = prepared(root, root / "deliveries")
    pipeline.ingest([str(root / "deliveries" / "second.txt")], "amazon")
    pipeline.load()
    return canonical_rows(pipeline)


def check_that_nothing_changed_and_the_rerun_is_golden(
    pipeline: Pipeline, tmp_path: Path, before: object, golden: object
) -> None:
    """With room again: the tables are as before the failure, and the same steps end where they do on a large disk."""
    again = Pipeline(pipeline.home, "again")
    assert canonical_rows(again) == before
    again.ingest([str(tmp_path / "deliveries" / "second.txt")], "amazon")
    again.load()
    assert canonical_rows(again) == golden
    assert not [path for path in pipeline.home.state.rglob(".incoming*") if path.is_file()]


def test_full_while_a_file_is_taken_in(disk: Path, tmp_path: Path, golden: object) -> None:
    """The raw archive holds the whole file or nothing, and the half copy does not keep the disk full."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    before = canonical_rows(pipeline)
    fill(disk)
    with pytest.raises(StorageError, match="disk is full"):
        pipeline.ingest([str(tmp_path / "deliveries" / "second.txt")], "amazon")
    assert not list(disk.rglob(".incoming*"))
    make_room(disk)
    check_that_nothing_changed_and_the_rerun_is_golden(pipeline, tmp_path, before, golden)


def test_full_while_a_file_is_registered(disk: Path, tmp_path: Path, golden: object) -> None:
    """The content reached the archive and its row did not reach the operations database: the same file again mends it."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    before = canonical_rows(pipeline)
    second = tmp_path / "deliveries" / "second.txt"
    new = NewDelivery("amazon", "settlements", second.name, "0" * 64, 1, 1, "")
    fill(disk)
    with pytest.raises(StorageError, match="operations database could not be written"):
        pipeline.registry.register(new, "test")
    make_room(disk)
    assert [delivery.name for delivery in pipeline.registry.all()] == ["first.txt"]
    check_that_nothing_changed_and_the_rerun_is_golden(pipeline, tmp_path, before, golden)


def fill_at(point: str, disk: Path) -> Callable[[str], None]:
    """A stand-in for the failpoints that fills the disk at one of them."""
    return lambda name: fill(disk) if name == point else None


def test_full_when_the_load_commits(
    disk: Path, tmp_path: Path, golden: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit itself cannot be written: it did not happen, and what was committed before is there."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    before = canonical_rows(pipeline)
    pipeline.ingest([str(tmp_path / "deliveries" / "second.txt")], "amazon")
    with monkeypatch.context() as patched:
        patched.setattr(load, "failpoint", fill_at("canonical.before_commit", disk))
        with pytest.raises(StorageError, match="disk is full"):
            pipeline.load()
    make_room(disk)
    check_that_nothing_changed_and_the_rerun_is_golden(pipeline, tmp_path, before, golden)


@pytest.mark.parametrize("free_kilobytes", [100, 300])
def test_full_while_a_file_is_read(disk: Path, tmp_path: Path, golden: object, free_kilobytes: int) -> None:
    """The unpacked copies need more than is free: the load stops there, whichever of them it is."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    before = canonical_rows(pipeline)
    pipeline.ingest([str(tmp_path / "deliveries" / "second.txt")], "amazon")
    (disk / "reserve").write_bytes(bytes(free_kilobytes << 10))
    fill(disk)
    (disk / "reserve").unlink()
    with pytest.raises(StorageError, match="disk is full"):
        pipeline.load()
    make_room(disk)
    check_that_nothing_changed_and_the_rerun_is_golden(pipeline, tmp_path, before, golden)


def test_full_while_a_copy_is_published(disk: Path, tmp_path: Path) -> None:
    """Readers keep the copy they had; the half copy does not keep the disk full."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    pipeline.publish(is_nightly=True)
    fill(disk)
    with pytest.raises(StorageError):
        pipeline.publish(is_nightly=True)
    make_room(disk)
    assert [path.name for path in (disk / "state" / "published").iterdir()] == ["warehouse.duckdb"]
    with pipeline.warehouse.reading() as connection:
        assert connection.execute("select count(*) from canonical.settlement_lines").fetchone() == (20,)


def test_a_run_needs_room_to_begin(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its usual demand a run on a nearly full disk does not even start, and says how much it needs."""
    pipeline = prepared(disk, tmp_path / "deliveries")
    monkeypatch.undo()
    with pytest.raises(StorageError, match=r"only \d+ MB are free.*needs at least 64 MB"):
        pipeline.load()
