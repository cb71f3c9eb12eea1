"""What a declared column says: a column of the file, a constant, a translation of words, or a small expression.

`"Amount"` names a column, `"=EUR"` is a constant, `"[Quantity] * [Price]"` computes (+ - * and brackets, over columns and
numbers), `"[Shop]-[Till]"` puts texts together, and `{from = "Type", values = {R = "return"}, otherwise = "sale"}`
translates. Nothing else is understood, and nothing of the file's content ever becomes SQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from retail_sync.connectors.declared_arithmetic import Arithmetic
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.settings import Column, Source

_OUR_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,8})?")


@dataclass(slots=True)
class Bindings:
    """Values that statements refer to by name: `$v0`, `$v1`, ..."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> str:
        """Return the parameter that stands for `value`."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared column as SQL over the cells `c0`, `c1`, ...

    `text` is what it says, `shown` what a person is shown of a row that is rejected, and `number` its figure: the file's own
    figures have the file's decimal mark, those of the declaration always a point.
    """

    text: str
    shown: str
    number: str
    is_computed: bool = False


class ColumnReader:
    """Turns the declarations of one source into SQL over one file's cells. Raises SettingsError and DeliveryRefused."""

    def __init__(self, source: Source, header: Sequence[str], bindings: Bindings) -> None:
        self.source = source
        self.names = [name.strip() for name in header]
        self.bindings = bindings
        self.numbers: set[int] = set()  # places whose cells expressions compute with: `n0` is the number of `c0`

    @property
    def used(self) -> list[int]:
        """Places of all file columns that any declaration reads."""
        found = {place for column in self.source.columns for place in self.places(column)}
        return sorted(found)

    def places(self, column: str) -> list[int]:
        """Return which places of the file a declared column reads."""
        text = self._read(column)
        if text.startswith("="):
            return []
        if text in self.names:
            return [self.place(text, column)]
        return [self.place(name, column) for name in re.findall(r"\[([^\[\]]+)\]", text)] or [self.place(text, column)]

    def _read(self, column: str) -> str:
        declared = self.source.columns[column]
        return declared.read if isinstance(declared, Column) else declared

    def place(self, name: str, column: str) -> int:
        """Return where the file has column `name`."""
        found = self.names.count(name)
        if found == 1:
            return self.names.index(name)
        if found:
            raise DeliveryRefused(f"the column {name!r} stands twice in the header", "export the file again")
        raise DeliveryRefused(
            f"the file has no column {name!r} (for {column}); its columns are: {', '.join(self.names)[:300]}",
            f"correct [source.columns] of source {self.source.name} in retail_sync.toml, or deliver the right file",
        )

    def declared(self, column: str, sql_type: str) -> Declared:
        """Return `column`, which is declared, as SQL."""
        declared, text = self.source.columns[column], self._read(column)
        if text.startswith("="):
            return self._constant(column, text[1:], sql_type)
        if text in self.names or "[" not in text:
            cell = f"c{self.place(text, column)}"
        elif sql_type.startswith("decimal"):
            if isinstance(declared, Column) and declared.is_translation:
                raise self._wrong(column, "what is computed cannot be translated")
            return self._computed(column, text)
        else:
            cell = self._joined(column, text)
        if isinstance(declared, Column) and declared.is_translation:
            words = self._translated(column, declared, cell)
            return Declared(words, f"coalesce({words}, {cell})", f"point_number_of({words})")
        return Declared(cell, cell, f"number_of({cell})")

    def _constant(self, column: str, text: str, sql_type: str) -> Declared:
        if sql_type.startswith("decimal") and not _OUR_NUMBER.fullmatch(text):
            raise self._wrong(column, f"{text!r} is no number (constants are written with a decimal point)")
        value = f"cast({self.bindings.bind(text)} as varchar)"
        return Declared(value, value, f"point_number_of({value})")

    def _joined(self, column: str, text: str) -> str:
        parts = re.split(r"\[([^\[\]]+)\]", text)
        cells = [
            f"c{self.place(part, column)}" if number % 2 else self.bindings.bind(part)
            for number, part in enumerate(parts)
            if part
        ]
        return f"concat({', '.join(cells)})"

    def _computed(self, column: str, text: str) -> Declared:
        """Compile arithmetic. Each operand is a cell read as a strict number, or a number of the declaration."""
        shown: list[str] = []

        def cell(name: str) -> str:
            place = self.place(name, column)
            self.numbers.add(place)
            shown.append(f"c{place}")
            return f"operand_of(n{place})"

        def number(digits: str) -> str:
            return f"cast({self.bindings.bind(digits)} as decimal(38, 6))"

        try:
            figure = Arithmetic(text, cell, number).sql()
        except ValueError as error:
            raise self._wrong(column, str(error)) from error
        cells = f"concat_ws(' and ', {', '.join(shown)})"
        return Declared(cells, cells, figure, is_computed=True)

    def _translated(self, column: str, declared: Column, text: str) -> str:
        cases = [
            f"when {text} = {self.bindings.bind(word)} then {self.bindings.bind(ours)}"
            for word, ours in declared.values.items()
        ]
        for pattern, ours in declared.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise self._wrong(column, f"{pattern!r} is no regular expression ({error})") from error
            cases.append(f"when regexp_matches({text}, {self.bindings.bind(pattern)}) then {self.bindings.bind(ours)}")
        if declared.otherwise is not None:
            cases.append(f"when true then {self.bindings.bind(declared.otherwise)}")
        return f"case {' '.join(cases)} end"

    def _wrong(self, column: str, what: str) -> SettingsError:
        return SettingsError(
            f"source {self.source.name}: column {column}: {what}", "correct [source.columns] in retail_sync.toml"
        )
