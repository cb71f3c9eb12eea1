"""A `[[source]]` block proposed for a sample file: what it most probably holds, which column is which, what nobody can tell.

Nothing is written and nothing is decided for good: a person reads the block, fills in what is missing and pastes it. The
first rows shown are those that the connector itself makes of the file under that block.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from retail_sync.connectors.declared_csv import TO_FILL_IN, DeclaredCsv
from retail_sync.connectors.declared_objects import OBJECTS
from retail_sync.connectors.proposal_columns import Choice, choose_columns
from retail_sync.connectors.proposal_file import SampleFile, read_sample
from retail_sync.connectors.proposal_known import Known, known_connector, open_as, source_name, stage_known
from retail_sync.connectors.proposal_numbers import choose_numbers
from retail_sync.connectors.proposal_signs import choose_signs
from retail_sync.connectors.proposal_tax import choose_amounts
from retail_sync.connectors.splitting import split_by_contract
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.schemas.contract import Table
from retail_sync.schemas.tables import table
from retail_sync.settings import Column, Source

_ROWS_SHOWN = 5
_LEAST_SCORE = 3.0
_NOTHING_FOUND = 1.5


@dataclass(frozen=True, slots=True)
class RejectedKind:
    """Rows rejected for one reason, with the first of them."""

    count: int
    column: str
    reason: str
    line_no: int
    value: str


@dataclass(slots=True)
class Trial:
    """What the connector made of the file."""

    header: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rejected: list[RejectedKind] = field(default_factory=list)
    accepted_count: int = 0
    rejected_count: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposed block as TOML, what it would load, and in words what could not be told."""

    object: str
    others: tuple[str, ...]
    toml: str
    untold: tuple[str, ...]
    trial: Trial

    def as_dict(self) -> dict[str, Any]:
        """The proposal for `--json`."""
        trial = self.trial
        return {
            "object": self.object,
            "other_objects": list(self.others),
            "toml": self.toml,
            "could_not_tell": list(self.untold),
            "accepted_count": trial.accepted_count,
            "rejected_count": trial.rejected_count,
            "refused": trial.refused,
            "rows": [dict(zip(trial.header, row, strict=True)) for row in trial.rows],
            "rejected": [
                {"count": r.count, "column": r.column, "reason": r.reason, "line_no": r.line_no, "value": r.value}
                for r in trial.rejected
            ],
        }


def propose(path: Path, wanted_object: str = "") -> Proposal:
    """Propose a block for a file. Raises DeliveryRefused where it is no table, SettingsError for an unknown object."""
    if wanted_object and wanted_object not in OBJECTS:
        raise SettingsError(f"there is no object {wanted_object!r}", f"use one of: {', '.join(OBJECTS)}")
    if not wanted_object and (known := known_connector(path)):
        return Proposal(*_try_known(path, known))
    with tempfile.TemporaryDirectory() as folder:
        sample = read_sample(path, Path(folder))
        choices = sorted(
            (choose_columns(sample, name) for name in ([wanted_object] if wanted_object else OBJECTS)),
            key=lambda choice: -choice.score,
        )
        best = choices[0]
        if not wanted_object and best.score < _NOTHING_FOUND:
            raise DeliveryRefused(
                f"what the file holds cannot be told from its columns: {', '.join(c.name for c in sample.columns)[:300]}",
                f"say it with --object: {', '.join(OBJECTS)}",
            )
        others = tuple(c.object for c in choices[1:4] if c.score >= max(best.score * 0.7, _LEAST_SCORE))
        untold = list(_about_object(best, others, is_given=bool(wanted_object)))
        choose_amounts(sample, best)
        choose_signs(sample, best)
        choose_numbers(sample, best)
        source = _source(path, sample, best)
        untold += [*best.untold, *_about_file(sample, best, source)]
        trial = _try(sample, source)
    return Proposal(best.object, others, _as_toml(source, best, sample), tuple(untold), trial)


def _about_object(best: Choice, others: tuple[str, ...], *, is_given: bool) -> Iterable[str]:
    if is_given:
        return
    if best.score < _LEAST_SCORE:
        yield f"what the file holds: {best.object} is a weak guess; say it with --object"
    elif others:
        yield f"whether it holds {best.object}, or rather {' or '.join(others)} (--object says which)"


def _source(path: Path, sample: SampleFile, choice: Choice) -> Source:
    values: dict[str, Any] = {
        "name": source_name(path),
        "connector": "declared_csv",
        "object": choice.object,
        "columns": choice.columns,
        "delimiter": sample.delimiter,
    }
    if choice.date_format:
        values["date_format"] = choice.date_format
    if sample.document.encoding == "utf-16":
        values["encoding"] = "utf-16"
    if choice.decimal_mark != "auto":
        values["decimal_mark"] = choice.decimal_mark
    if not sample.document.is_terminated:
        values["last_line_ended"] = False
    return Source(**values)


