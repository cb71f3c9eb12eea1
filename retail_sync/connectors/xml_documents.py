"""XML that is delivered: opened without trusting it, and read piece by piece, each a small tree that is let go again.

Nothing here knows a format. A document type declaration is refused before it can define anything (no format that we read has
one), depth and size are bounded, and a file that was cut off is not well-formed. Names come without their namespace, which is
compared once, when the file is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element
from xml.parsers import expat

from retail_sync.connectors.documents import TextDocument, unpack
from retail_sync.core.errors import DeliveryRefused

_BLOCK = 1 << 20
_DEPTH_MAX = 64
_FIRST_LINE_MAX = 4096
_EXPORT_AGAIN = "download or export the file again and deliver it; this copy stays in the raw archive"


def open_xml(blocks: Iterable[bytes], target: Path, max_bytes: int) -> TextDocument:
    """Write the unpacked file to `target` as it is. Raises DeliveryRefused where it does not begin as XML."""
    sniff, _ = unpack(blocks, target, max_bytes)
    start = sniff.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        raise DeliveryRefused("this is no XML file", _EXPORT_AGAIN)
    first = start.split(b"\n", 1)[0][:_FIRST_LINE_MAX].decode("utf-8", "replace").rstrip("\r")
    with target.open("rb") as file:
        count = sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
    return TextDocument(target, "XML", first, count + 1, True)


def namespace_of(path: Path, name: str) -> str:
    """Return the namespace of the first element called `name` near the beginning; '' where there is none."""
    with path.open("rb") as file:
        reader = _Reader(())
        reader.feed(file.read(_BLOCK), is_last=False)
    return reader.namespaces.get(name, "")


def pieces(path: Path, places: Iterable[tuple[str, ...]]) -> Iterator[Element]:
    """Yield each element whose last names from the root down are one of `places`, when it ends; parents lose it then.

    Raises DeliveryRefused where the file is not well-formed to its end.
    """
    reader = _Reader(tuple(places))
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            reader.feed(block, is_last=False)
            yield from reader.taken()
    reader.feed(b"", is_last=True)
    yield from reader.taken()


class _Reader:
    """An expat parser that builds trees, and hands out those that are asked for."""

    def __init__(self, places: tuple[tuple[str, ...], ...]) -> None:
        self.namespaces: dict[str, str] = {}
        self._places = places
        self._open: list[Element] = []
        self._names: list[str] = []
        self._ready: list[Element] = []
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        self._parser = parser

    def feed(self, block: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(block, is_last)
        except expat.ExpatError as error:
            raise DeliveryRefused(
                f"line {error.lineno}: this is no well-formed XML ({expat.ErrorString(error.code)}): it is damaged or cut off",
                _EXPORT_AGAIN,
            ) from error

    def taken(self) -> list[Element]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEPTH_MAX:
            raise DeliveryRefused(f"its elements are nested more than {_DEPTH_MAX} deep", _EXPORT_AGAIN)
        namespace, _, local = name.rpartition("}")
        self.namespaces.setdefault(local, namespace)
        element = Element(local, attributes)
        if self._open:
            self._open[-1].append(element)
        self._open.append(element)
        self._names.append(local)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if any(tuple(self._names[-len(place) :]) == place for place in self._places):
            self._ready.append(element)
            if self._open:
                self._open[-1].remove(element)
        self._names.pop()

    def _text(self, text: str) -> None:
        if self._open and not len(self._open[-1]):
            self._open[-1].text = (self._open[-1].text or "") + text

    def _refuse(self, *_: Any) -> None:
        raise DeliveryRefused(
            "it declares a document type or entities, which no statement or rate has",
            "ask who made the file what it is",
        )
