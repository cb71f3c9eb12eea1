"""Files that cannot be trusted as a whole: refused in words, kept as they came, changing nothing, blocking nobody."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors import load
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests import simulator
from retail_sync_tests.conftest import BANK_SOURCE
from retail_sync_tests.connectors.loading_bench import LoadBench, canonical_rows, cells, flat_file, row, settlement

GOOD = simulator.write_v2(settlement(row("24.50"), row("-3.68", "Commission")))
OTHER = simulator.write_v2(settlement(row("9.00")))


def renamed(column: str, name: str) -> bytes:
    """The good file with one column called otherwise."""
    return GOOD.replace(f"\t{column}\t".encode(), f"\t{name}\t".encode(), 1)


def without(column: str) -> bytes:
    """The good file without one column."""
    table = cells(GOOD)
    place = table[0].index(column)
    return flat_file([[*line[:place], *line[place + 1 :]] for line in table])


def with_column(name: str) -> bytes:
    """The good file with one column more."""
    first, *rest = cells(GOOD)
    return flat_file([[*first, name], *([*line, "7"] for line in rest)])


def damaged_crc() -> bytes:
    """A gzip file whose checksum does not fit; DuckDB's own reader would load it (faults.md 0.3)."""
    packed = bytearray(gzip.compress(GOOD))
    packed[-8] ^= 0xFF
    return bytes(packed)


REFUSED: dict[str, tuple[bytes, tuple[str, ...]]] = {  # case: content, words of the message
    "html": (b"<!DOCTYPE html>\n<html><p>Please sign in</p></html>\n", ("web page",)),
    "html_in_text": (b"\xef\xbb\xbf\n  <html>\n", ("web page",)),
    "json": (b'{"errors": [{"code": "QuotaExceeded"}]}', ("JSON",)),
    "utf16": (GOOD.decode().encode("utf-16"), ("UTF-16",)),
    "nul": (GOOD[:600] + b"\x00" + GOOD[600:], ("binary",)),
    "nul_far_down": (GOOD + b"x" * 5000 + b"\x00\n", ("line 5", "U+0000")),
    "replacement_character": (GOOD.replace(b"FW-MUG", b"FW-\xef\xbf\xbdUG", 1), ("line 3", "U+FFFD")),
    "no_encoding_fits": (GOOD.replace(b"FW-MUG", b"FW-\x81UG", 1), ("cp1252",)),
    "bad_crc": (damaged_crc(), ("gzip", "damaged")),
    "gzip_cut": (gzip.compress(GOOD)[:-20], ("gzip", "cut off")),
    "gzip_and_more": (gzip.compress(GOOD) + b"trailer", ("followed by other data",)),
    "gzip_bomb": (gzip.compress(bytes(5 << 20)), ("more than 2 MB",)),
    "renamed_column": (renamed("amount-description", "amount-descriptions"), ("amount-description is missing", "renamed to")),
    "removed_column": (without("posted-date-time"), ("posted-date-time is missing",)),
    "extra_column": (with_column("fx-rate"), ("unknown column fx-rate",)),
    "column_twice": (with_column("amount"), ("amount stands twice",)),
    "empty": (b"", ("empty",)),
    "blank": (b"\n\n", ("not a settlement report",)),
    "header_only": (GOOD[: GOOD.index(b"\n") + 1], ("no data",)),
    "two_settlements": (GOOD + OTHER[OTHER.index(b"\n") + 1 :], ("more than one settlement",)),
    "total_stated_twice": (GOOD + GOOD[GOOD.index(b"\n") + 1 :], ("more than one settlement",)),
    "bank_statement": (b"Date,Account,Amount,Currency,Description\n2026-09-14,A,1.00,EUR,x\n", ("not a settlement report",)),
    "mixed_marks": (GOOD.replace(b"-3.68", b"-3,68"), ("decimal point", "decimal comma")),
    "endless_line": (GOOD + b"y" * (2 << 20) + b"\n", ("MB",)),
}  # fmt: skip


