"""Whether the prices of a receipt line include tax, told from the figures; and the amounts of a line where a price is given.

The figures decide only where every row agrees. Where they do not, the choice is a guess and is told as one.
"""

from __future__ import annotations

from decimal import Decimal

from retail_sync.connectors.proposal_columns import AMOUNTS, Choice
from retail_sync.connectors.proposal_file import FileColumn, SampleFile, figure_of
from retail_sync.connectors.proposal_words import likeness, words_of
from retail_sync.settings import Column

_PLAIN = ("amount", "total", "betrag", "summe", "umsatz", "line total", "preis", "price", "zeilenbetrag")


def choose_amounts(sample: SampleFile, choice: Choice) -> None:
    """Complete the amounts of pos_sales, and the decimal mark where only a guess can tell it."""
    if choice.object == "pos_sales":
        _choose_sale_amounts(sample, choice)
    numbers = [c for c in sample.columns if c.name in choice.used and c.is_number]
    if any("," in cell or "." in cell for c in numbers for cell in c.cells) and not _mark_is_told(numbers):
        choice.decimal_mark = "."
        choice.untold.append("whether 1,234 or 1.234 is a decimal or a thousands mark: declare decimal_mark")


def _mark_is_told(numbers: list[FileColumn]) -> bool:
    cells = [cell.lstrip("-") for column in numbers for cell in column.cells]
    unclear = [c for c in cells if len(c.replace(",", ".").split(".")) == 2 and len(c.replace(",", ".").split(".")[1]) == 3
               and len(c.replace(",", ".").split(".")[0]) <= 3 and not c.startswith("0")]  # fmt: skip
    return len(unclear) < len([c for c in cells if "," in c or "." in c])


def _choose_sale_amounts(sample: SampleFile, choice: Choice) -> None:
    columns = choice.columns
    given = {name: sample.column(str(columns[name])) for name in AMOUNTS if isinstance(columns.get(name), str)}
    if "tax_rate" in given:
        _declare_rate(choice, given["tax_rate"])
    if _is_before_discount(sample, choice, given):
        return
    if {"gross_amount", "net_amount"} <= given.keys() or (
        "tax_amount" in given and len(given.keys() - {"tax_rate"}) > 1
    ):
        _keep_two(sample, choice, given)
        return
    if not {"gross_amount", "net_amount"} & given.keys():
        base = _plain_amount(sample, choice)
        if base is None:
            choice.untold.append("which column is the amount of a line (gross_amount or net_amount)")
            return
        includes = _includes_tax(sample, choice, base, given)
        if includes is None and given:
            choice.untold.append(
                f"whether {base!r} includes tax: gross_amount (it does) is a guess, net_amount is the other"
            )
        columns["net_amount" if includes is False else "gross_amount"] = base
    if not {"tax_amount", "tax_rate"} & columns.keys():
        columns["tax_amount"] = "=0"
        choice.remarks["tax_amount"] = "to fill in: no column says it"
        choice.untold.append(
            "whether prices include tax and how much: no column says it; prices without any tax are assumed"
        )
    elif "tax_amount" in columns:
        columns.pop("tax_rate", None)


def _is_before_discount(sample: SampleFile, choice: Choice, given: dict[str, FileColumn]) -> bool:
    """Whether gross means before discount, not with tax: in every row it is net and the discount. Then net and tax are taken."""
    columns, discount = choice.columns, choice.columns.get("discount_amount")
    if not {"gross_amount", "net_amount"} <= given.keys() or not isinstance(discount, str) or discount.startswith("="):
        return False
    gross, net, off = given["gross_amount"], given["net_amount"], sample.column(discount)
    rows = [(figure_of(r[gross.place]), figure_of(r[net.place]), figure_of(r[off.place])) for r in sample.records]
    signs = {sign for sign in (1, -1) if all(g - sign * d == n for g, n, d in rows)}
    if not any(d for _, _, d in rows) or not signs:
        return False
    del columns["gross_amount"]
    if 1 not in signs:
        columns["discount_amount"] = f"-[{off.name}]"
    asked = f"whether {net.name!r} is without tax: {gross.name!r} is {net.name!r} and {off.name!r} in every row, so no column"
    if {"tax_amount", "tax_rate"} & given.keys():
        if "tax_amount" in given:
            columns.pop("tax_rate", None)
        choice.untold.append(f"{asked} has the tax in it; tax on top of {net.name!r} is assumed")
    else:
        columns["tax_amount"] = "=0"
        choice.remarks["tax_amount"] = "to fill in: no column says it"
        choice.untold.append(f"{asked} says what tax there is; prices without any tax are assumed")
    return True


