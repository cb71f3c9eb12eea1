"""Files are fetched whole, once, and only what is one: whatever lies in the folder and whenever a run is killed."""

from __future__ import annotations

import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors import drops
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home, Source
from retail_sync_tests.connectors.dropped import DropBench
from retail_sync_tests.e2e import processes

Make = Callable[..., DropBench]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the sender puts files."""
    path = tmp_path / "there"
    path.mkdir()
    return path


@pytest.fixture
def make(tmp_path: Path, folder: Path) -> Make:
    """Make a bench whose source `bank` fetches from the folder."""

    def bench(max_unpacked_mb: int = 4096, **settings: Any) -> DropBench:
        source = Source(name="bank", connector="mt940", drop=f"file://{folder}", **settings)
        return DropBench(tmp_path / "home", source, max_unpacked_mb=max_unpacked_mb)

    return bench


def put(path: Path, content: bytes = b"x\n", modified: float = 1_760_000_000) -> Path:
    """Write a file that has been there for a while."""
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


def test_new_files_are_delivered_oldest_first_and_once(make: Make, folder: Path) -> None:
    """The newest copy of a document is that of the newest file. Nothing is changed in the folder."""
    put(folder / "b.sta", b"older\n", 1_760_000_000)
    put(folder / "a.sta", b"newer\n", 1_760_000_100)
    bench = make()
    assert bench.problems() == bench.problems() == []
    assert bench.delivered() == [("b.sta", b"older\n"), ("a.sta", b"newer\n")]
    assert sorted(path.name for path in folder.iterdir()) == ["a.sta", "b.sta"]
    put(folder / "a.sta", b"corrected\n", 1_760_000_200)
    bench.fetch()
    assert bench.delivered()[2:] == [("a.sta", b"corrected\n")]


def test_the_same_file_under_another_name_is_no_new_delivery(make: Make, folder: Path) -> None:
    """It is known by its content."""
    bench = make()
    put(folder / "september.sta")
    bench.fetch()
    put(folder / "copy of september.sta")
    (dropped,) = bench.fetch()
    assert [item.is_new for item in dropped.received] == [False]
    assert len(bench.delivered()) == 1


def test_only_what_the_pattern_names(make: Make, folder: Path) -> None:
    """Hidden files and folders never."""
    for name in ("a.sta", "a.txt", ".b.sta"):
        put(folder / name)
    (folder / "archive.sta").mkdir()
    bench = make(drop_pattern="*.sta")
    assert bench.problems() == []
    assert [name for name, _ in bench.delivered()] == ["a.sta"]


def test_a_file_that_is_still_written_waits(make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too young, grown between two looks, or grown while it was read: the next run takes it whole."""
    bench = make()
    file = put(folder / "a.sta", b"half", bench.clock.now - 5)
    assert bench.problems() == []
    assert bench.clock.slept == []  # nothing is old enough to look at twice

    put(file, b"half", bench.clock.now - 3600)

    def growing(seconds: float) -> None:
        put(file, file.read_bytes() + b" and more", bench.clock.now - 3600)
        bench.clock.now += seconds

    monkeypatch.setattr(bench.clock, "sleep", growing)
    assert bench.problems() == []
    monkeypatch.undo()

    save = drops.Place.save

    def grows(self: Any, entry: Any, target: Path, bytes_max: int) -> int:
        size = save(self, entry, target, bytes_max)
        put(file, file.read_bytes() + b".", bench.clock.now - 1800)
        return size

    monkeypatch.setattr(drops.Place, "save", grows)
    (told,) = bench.problems()
    assert "changed while it was read" in told
    monkeypatch.undo()
    assert bench.delivered() == []

    assert bench.problems() == []
    assert bench.delivered() == [("a.sta", b"half and more.")]


def test_a_marker_says_when_a_file_is_whole(make: Make, folder: Path) -> None:
    """Its age does not matter then; the marker itself is no delivery."""
    bench = make(drop_settled="marker")
    put(folder / "a.sta", modified=bench.clock.now)
    put(folder / "b.sta", b"b\n", bench.clock.now)
    put(folder / "b.sta.done", b"")
    assert bench.problems() == []
    assert [name for name, _ in bench.delivered()] == ["b.sta"]
    put(folder / "a.sta.done", b"")
    bench.fetch()
    assert [name for name, _ in bench.delivered()] == ["b.sta", "a.sta"]


