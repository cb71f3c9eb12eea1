"""A delivered file made readable: unpacked, decoded strictly, line ends made one, written where SQL may read it.

Nothing here knows a vendor's format. What cannot be decoded without guessing is refused with the place and the reason.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retail_sync.connectors.packed import ZIP_MAGIC, refusal
from retail_sync.core.errors import DeliveryRefused

_GZIP_MAGIC = b"\x1f\x8b"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_PLAIN_TEXT = bytes(range(0x20, 0x7F)) + b"\t\n"
_BLOCK = 4 << 20
_SNIFF_BYTES = 4096
_EXPORT_AGAIN = "download or export the file again and deliver it; this copy stays in the raw archive"


@dataclass(frozen=True, slots=True)
class TextDocument:
    """A normalised copy (UTF-8, LF, no byte order mark) of a delivered text file. `is_terminated`: its last line is ended."""

    path: Path
    encoding: str
    header: str
    line_count: int
    is_terminated: bool


def open_text(blocks: Iterable[bytes], target: Path, *, encoding: str, japanese: bytes, max_bytes: int) -> TextDocument:
    """Write the normalised copy to `target` and describe it.

    `encoding` is a codec to insist on, or `auto`: strict UTF-8, else cp932 when the marker `japanese` occurs, else cp1252
    (reference/marketplaces.md 1.4). Raises DeliveryRefused.
    """
    plain = target.with_suffix(".bytes")
    try:
        sniff, is_plain = unpack(blocks, plain, max_bytes)
        _refuse_what_is_no_table(sniff, is_encoding_declared=encoding != "auto")
        if is_plain and encoding in ("auto", "utf-8"):
            return _as_it_is(plain, target)
        chosen = encoding if encoding != "auto" else _detect(plain, japanese)
        header, count, is_terminated = _normalise(plain, target, chosen)
    finally:
        plain.unlink(missing_ok=True)
    return TextDocument(target, chosen, header, count, is_terminated)


def unpack(blocks: Iterable[bytes], target: Path, max_bytes: int) -> tuple[bytes, bool]:
    """Write the unpacked bytes; return the first of them, and whether all are ASCII text with LF line ends.

    Gzip is read to its end, so its checksum is checked. Raises DeliveryRefused for what is damaged, empty or too large.
    """
    size, sniff, is_plain = 0, b"", True
    with target.open("wb") as stream:
        for block in _gunzipped(blocks):
            size += len(block)
            if size > max_bytes:
                raise DeliveryRefused(
                    f"the file unpacks to more than {max_bytes >> 20} MB",
                    "split it, or raise raw.max_unpacked_mb in retail_sync.toml if its size is right",
                )
            if len(sniff) < _SNIFF_BYTES:
                sniff += block[: _SNIFF_BYTES - len(sniff)]
            is_plain = is_plain and not block.translate(None, _PLAIN_TEXT)
            stream.write(block)
    if not size:
        raise DeliveryRefused("the file is empty", _EXPORT_AGAIN)
    if sniff.startswith(ZIP_MAGIC):
        raise refusal(target, max_bytes)
    return sniff, is_plain


def _as_it_is(plain: Path, target: Path) -> TextDocument:
    """Take a file that is its own normalised copy, at the speed of the disk."""
    plain.replace(target)
    count, last = 0, b""
    with target.open("rb") as stream:
        header = stream.readline(_BLOCK).rstrip(b"\n").decode("ascii")
        stream.seek(0)
        while block := stream.read(_BLOCK):
            count += block.count(b"\n")
            last = block[-1:]
    return TextDocument(target, "utf-8", header, count + (last != b"\n"), last == b"\n")


def _gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    iterator = iter(blocks)
    first = next(iterator, b"")
    if not first.startswith(_GZIP_MAGIC):
        yield first
        yield from iterator
        return
    inflater = zlib.decompressobj(wbits=31)
    try:
        for block in _chain(first, iterator):
            data = block
            while data:
                yield inflater.decompress(data, 16 << 20)
                data = inflater.unconsumed_tail
    except zlib.error as error:
        raise DeliveryRefused(f"the gzip file is damaged ({error})", _EXPORT_AGAIN) from error
    if not inflater.eof:
        raise DeliveryRefused("the gzip file ends too early: it was cut off", _EXPORT_AGAIN)
    if inflater.unused_data:
        raise DeliveryRefused("the gzip file is followed by other data", _EXPORT_AGAIN)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _refuse_what_is_no_table(sniff: bytes, *, is_encoding_declared: bool) -> None:
    start = sniff.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise DeliveryRefused(
            "this is a web page, not a report: the download was answered with an error",
            _EXPORT_AGAIN,
        )
    if start.startswith((b"{", b"[")) and not start.startswith(b"{1:"):  # that is how a SWIFT message begins
        raise DeliveryRefused("this is JSON, probably an error message, not a report", _EXPORT_AGAIN)
    if not is_encoding_declared and (sniff.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in sniff):
        raise DeliveryRefused(
            "the file is UTF-16 or binary, not the text encoding its source uses",
            'export it as UTF-8, or declare encoding = "utf-16" for the source',
        )


def _detect(path: Path, japanese: bytes) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_japanese, tail = True, False, b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            is_japanese = is_japanese or japanese in tail + block
            tail = block[-64:]
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
    if is_utf8:
        return "utf-8"
    return "cp932" if is_japanese else "cp1252"


def _normalise(plain: Path, target: Path, encoding: str) -> tuple[str, int, bool]:
    """Write UTF-8 with LF line ends; return the first line, the number of lines, and whether the last one is ended."""
    header, count, last = None, 0, "\n"
    try:
        with (
            plain.open(encoding=encoding, errors="strict", newline=None) as stream,
            target.open("w", encoding="utf-8", newline="\n") as out,
        ):
            while text := stream.read(_BLOCK):
                if header is None:
                    text = text.removeprefix("\ufeff")
                    header = text.split("\n", 1)[0]
                _refuse_control_characters(text, count)
                count += text.count("\n")
                last = text[-1:] or last
                out.write(text)
    except UnicodeDecodeError as error:
        raise DeliveryRefused(
            f"byte {error.start} of a block is not valid {encoding}: {error.reason}",
            "declare the right encoding for the source, or export the file as UTF-8",
        ) from error
    except UnicodeError as error:  # a codec's own complaint about the whole: UTF-16 without its byte order mark
        raise DeliveryRefused(
            f"the file is not valid {encoding}: {error}", "declare the right encoding for the source"
        ) from error
    except LookupError as error:
        raise DeliveryRefused(f"{encoding!r} is no known encoding", "correct it in retail_sync.toml") from error
    return header or "", count + (last != "\n"), last == "\n"


def _refuse_control_characters(text: str, lines_before: int) -> None:
    if text.isascii() and not text.encode().translate(None, _PLAIN_TEXT):
        return  # most blocks, at memory speed
    found = _FORBIDDEN.search(text)
    if found:
        line = lines_before + text.count("\n", 0, found.start()) + 1
        raise DeliveryRefused(
            f"line {line} holds the character U+{ord(found.group()):04X}: the file is damaged or in another encoding",
            "declare the right encoding for the source, or export the file again",
        )