@dataclass(frozen=True)
class Refusals:
    """A home with one good settlement, to which all the bad files came at once."""

    pipeline: Pipeline
    reasons: dict[str, str]
    before: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    """Deliver every bad file in one go; files may unpack to 2 MB."""
    root = tmp_path_factory.mktemp("home")
    (root / "retail_sync.toml").write_text(f"[raw]\nmax_unpacked_mb = 2\n{BANK_SOURCE}", encoding="utf-8")
    pipeline = Pipeline(Home(root), "test")
    deliver(pipeline, {"good.txt": simulator.write_v2(settlement(row("5.00")))})
    before = canonical_rows(pipeline)
    return Refusals(pipeline, deliver(pipeline, {f"{case}.txt": REFUSED[case][0] for case in REFUSED}), before)


def deliver(pipeline: Pipeline, contents: dict[str, bytes]) -> dict[str, str]:
    """Take files in under these names and load; return the reason for each that was refused."""
    for name, content in contents.items():
        (pipeline.home.root / name).write_bytes(content)
    pipeline.ingest([str(pipeline.home.root / name) for name in contents], "amazon")
    return dict(pipeline.load().refused)


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_and_reported(refusals: Refusals, case: str) -> None:
    """An error nobody sees is money nobody accounts for: the message names the file and says what is wrong with it."""
    reason = refusals.reasons[f"{case}.txt"]
    (problem,) = [found for found in refusals.pipeline.exceptions.open() if found.subject == f"amazon/{case}.txt"]
    assert all(word in reason for word in REFUSED[case][1]), reason
    assert problem.code == "delivery_refused"
    assert f"{case}.txt" in problem.message
    assert reason in problem.message
    assert problem.remedy


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_kept_as_it_came(refusals: Refusals, case: str) -> None:
    """The delivered bytes are the evidence: they are in the raw archive, byte for byte."""
    (delivery,) = [known for known in refusals.pipeline.registry.all() if known.name == f"{case}.txt"]
    assert b"".join(refusals.pipeline.archive.read(delivery.source, delivery.sha256)) == REFUSED[case][0]


def test_bad_files_change_nothing_and_block_nobody(refusals: Refusals) -> None:
    """After two dozen bad files the tables are what they were; right files under the same names load, and close theirs."""
    assert len(refusals.pipeline.exceptions.open()) == len(refusals.reasons) == len(REFUSED)
    assert canonical_rows(refusals.pipeline) == refusals.before

    right = {f"{case}.txt": simulator.write_v2(settlement(row("5.00"))) for case in list(REFUSED)[::6]}
    assert deliver(refusals.pipeline, right) == {}
    assert len(canonical_rows(refusals.pipeline)["settlements"]) == len(right) + 1
    still_open = {problem.subject for problem in refusals.pipeline.exceptions.open()}
    assert still_open == {f"amazon/{case}.txt" for case in REFUSED} - {f"amazon/{name}" for name in right}


def test_two_sources_may_refuse_files_of_one_name(make_home: Callable[..., Home]) -> None:
    """Each is somebody's missing money: the one must not hide behind the other, nor close with it."""
    sources = "".join(f'[[source]]\nname = "{name}"\nconnector = "amazon_settlement"\n' for name in ("us", "de"))
    pipeline = Pipeline(make_home(settings=sources), "test")
    file = pipeline.home.root / "settlement.txt"
    for source, content in (("us", b"<html>us</html>"), ("de", b"<html>de</html>")):
        file.write_bytes(content)
        pipeline.ingest([str(file)], source)
    pipeline.load()
    assert {found.subject for found in pipeline.exceptions.open()} == {"us/settlement.txt", "de/settlement.txt"}
    file.write_bytes(GOOD)
    pipeline.ingest([str(file)], "us")
    pipeline.load()
    (left,) = pipeline.exceptions.open()
    assert left.subject == "de/settlement.txt"
    assert "a later file called settlement.txt: retail-sync ingest --source de settlement.txt" in left.remedy
    assert f"retail-sync exceptions resolve {left.exception_id} --by WHO --reason WHY" in left.remedy