def test_what_is_no_plain_file_is_told_and_not_followed(make: Make, folder: Path, tmp_path: Path) -> None:
    """Links, pipes, names that no system agrees on, and what is too large; the others come."""
    secret = put(tmp_path / "secret")
    (folder / "link.sta").symlink_to(secret)
    os.mkfifo(folder / "pipe.sta")
    for name in (b"not \xff utf-8", b"line\nbreak", b"back\\slash", b"x" * 220):
        put(Path(os.fsdecode(os.fsencode(folder) + b"/" + name)))
    (folder / "large.sta").write_bytes(b"x" * (2 << 20))
    put(folder / "good [1].sta")
    bench = make(max_unpacked_mb=1)
    told = "\n".join(bench.problems())
    for words in ("link.sta is no file", "pipe.sta is no file", "not UTF-8", "line\\nbreak has", "slash has a name", "xxx has a",
                  "large.sta is larger"):  # fmt: skip
        assert words in told, told
    assert [name for name, _ in bench.delivered()] == ["good [1].sta"]


def fetch_in_a_process(root: Path, folder: Path, failpoint: str) -> None:
    """Fetch from the folder into the home at `root`, and die at the failpoint."""
    os.environ["RETAIL_SYNC_FAILPOINT"] = failpoint
    DropBench(root, Source(name="bank", connector="mt940", drop=f"file://{folder}")).fetch()


@pytest.mark.long
@pytest.mark.parametrize("failpoint", ["drop.after_fetch", "raw.after_archive", "raw.after_register"])
def test_killed_while_fetching(make: Make, folder: Path, failpoint: str) -> None:
    """Whatever was done before, the next run ends with one delivery, and nothing is left over."""
    put(folder / "a.sta")
    bench = make()
    assert processes.run(fetch_in_a_process, bench.home.root, folder, failpoint) == -signal.SIGKILL
    assert bench.problems() == bench.problems() == []
    assert bench.delivered() == [("a.sta", b"x\n")]
    assert not (bench.home.state / "drop").exists()


def test_a_folder_that_cannot_be_had_stops_no_other(tmp_path: Path, folder: Path) -> None:
    """A person is told which, and what to do; so is one who gives a folder to a system that is asked over HTTP."""
    put(folder / "a.sta")
    bench = DropBench(
        tmp_path / "home",
        Source(name="gone", connector="mt940", drop=f"file://{tmp_path}/nowhere"),
        Source(name="rates", connector="ecb", drop=f"file://{folder}"),
        Source(name="bank", connector="mt940", drop=f"file://{folder}"),
    )
    gone, rates = bench.problems()
    assert "source gone could not be fetched: there is no folder file://" in gone
    assert "asks a system and reads no files" in rates
    assert [name for name, _ in bench.delivered()] == ["a.sta"]


def test_a_run_fetches_and_an_exception_closes_by_itself(folder: Path, tmp_path: Path) -> None:
    """Through the pipeline, with its locks."""
    (tmp_path / "home").mkdir()
    block = f'[[source]]\nname = "bank"\nconnector = "mt940"\ndrop = "file://{folder}"\n'
    (tmp_path / "home" / "retail_sync.toml").write_text(block)
    pipeline = Pipeline(Home(tmp_path / "home"), "test")
    folder.rename(tmp_path / "moved")
    pipeline.fetch_drops()
    assert [problem.code for problem in pipeline.exceptions.open()] == ["drop_failed"]
    (tmp_path / "moved").rename(folder)
    assert pipeline.fetch_drops()[0].problems == []
    assert pipeline.exceptions.open() == []


def archive(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, method)
    return put(path, path.read_bytes())


def test_the_files_of_an_archive_are_deliveries_of_their_own(make: Make, folder: Path) -> None:
    """In folders or not; what macOS adds is left out."""
    archive(
        folder / "a.zip", ("2026/b.sta", b"b\n"), ("a.sta", b"a\n"), ("__MACOSX/._a.sta", b"?"), (".DS_Store", b"?")
    )
    bench = make()
    assert bench.problems() == []
    assert bench.delivered() == [("b.sta", b"b\n"), ("a.sta", b"a\n")]