def _declare_rate(choice: Choice, column: FileColumn) -> None:
    """Write a rate as a fraction: 19 and "19 %" are 0.19."""
    if any(cell.endswith("%") for cell in column.cells):
        rates = {cell: _plain(figure_of(cell.rstrip(" %")) / 100) for cell in column.cells[:50]}
        choice.columns["tax_rate"] = Column(**{"from": column.name, "values": rates})
    elif any(figure_of(cell) > 1 for cell in column.cells):
        choice.columns["tax_rate"] = f"[{column.name}] * 0.01"


def _plain(figure: Decimal) -> str:
    return format(figure.normalize(), "f")


def _keep_two(sample: SampleFile, choice: Choice, given: dict[str, FileColumn]) -> None:
    """Keep two of the amounts that are there; say where the three do not agree."""
    choice.columns.pop("tax_rate", None)
    three = [given.get(name) for name in AMOUNTS[:3]]
    if all(three):
        gross, net, tax = (column for column in three if column is not None)
        off = sum(
            figure_of(row[gross.place]) != figure_of(row[net.place]) + figure_of(row[tax.place])
            for row in sample.records
            if row[gross.place] and row[net.place] and row[tax.place]
        )
        if off:
            choice.untold.append(
                f"why in {off} rows {gross.name!r} is not {net.name!r} + {tax.name!r}; gross and tax are taken"
            )
        del choice.columns["net_amount"]


def _plain_amount(sample: SampleFile, choice: Choice) -> str | None:
    """Find the amount of a line whose header does not say whether tax is in it; else quantity times price."""
    free = [c for c in sample.columns if c.is_number and c.name not in choice.used]
    for column in free:
        if words_of(column.name) in _PLAIN[:5] or words_of(column.name).endswith(("total", "betrag")):
            choice.used.add(column.name)
            return column.name
    prices = sorted(free, key=lambda column: -likeness(column.name, "prices", "unit_price"))
    quantity = choice.columns.get("quantity")
    if prices and likeness(prices[0].name, "prices", "unit_price") and isinstance(quantity, str):
        choice.used.add(prices[0].name)
        return f"[{quantity}] * [{prices[0].name}]"
    return None


def _includes_tax(sample: SampleFile, choice: Choice, base: str, given: dict[str, FileColumn]) -> bool | None:
    """Compare amount, rate and tax of the rows: tax inside the amount, on top of it, or None where they do not tell."""
    if base.startswith("[") or not {"tax_amount", "tax_rate"} <= given.keys():
        return None
    amount, tax, rate = sample.column(base), given["tax_amount"], given["tax_rate"]
    inside = on_top = True
    told = False
    for row in sample.records:
        if not (row[amount.place] and row[tax.place] and row[rate.place]):
            continue
        share = figure_of(row[rate.place].rstrip(" %"))
        share = share / 100 if share > 1 else share
        money, part = figure_of(row[amount.place]), figure_of(row[tax.place])
        near_inside = abs(part - money * share / (1 + share)) <= Decimal("0.01")
        near_top = abs(part - money * share) <= Decimal("0.01")
        inside, on_top, told = inside and near_inside, on_top and near_top, told or near_inside != near_top
    return inside if told and inside != on_top else None
