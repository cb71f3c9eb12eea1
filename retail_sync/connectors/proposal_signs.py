"""Figures that a file writes with another sign than the contract asks for: told from all rows of a kind, never from some.

A file may mix sales and returns, all without a minus; then the kind of the row says which figures are turned round.
"""

from __future__ import annotations

import re

from retail_sync.connectors.proposal_columns import Choice
from retail_sync.connectors.proposal_file import SampleFile, figure_of
from retail_sync.settings import Column

# Kinds of each object whose figures have a known sign: 1 or -1.
_SIGNS: dict[str, dict[str, int]] = {
    "pos_sales": {"return": -1},
    "payments": {"refund": -1},
    "gift_card_events": {"sold": 1, "issued": 1, "redeemed": -1, "expired": -1},
}
_SIGNED = ("quantity", "gross_amount", "net_amount", "tax_amount", "amount")
_PRODUCT = re.compile(r"\[([^\[\]]+)\] \* \[([^\[\]]+)\]")


def choose_signs(sample: SampleFile, choice: Choice) -> None:
    """Turn round what is written the other way in every row of its kind, and the fee where gross + fee = net."""
    if choice.object == "payments":
        _choose_fee(sample, choice)
    kinds = [_kind_of(sample, choice, row) for row in sample.records]
    signs = _SIGNS.get(choice.object, {})
    for name in _SIGNED:
        column = choice.columns.get(name)
        if not isinstance(column, str) or column.startswith("="):
            continue
        figures = [_sign_of(sample, column, row) for row in sample.records]
        wrong = []
        for kind, sign in signs.items():
            said = {figure for figure, of_kind in zip(figures, kinds, strict=True) if of_kind == kind and figure}
            if said == {-sign}:
                wrong.append(kind)
        if wrong:
            choice.columns[name] = Column(**{"from": column, "negate": tuple(wrong)})
            words = " and ".join(wrong)
            choice.untold.append(
                f"whether {words} rows are meant: {column} has the other sign in all of them, so it is negated"
            )


def _kind_of(sample: SampleFile, choice: Choice, row: tuple[str, ...]) -> str:
    declared = choice.columns.get("kind", "")
    text = declared.read if isinstance(declared, Column) else declared
    if text.startswith("="):
        return text[1:]
    if text not in {column.name for column in sample.columns}:
        return ""
    cell = row[sample.column(text).place]
    if isinstance(declared, str):
        return cell
    if cell in declared.values:
        return declared.values[cell]
    found = next((ours for pattern, ours in declared.patterns if re.search(pattern, cell)), declared.otherwise)
    return found or ""


def _sign_of(sample: SampleFile, column: str, row: tuple[str, ...]) -> int:
    product = _PRODUCT.fullmatch(column)
    names = product.groups() if product else (column,)
    if any(name not in {c.name for c in sample.columns} for name in names):
        return 0
    sign = 1
    for name in names:
        figure = figure_of(row[sample.column(name).place])
        sign *= (figure > 0) - (figure < 0)
    return sign


def _choose_fee(sample: SampleFile, choice: Choice) -> None:
    """Write the fee with a minus where the file has it as what is taken off: gross + fee = net, or no fee above zero."""
    named = [choice.columns.get(name) for name in ("gross_amount", "fee_amount", "net_amount")]
    known = {column.name for column in sample.columns}
    gross, fee, net = (sample.column(n) if isinstance(n, str) and n in known else None for n in named)
    if fee is None:
        return
    fees = [figure_of(row[fee.place]) for row in sample.records]
    if gross is None or net is None:
        if any(fees) and all(figure <= 0 for figure in fees):
            choice.columns["fee_amount"] = f"-[{fee.name}]"
            choice.untold.append(f"whether {fee.name!r} is what is kept: it has a minus in every row, so it is negated")
        return
    rows = [(figure_of(r[gross.place]), figure_of(r[fee.place]), figure_of(r[net.place])) for r in sample.records]
    if all(g + f == n for g, f, n in rows) and any(fees):
        choice.columns["fee_amount"] = f"-[{fee.name}]"
    elif off := sum(g - f != n for g, f, n in rows):
        choice.untold.append(
            f"why in {off} rows {gross.name!r} - {fee.name!r} is not {net.name!r}: these rows are rejected"
        )