def test_an_archive_of_the_inbox_is_taken_apart_too(make_home: Callable[..., Home]) -> None:
    """By the same code; a second scan finds nothing new."""
    home = make_home(settings='[[source]]\nname = "bank"\nconnector = "mt940"\n')
    pipeline = Pipeline(home, "test")
    (home.inbox / "bank").mkdir(parents=True)
    archive(home.inbox / "bank" / "a.zip", ("a.sta", b"a\n"), ("b.sta", b"b\n"))
    assert [(item.path.name, item.is_new) for item in pipeline.receive_inbox()] == [("a.sta", True), ("b.sta", True)]
    assert pipeline.receive_inbox() == []


def _nested(path: Path) -> None:
    inner = archive(path.with_name("inner"), ("a.sta", b"a"))
    content = inner.read_bytes()
    inner.unlink()
    archive(path, ("inner.zip", content))


def _twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(path, ("a.sta", b"a"), ("a.sta", b"b"))


def _cut(path: Path) -> None:
    archive(path, ("a.sta", b"a" * 1000))
    put(path, path.read_bytes()[:-30])


def _damaged(path: Path) -> None:
    archive(path, ("a.sta", b"good content"), method=zipfile.ZIP_STORED)
    put(path, path.read_bytes().replace(b"good", b"evil"))


def _link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("a.sta")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    put(path, path.read_bytes())


def _lying(path: Path) -> None:
    """An entry that says it has one byte and has a million."""
    archive(path, ("a.sta", b"\0" * (1 << 20)))
    put(path, path.read_bytes().replace((1 << 20).to_bytes(4, "little"), (1).to_bytes(4, "little")))


BOMBS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bomb": (lambda path: archive(path, ("a.sta", b"\0" * (40 << 20))), "200 times its size"),
    "too large in sum": (lambda path: archive(path, *((f"{n}.sta", os.urandom(30 << 20)) for n in range(2)),
                                              method=zipfile.ZIP_STORED), "more than 50 MB"),
    "an archive in an archive": (_nested, "holds another archive"),
    "a name twice": (_twice, "'a.sta' twice"),
    "a name twice in two folders": (lambda path: archive(path, ("x/a.sta", b"a"), ("y/a.sta", b"b")), "'a.sta' twice"),
    "out of the folder": (lambda path: archive(path, ("../../a.sta", b"a")), "would be written elsewhere"),
    "an absolute path": (lambda path: archive(path, ("/etc/a.sta", b"a")), "would be written elsewhere"),
    "a path of Windows": (lambda path: archive(path, ("..\\a.sta", b"a")), "would be written elsewhere"),
    "a link": (_link, "is a link"),
    "too many files": (lambda path: archive(path, *((f"{n}.sta", b"") for n in range(1001))), "more than 1000 files"),
    "packed in another way": (lambda path: archive(path, ("a.sta", b"a"), method=zipfile.ZIP_LZMA), "not usual"),
    "cut off": (_cut, "damaged or cut off"),
    "one byte changed": (_damaged, "is damaged"),
    "an entry that lies about its size": (_lying, "is damaged"),
    "nothing in it": (lambda path: archive(path, (".hidden", b"")), "holds no file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BOMBS)
def test_an_archive_that_is_more_than_one_is_refused_as_a_whole(make_home: Callable[..., Home], case: str) -> None:
    """It is kept as it came, nothing of it is delivered, and its refusal says why."""
    build, words = BOMBS[case]
    home = make_home(settings='[raw]\nmax_unpacked_mb = 50\n[[source]]\nname = "bank"\nconnector = "mt940"\n')
    build(home.root / "a.zip")
    pipeline = Pipeline(home, "test")
    (received,) = pipeline.ingest([str(home.root / "a.zip")], "bank")
    assert received.path.name == "a.zip"
    ((_, reason),) = pipeline.load().refused
    assert words in reason
    assert list((home.state / "scratch").iterdir() if (home.state / "scratch").is_dir() else []) == []
