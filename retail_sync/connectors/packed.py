"""Zip archives as they are delivered: each file in one is a delivery of its own, or the archive as a whole is refused in words.

Only plain archives are taken apart, and nothing of one that looks like more than that: the limits stand before anything is
unpacked, and what is unpacked is counted again, because an archive may lie about it (reference/faults.md 57). Hidden files and
what macOS adds are left out, as in the inbox.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from retail_sync.core.errors import DeliveryRefused

ZIP_MAGIC = b"PK\x03\x04"
_MEMBERS_MAX = 1000
_NAME_BYTES_MAX = 200
# The list of a thousand files with long names.
_DIRECTORY_BYTES_MAX = 1 << 20
# Deflate reaches a thousandfold; text of real systems a tenth of this limit. Small archives may.
_RATIO_MAX = 200
_RATIO_FREE_BYTES = 16 << 20
_BLOCK = 1 << 20
_END, _END_BYTES, _COMMENT_MAX, _ZIP64 = b"PK\x05\x06", 22, 65_535, b"PK\x06\x07"
_AGAIN = "deliver the files themselves, or a plain zip archive of them; this copy stays in the raw archive"


def is_archive(path: Path) -> bool:
    """Whether a file is to be taken apart: it is called .zip and begins as one, as a workbook (.xlsx) does too."""
    if path.suffix.lower() != ".zip":
        return False
    with path.open("rb") as file:
        return file.read(4) == ZIP_MAGIC


def refusal(path: Path, bytes_max: int) -> DeliveryRefused:
    """Say why an archive was not taken apart, when it is read as a delivery after all."""
    folder = path.with_suffix(".unpacked")
    try:
        folder.mkdir()
        take_apart(path, folder, bytes_max)
    except DeliveryRefused as refused:
        return refused
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return DeliveryRefused(
        "this is a zip archive or an Excel workbook, not text",
        "export it as text; an archive is taken apart if called .zip",
    )


def take_apart(path: Path, folder: Path, bytes_max: int) -> list[Path]:
    """Unpack the files of an archive into `folder`, flat, in the archive's order. Raises DeliveryRefused for all or nothing."""
    members = _examine(path, bytes_max)
    unpacked = []
    left = bytes_max
    with zipfile.ZipFile(path) as archive:
        for member in members:
            target = folder / PurePosixPath(member.filename).name
            left -= _unpack(archive, member, target, left)
            unpacked.append(target)
    return unpacked


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, bytes_max: int) -> int:
    size = 0
    try:
        with archive.open(member) as packed, target.open("xb") as file:
            while block := packed.read(_BLOCK):
                if not size and block.startswith(ZIP_MAGIC):
                    raise DeliveryRefused(f"the archive holds another archive, {target.name}", _AGAIN)
                size += len(block)
                if size > bytes_max:
                    raise _too_large(bytes_max)
                file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DeliveryRefused(f"{target.name} in the archive is damaged ({error})", _AGAIN) from error
    return size


def _examine(path: Path, bytes_max: int) -> Sequence[zipfile.ZipInfo]:
    """Return the files of an archive. Raises DeliveryRefused for one that is not plain."""
    _refuse_large_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise DeliveryRefused(f"the zip archive is damaged or cut off ({error})", _AGAIN) from error
    if len(entries) > _MEMBERS_MAX:
        raise DeliveryRefused(f"the archive holds more than {_MEMBERS_MAX} files", _AGAIN)
    files = [entry for entry in entries if not entry.is_dir()]
    for entry in files:
        if complaint := _complaint(entry):
            shown = ascii(entry.orig_filename)[:80]
            raise DeliveryRefused(f"the archive is not taken apart: {shown} {complaint}", _AGAIN)
    members = [entry for entry in files if not _is_left_out(entry)]
    names = [PurePosixPath(entry.filename).name for entry in members]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeliveryRefused(f"the archive holds {twice[0]!r} twice", _AGAIN)
    if not members:
        raise DeliveryRefused("the archive holds no file", _AGAIN)
    size, packed = sum(e.file_size for e in members), sum(e.compress_size for e in members)
    if size > bytes_max:
        raise _too_large(bytes_max)
    if size > max(_RATIO_FREE_BYTES, _RATIO_MAX * packed):
        raise DeliveryRefused(
            f"the archive unpacks to more than {_RATIO_MAX} times its size, as no report does ({size >> 20} MB)", _AGAIN
        )
    return members


def _refuse_large_directory(path: Path) -> None:
    """Look at the end of the file, before Python reads the whole list of what is in it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES - _COMMENT_MAX - len(_ZIP64) - 16))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise DeliveryRefused("the zip archive is damaged or cut off: its list of files is missing", _AGAIN)
    if int.from_bytes(tail[at + 12 : at + 16], "little") > _DIRECTORY_BYTES_MAX or _ZIP64 in tail[max(0, at - 20) : at]:
        raise DeliveryRefused(
            f"the archive holds more than {_MEMBERS_MAX} files, or is of the kind for very many", _AGAIN
        )


def _is_left_out(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".")


def _complaint(entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename  # as it stands there: Python has cut `filename` at a zero byte
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name[:2] or not name.isprintable():
        return "would be written elsewhere, or has a name that is none"
    if len(parts[-1].encode("utf-8", "replace")) > _NAME_BYTES_MAX:
        return "has a name that is too long"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not usual"
    return ""


def _too_large(bytes_max: int) -> DeliveryRefused:
    return DeliveryRefused(
        f"the archive unpacks to more than {bytes_max >> 20} MB",
        "split it, or raise raw.max_unpacked_mb in retail_sync.toml if its size is right",
    )
