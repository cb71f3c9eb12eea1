"""The raw archive: what was delivered comes back byte for byte, or was never there."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.core.archive import RawArchive


def store(archive: RawArchive, folder: Path, content: bytes) -> str:
    """Store content from a file; return its hash."""
    file = folder / "delivered"
    file.write_bytes(content)
    return archive.store("amazon", file, lambda _: None)


def stored_files(archive: RawArchive) -> list[Path]:
    """Everything under the archive's root."""
    return [path for path in archive.root.rglob("*") if path.is_file()]


@given(content=st.binary(max_size=2000))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_content_comes_back_as_it_came(tmp_path: Path, content: bytes) -> None:
    """The archive is the evidence of every number in the books; its address is the hash of what is in it."""
    archive = RawArchive(tmp_path / "raw")
    sha256 = store(archive, tmp_path, content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert b"".join(archive.read("amazon", sha256)) == content


def test_large_content_passes_by_in_blocks(tmp_path: Path) -> None:
    """A month of a large seller does not fit in memory: the observer sees bounded blocks, all of them, in order."""
    content = os.urandom(1 << 20) * 9
    file = tmp_path / "large"
    file.write_bytes(content)
    blocks: list[bytes] = []
    archive = RawArchive(tmp_path / "raw")
    sha256 = archive.store("amazon", file, blocks.append)
    assert b"".join(blocks) == content
    assert max(map(len, blocks)) <= 4 << 20
    assert b"".join(archive.read("amazon", sha256)) == content


def test_the_same_content_is_one_file(tmp_path: Path) -> None:
    """Addressed by content: a thousand copies of a file need the space of one."""
    archive = RawArchive(tmp_path / "raw")
    assert store(archive, tmp_path, b"a") == store(archive, tmp_path, b"a") != store(archive, tmp_path, b"b")
    assert len(stored_files(archive)) == 2


def test_sources_are_kept_apart(tmp_path: Path) -> None:
    """Purging what one source delivered must not take the same content of another with it."""
    archive = RawArchive(tmp_path / "raw")
    sha256 = store(archive, tmp_path, b"a")
    archive.store("other", tmp_path / "delivered", lambda _: None)
    archive.purge("other", sha256)
    assert b"".join(archive.read("amazon", sha256)) == b"a"


def test_purged_content_is_gone_and_says_so(tmp_path: Path) -> None:
    """Retention deletes for good; purging twice is no error, reading afterwards is."""
    archive = RawArchive(tmp_path / "raw")
    sha256 = store(archive, tmp_path, b"a")
    archive.purge("amazon", sha256)
    archive.purge("amazon", sha256)
    with pytest.raises(FileNotFoundError):
        list(archive.read("amazon", sha256))


def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """A full disk in the middle of a copy: half a file must not stay, not even under a temporary name, to fill it further."""
    archive = RawArchive(tmp_path / "raw")

    def fail(_block: bytes) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "delivered").write_bytes(b"a" * 1000)
    with pytest.raises(OSError, match="No space left"):
        archive.store("amazon", tmp_path / "delivered", fail)
    assert stored_files(archive) == []


def test_a_copy_that_is_killed_is_not_there(tmp_path: Path) -> None:
    """SIGKILL while copying: no file under the hash's name, and storing again works."""
    (tmp_path / "delivered").write_bytes(b"a" * 1000)
    script = (
        "import os, signal, sys; from pathlib import Path; from retail_sync.core.archive import RawArchive\n"
        "RawArchive(Path(sys.argv[1]) / 'raw').store('amazon', Path(sys.argv[1]) / 'delivered', "
        "lambda _: os.kill(os.getpid(), signal.SIGKILL))"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    archive = RawArchive(tmp_path / "raw")
    assert ended.returncode == -signal.SIGKILL
    assert [path for path in stored_files(archive) if path.suffix == ".zst"] == []

    sha256 = store(archive, tmp_path, b"a" * 1000)
    assert b"".join(archive.read("amazon", sha256)) == b"a" * 1000


def test_what_is_hashed_is_what_is_stored(tmp_path: Path) -> None:
    """Somebody writes to the file while it is taken in: hash and content still belong together."""
    archive = RawArchive(tmp_path / "raw")
    file = tmp_path / "delivered"
    file.write_bytes(b"a" * (5 << 20))

    def append(_block: bytes) -> None:
        if file.stat().st_size < 8 << 20:
            with file.open("ab") as stream:
                stream.write(b"b" * (1 << 20))

    sha256 = archive.store("amazon", file, append)
    assert hashlib.sha256(b"".join(archive.read("amazon", sha256))).hexdigest() == sha256