def test_an_extra_column_can_be_allowed(make_home: Callable[..., Home]) -> None:
    """The remedy of the refusal is a setting: with it the same file loads."""
    settings = '[[source]]\nname = "amazon"\nconnector = "amazon_settlement"\nextra_columns = ["fx-rate"]\n'
    pipeline = Pipeline(make_home(settings=settings), "test")
    assert deliver(pipeline, {"extra.txt": with_column("fx-rate")}) == {}
    assert len(canonical_rows(pipeline)["settlement_lines"]) == 2


@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_a_gzip_file_cut_anywhere_is_refused(bench: LoadBench, percent: int) -> None:
    """A compressed file cut anywhere still unpacks to some rows; none of them may be taken (faults.md, 23)."""
    packed = gzip.compress(simulator.write_v2(simulator.random_settlement(7, 200)))
    document = bench.deliver(packed[: len(packed) * percent // 100])
    assert (document.status, document.accepted_count) == ("refused", 0)
    assert "cut off" in document.reason


def test_a_whole_gzip_file_is_read(pipeline: Pipeline) -> None:
    """What is refused above is the damage, not the compression."""
    assert deliver(pipeline, {"whole.txt.gz": gzip.compress(GOOD)}) == {}
    assert len(canonical_rows(pipeline)["settlement_lines"]) == 2


def test_taking_in_a_gzip_bomb_needs_little_memory(pipeline: Pipeline) -> None:
    """97 kB may unpack to 100 MB (faults.md, 57): taking a file in must not unpack it into memory."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(8 << 20)) for _ in range(12)) + packer.flush()
    file = pipeline.home.root / "bomb.txt.gz"
    file.write_bytes(bomb)
    tracemalloc.start()
    try:
        pipeline.ingest([str(file)], "amazon")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < 1 << 20
    assert peak < 64 << 20


@pytest.mark.parametrize("kind", ["folder", "missing", "under_a_file", "circular_link", "pipe"])
def test_a_path_that_is_no_file_is_an_error_in_words(pipeline: Pipeline, kind: str) -> None:
    """`ingest` is typed by people: a wrong path must say so, leave nothing behind, and never wait for ever."""
    root = pipeline.home.root
    (root / "file").write_bytes(b"")
    path = {"under_a_file": root / "file" / "x"}.get(kind, root / kind)
    if kind == "folder":
        path.mkdir()
    elif kind == "circular_link":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(RetailSyncError, match="cannot be taken in") as caught:
        pipeline.ingest([str(path)], "amazon")
    assert str(path) in caught.value.message
    assert not pipeline.registry.all()
    assert not _files(pipeline.home.state / "raw")


def test_files_beside_a_wrong_path_are_kept(pipeline: Pipeline) -> None:
    """`ingest a.txt wrong b.txt` stops at the wrong path; what was taken in before it stays and loads."""
    good = pipeline.home.root / "a.txt"
    good.write_bytes(GOOD)
    with pytest.raises(RetailSyncError, match="wrong"):
        pipeline.ingest([str(good), str(good.with_name("wrong"))], "amazon")
    assert pipeline.load().accepted_count == 3


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_refused_file_is_read_again_only_when_that_could_help(
    make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year of refused files must not be unpacked every hour; a corrected setting or a newer reader looks again."""
    looked: list[str] = []
    read = RawArchive.read
    monkeypatch.setattr(RawArchive, "read", lambda self, *which: looked.append(which[1]) or read(self, *which))
    block = '[[source]]\nname = "amazon"\nconnector = "amazon_settlement"\n'
    home = make_home(settings=block)
    pipeline = Pipeline(home, "test")
    assert deliver(pipeline, {"extra.txt": with_column("fx-rate")})
    assert len(looked) == 1
    pipeline.load()
    assert len(looked) == 1
    monkeypatch.setattr(load, "__version__", "the next one")
    pipeline.load()
    pipeline.load()
    assert len(looked) == 2
    (home.root / "retail_sync.toml").write_text(f'{block}extra_columns = ["fx-rate"]\n', encoding="utf-8")
    assert Pipeline(Home(home.root), "test").load().loaded == 1
    assert len(looked) == 3
    assert pipeline.exceptions.open() == []
