"""Files fetched over the real protocols: SFTP from paramiko's server, S3 from moto's, both on the loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retail_sync.reports.doctor import examine
from retail_sync.settings import Source
from retail_sync_tests.connectors.dropped import DropBench

paramiko = pytest.importorskip("paramiko", reason="the extra sftp is not installed")
from retail_sync_tests.fakes.sftp import PASSWORD, USER, SftpServer  # noqa: E402 - needs paramiko

CONTENT = b"line\n" * 300_000  # more than one block, more than one packet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the server shows; files are an hour old."""
    path = tmp_path / "served" / "out"
    path.mkdir(parents=True)
    put(path / "a.sta", b"a\n")
    put(path / "large.sta", CONTENT)
    return path


def put(path: Path, content: bytes, modified: float = 1_760_000_000) -> None:
    """Write a file as it was a year ago."""
    path.write_bytes(content)
    os.utime(path, (modified, modified))


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SftpServer]:
    """A server over the folder; no known host and no key of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("RETAIL_SYNC_BANK_PASSWORD", PASSWORD)
    made = SftpServer(folder.parent)
    yield made
    made.close()


def over_sftp(server: SftpServer, tmp_path: Path, **settings: Any) -> DropBench:
    """A home that fetches from the server; it knows the server's key unless told otherwise."""
    given = {"drop_host_key": server.fingerprint, "drop": f"sftp://{USER}@127.0.0.1:{server.port}/out", **settings}
    return DropBench(tmp_path / "home", Source(name="bank", connector="mt940", **given))


def test_sftp_brings_files_whole_and_once(server: SftpServer, folder: Path, tmp_path: Path) -> None:
    """In the order of their time. The server is asked for reading only."""
    bench = over_sftp(server, tmp_path)
    assert bench.problems() == bench.problems() == []
    assert bench.delivered() == [("a.sta", b"a\n"), ("large.sta", CONTENT)]
    put(folder / "b.sta", b"b\n")
    assert bench.problems() == []
    assert [name for name, _ in bench.delivered()] == ["a.sta", "large.sta", "b.sta"]
    assert server.asked == ["open /out/a.sta 0", "open /out/large.sta 0", "open /out/b.sta 0"]
    assert not any(PASSWORD in text for text in bench.said)


def test_sftp_odd_names(server: SftpServer, folder: Path, tmp_path: Path) -> None:
    """What is no plain file is told; a folder and a link are not followed."""
    (folder / "link.sta").symlink_to("/etc/passwd")
    (folder / "sub").mkdir()
    put(folder / "line\nbreak.sta", b"x")
    told = over_sftp(server, tmp_path).problems()
    assert len(told) == 2
    assert {"link.sta is no file" in text or "has a name that is none" in text for text in told} == {True}


def test_sftp_believes_no_server_because_it_answers(server: SftpServer, tmp_path: Path) -> None:
    """Unknown, or another one than the settings say: the key is named, so that it can be compared; nothing was sent."""
    for given, words in (("", "neither in ~/.ssh/known_hosts"), ("SHA256:" + "A" * 43, "not drop_host_key")):
        (told,) = over_sftp(server, tmp_path, drop_host_key=given).problems()
        assert server.fingerprint in told
        assert words in told
    assert server.asked == []


def test_sftp_takes_the_key_of_known_hosts(server: SftpServer, tmp_path: Path) -> None:
    """As ssh does."""
    known = tmp_path / "nobody" / ".ssh" / "known_hosts"
    known.parent.mkdir(parents=True)
    known.write_text(f"[127.0.0.1]:{server.port} ssh-rsa {server.host_key.get_base64()}\n")
    assert over_sftp(server, tmp_path, drop_host_key="").problems() == []
    known.write_text(f"[127.0.0.1]:{server.port} ssh-rsa {paramiko.RSAKey.generate(2048).get_base64()}\n")
    (told,) = over_sftp(server, tmp_path, drop_host_key="").problems()
    assert "does not match" in told


def test_sftp_with_a_key_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a password."""
    key = paramiko.RSAKey.generate(2048)
    key.write_private_key_file(str(tmp_path / "key"), password=PASSWORD)
    monkeypatch.setenv("RETAIL_SYNC_BANK_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("RETAIL_SYNC_BANK_KEY_PASSPHRASE", PASSWORD)
    server = SftpServer(folder.parent, key)
    assert over_sftp(server, tmp_path).problems() == []
    server.close()


def test_sftp_without_or_with_a_wrong_secret(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked at a prompt: it is told which variable is missing, or that the server refuses."""
    monkeypatch.setenv("RETAIL_SYNC_BANK_PASSWORD", "wrong")
    (told,) = over_sftp(server, tmp_path).problems()
    assert "Authentication failed" in told
    monkeypatch.delenv("RETAIL_SYNC_BANK_PASSWORD")
    (told,) = over_sftp(server, tmp_path).problems()
    assert "RETAIL_SYNC_BANK_PASSWORD is not set" in told


def test_sftp_that_is_not_there(server: SftpServer, tmp_path: Path) -> None:
    """No server, or no such folder."""
    (told,) = over_sftp(server, tmp_path, drop=f"sftp://{USER}@127.0.0.1:{server.port}/elsewhere").problems()
    assert "there is no folder sftp://" in told
    server.close()
    (told,) = over_sftp(server, tmp_path).problems()
    assert "cannot reach sftp://" in told


def test_doctor_lists_the_folder_once(server: SftpServer, tmp_path: Path) -> None:
    """And says what is wrong where that fails."""
    bench = over_sftp(server, tmp_path)
    found = {item.what: item for item in examine(bench.home)}
    assert found["source bank"].is_fine
    assert "2 files in sftp://" in found["source bank"].found
    server.close()
    assert not {item.what: item for item in examine(bench.home)}["source bank"].is_fine


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3 server of moto."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(
        "127.0.0.1", 0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.long
def test_s3_brings_files_whole_and_once(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the prefix, not of what lies under it; a key that is written anew is fetched anew."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    monkeypatch.setenv("RETAIL_SYNC_BANK_ACCESS_KEY", "key")
    monkeypatch.setenv("RETAIL_SYNC_BANK_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")  # of the one who puts files there
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=storage, region_name="us-east-1")
    client.create_bucket(Bucket="drops")
    for key, content in {
        "out/a.sta": b"a\n", "out/large.sta": CONTENT, "out/sub/b.sta": b"b\n", "other/c.sta": b"c\n", "out/": b"",
        "out/../d.sta": b"d\n", "out/back\\slash.sta": b"e\n",
    }.items():  # fmt: skip
        client.put_object(Bucket="drops", Key=key, Body=content)
    bench = DropBench(
        tmp_path / "home", Source(name="bank", connector="mt940", drop="s3://drops/out", drop_endpoint=storage)
    )
    bench.clock.now += 10**9  # the objects are old enough then
    (told,) = bench.problems()
    assert bench.problems() == [told]
    assert "slash.sta has a name" in told
    assert dict(bench.delivered()) == {"a.sta": b"a\n", "large.sta": CONTENT}
    client.put_object(Bucket="drops", Key="out/a.sta", Body=b"again\n")
    bench.fetch()
    assert bench.delivered()[2:] == [("a.sta", b"again\n")]
    gone = DropBench(
        tmp_path / "gone", Source(name="bank", connector="mt940", drop="s3://nowhere/out", drop_endpoint=storage)
    )
    assert "there is no folder s3://nowhere/out" in gone.problems()[0]