def _about_file(sample: SampleFile, choice: Choice, source: Source) -> Iterable[str]:
    """Say what the file as a whole leaves open."""
    if not source.last_line_ended:
        yield (
            "whether the file is whole: its last line has no line end. last_line_ended = false takes it; leave that out "
            "if the system usually ends its lines"
        )
    if sample.document.encoding == "cp1252":
        yield "whether the encoding is cp1252 (Windows): it is no UTF-8; look at umlauts and accents below"
    if sample.odd_rows:
        yield (
            f"what to do with {sample.odd_rows} rows that have another number of fields than the header's "
            f"{len(sample.columns)}: they are rejected; have the export corrected"
        )
    if choice.has_instants and "%z" not in choice.date_format:
        yield 'the time zone of its clock: UTC is assumed; set time_zone, e.g. "Europe/Berlin"'
    unused = [c.name for c in sample.columns if c.name not in choice.used and c.cells]
    if unused:
        yield f"a use for these columns: {', '.join(unused[:12])}{', ...' if len(unused) > 12 else ''}"


def _try(sample: SampleFile, source: Source) -> Trial:
    """Run the connector on the file, in memory."""
    connector, trial = DeclaredCsv(), Trial()
    wanted = OBJECTS[source.object]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            connector.check_header(sample.document.header, source)
            connector.stage(connection, sample.document, source, "trial")
        except (DeliveryRefused, SettingsError) as refusal:
            trial.refused = str(refusal)
            return trial
        split_by_contract(connection, wanted.table, source.date_format)
        _read_trial(connection, wanted.table, trial)
    return trial


def _try_known(path: Path, known: Known) -> tuple[str, tuple[str, ...], str, tuple[str, ...], Trial]:
    """Run the connector that knows the file, in memory, and show the table it fills most."""
    trial, shown = Trial(), known.connector.name
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            staged = stage_known(connection, known, open_as(known.connector, path, Path(folder)))
        except (DeliveryRefused, SettingsError) as refusal:
            trial.refused = str(refusal)
        else:
            filled = [table(qualified) for qualified in staged.tables]
            _read_trial(connection, filled[-1], trial)
            shown = filled[-1].name
            for other in filled[:-1]:
                trial.accepted_count += _count(connection, f"staged_{other.name}")
    return shown, (), known.toml, known.untold, trial


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"select count(*) from {name}").fetchone()  # noqa: S608 - a name of the registry
    return int(row[0]) if row else 0


def _read_trial(connection: duckdb.DuckDBPyConnection, wanted: Table, trial: Trial) -> None:
    staged = f"staged_{wanted.name}"
    names = [name for name in wanted.column_names if name not in ("source", "delivery_id")]
    rows = connection.execute(
        f"select {', '.join(names)} from {staged} order by line_no limit {_ROWS_SHOWN}"  # noqa: S608 - registry names
    ).fetchall()
    shown = [place for place in range(len(names)) if not rows or any(row[place] is not None for row in rows)]
    trial.header = tuple(names[place] for place in shown)
    trial.rows = [tuple(row[place] for place in shown) for row in rows]
    counts = connection.execute(
        f"select (select count(*) from {staged}), (select count(distinct line_no) from staged_rejected)"  # noqa: S608
    ).fetchone()
    trial.accepted_count, trial.rejected_count = counts or (0, 0)
    found = connection.execute(
        "select count(*), column_name, reason, min(line_no), arg_min(left(coalesce(value, ''), 60), line_no) "
        "from staged_rejected group by column_name, reason order by 1 desc, 2 limit 20"
    ).fetchall()
    trial.rejected = [RejectedKind(*row) for row in found]


def _as_toml(source: Source, choice: Choice, sample: SampleFile) -> str:
    """Write the block as a person would: what is to be filled in carries a remark."""
    lines = [
        "[[source]]",
        f"name = {_quoted(source.name)}",
        'connector = "declared_csv"',
        f"object = {_quoted(source.object)}",
    ]
    if choice.date_format:
        remark = f"   # or {' or '.join(choice.other_formats)}: the file does not tell" if choice.other_formats else ""
        lines.append(f"date_format = {_quoted(source.date_format)}{remark}")
    if choice.has_instants:
        lines.append(f"time_zone = {_quoted(source.time_zone)}   # of the clock that wrote the times")
    if sample.delimiter != ",":
        lines.append(f"delimiter = {_quoted(sample.delimiter)}")
    if source.encoding != "auto":
        lines.append(f"encoding = {_quoted(source.encoding)}")
    if source.decimal_mark != "auto":
        lines.append(f"decimal_mark = {_quoted(source.decimal_mark)}   # a guess: nothing in the file tells")
    if not source.last_line_ended:
        lines.append("last_line_ended = false")
    lines.append("[source.columns]")
    for name, column in source.columns.items():
        remark = f"   # {choice.remarks[name]}" if name in choice.remarks else ""
        if remark and isinstance(column, str) and column.startswith("="):
            column = f"{TO_FILL_IN} {column[1:]}"  # the trial assumes the rest; no run takes it for an answer
        lines.append(f"{name} = {_column(column)}{remark}")
    return "\n".join(lines) + "\n"


def _column(column: str | Column) -> str:
    if isinstance(column, str):
        return _quoted(column)
    parts = [f"from = {_quoted(column.read)}"]
    if column.values:
        parts.append("values = {" + ", ".join(f"{_quoted(k)} = {_quoted(v)}" for k, v in column.values.items()) + "}")
    if column.patterns:
        parts.append("patterns = [" + ", ".join(f"[{_quoted(p)}, {_quoted(v)}]" for p, v in column.patterns) + "]")
    if column.otherwise is not None:
        parts.append(f"otherwise = {_quoted(column.otherwise)}")
    if column.negate:
        parts.append("negate = [" + ", ".join(_quoted(kind) for kind in column.negate) + "]")
    return "{" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    """Write a TOML basic string: JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
