"""The simulator writes what real files look like, and the committed sample is what it says it is.

Everything is read back with `csv` and summed with Decimal here, without the product's connectors.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from retail_sync_tests import make_sample
from retail_sync_tests.simulator import (
    CA,
    CARD_CHARGE,
    DE,
    DEFAULT_START,
    OTHER,
    US,
    V1_COLUMNS,
    V2_COLUMNS,
    DateStyle,
    DecimalMark,
    Market,
    Row,
    Settlement,
    random_settlement,
    write_v1,
    write_v2,
    write_v2_file,
)

Cells = dict[str, str]

HEADER_COLUMNS = V2_COLUMNS[:6]
V1_AMOUNTS = [name for name in V1_COLUMNS if name.endswith("-amount") and name != "total-amount"]


def read(content: bytes) -> tuple[Cells, list[Cells]]:
    """The header row and the other rows of a settlement file."""
    text = io.StringIO(content.decode(), newline="")
    rows = list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    return rows[0], rows[1:]


def column_names(content: bytes) -> list[str]:
    """The first line of a settlement file."""
    return content.decode().split("\n", 1)[0].split("\t")


def number(text: str) -> Decimal:
    """An amount with either decimal mark and any padding; an empty cell is zero."""
    return Decimal(text.strip().replace(",", ".") or "0")


def with_promotion(settlement: Settlement, *, wanted: bool) -> Settlement:
    """The same settlement with its promotions, which it must have, or without them."""
    rows = tuple(row for row in settlement.rows if wanted or row.amount_type != "Promotion")
    assert wanted == any(row.amount_type == "Promotion" for row in rows)
    return replace(settlement, rows=rows)


# ---- V2 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("promotion_column", "count"), [(True, 24), (False, 23)])
def test_v2_columns(promotion_column: bool, count: int) -> None:
    """All 24 columns, or 23 where the file has no promotion-id, on every line."""
    content = write_v2(random_settlement(1, 120), promotion_column=promotion_column)
    assert column_names(content) == list(V2_COLUMNS[:count])
    assert {len(line.split("\t")) for line in content.decode().splitlines()} == {count}
    assert content.endswith(b"\n")


def test_v2_header_row_stands_alone_and_foots() -> None:
    """The first row alone has dates, total and currency, and the others sum to it."""
    settlement = random_settlement(2, 300)
    header, rows = read(write_v2(settlement))
    assert {name for name, text in header.items() if text} == set(HEADER_COLUMNS)
    assert header["settlement-start-date"] == "2026-09-01 15:12:40 UTC"
    assert header["deposit-date"] == "2026-09-17 15:12:40 UTC"
    assert header["currency"] == "USD"
    assert len(rows) == 300
    for row in rows:
        assert row["settlement-id"] == settlement.settlement_id
        assert not any(row[name] for name in HEADER_COLUMNS[1:])
    assert sum(number(row["amount"]) for row in rows) == number(header["total-amount"])


def test_v2_repeats_the_quantity_on_every_amount_of_an_ordered_item() -> None:
    """Summing the column would overcount, as in real files."""
    _, rows = read(write_v2(random_settlement(3, 400)))
    quantities: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row["transaction-type"] == "Order":
            quantities[row["order-id"], row["order-item-code"]].add(row["quantity-purchased"])
    assert all(len(seen) == 1 and min(seen) >= "1" for seen in quantities.values())
    assert {"1", "2"} <= set.union(*quantities.values())


def test_v2_european_file_has_dotted_dates_and_a_decimal_comma() -> None:
    """No amount has a point, and both posted columns name one day."""
    settlement = random_settlement(4, 150, market=DE)
    header, rows = read(write_v2(settlement, date_style="dotted", decimal_mark=","))
    assert header["settlement-end-date"] == "15.09.2026 15:12:40 UTC"
    for row in rows:
        assert "." not in row["amount"]
        day = datetime.strptime(row["posted-date-time"], "%d.%m.%Y %H:%M:%S UTC")  # noqa: DTZ007
        assert row["posted-date"] == f"{day:%d.%m.%Y}"
    assert "," in header["total-amount"]
    assert sum(number(row["amount"]) for row in rows) == number(header["total-amount"])


@pytest.mark.parametrize(
    ("style", "day", "instant"),
    [
        ("iso", "2026-09-05", "2026-09-05 15:12:40 UTC"),
        ("dotted", "05.09.2026", "05.09.2026 15:12:40 UTC"),
        ("slash_dmy", "05/09/26", "2026-09-05 15:12:40 UTC"),
        ("slash_mdy", "09/05/26", "2026-09-05 15:12:40 UTC"),
    ],
)
@pytest.mark.parametrize(("mark", "amount"), [(".", "-39.99"), (",", "-39,99")])
def test_v2_date_styles_and_decimal_marks_vary_independently(
    style: DateStyle, day: str, instant: str, mark: DecimalMark, amount: str
) -> None:
    """Every date style goes with either decimal mark."""
    at = DEFAULT_START + timedelta(days=4)
    fee = Row(OTHER, OTHER, "Subscription Fee", Decimal("-39.99"), at, marketplace="")
    settlement = Settlement("31", DEFAULT_START, at, at, "USD", "Amazon.com", (fee,))
    _, (row,) = read(write_v2(settlement, date_style=style, decimal_mark=mark))
    assert (row["posted-date"], row["posted-date-time"]) == (day, instant)
    assert row["amount"] == amount
    assert row["marketplace-name"] == ""


def test_v2_header_total_can_be_made_wrong() -> None:
    """A file that does not foot can be made on purpose."""
    header, rows = read(write_v2(random_settlement(5, 60), header_total=Decimal("212118.95")))
    assert header["total-amount"] == "212118.95"
    assert sum(number(row["amount"]) for row in rows) != Decimal("212118.95")


# ---- V1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("promotions", "count"), [(True, 36), (False, 33)])
def test_v1_columns_and_total(promotions: bool, count: int) -> None:
    """33 columns, 36 with promotions; the amount columns together sum to the total."""
    settlement = with_promotion(random_settlement(6, 300, market=CA), wanted=promotions)
    content = write_v1(settlement)
    header, rows = read(content)
    assert len(column_names(content)) == count
    assert {len(line.split("\t")) for line in content.decode().splitlines()} == {count}
    assert header["settlement-start-date"] == "2026-09-01T15:12:40+00:00"
    assert {name for name, text in header.items() if text} == set(HEADER_COLUMNS)
    amounts = [name for name in V1_AMOUNTS if name in header]
    total = sum(number(row[name]) for row in rows for name in amounts)
    assert total == number(header["total-amount"])


def test_v1_states_a_quantity_once_per_item_on_a_row_without_an_amount() -> None:
    """V1 does not repeat the quantity."""
    _, rows = read(write_v1(random_settlement(7, 300, market=CA)))
    orders = [row for row in rows if row["transaction-type"] == "Order"]
    items = {(row["order-id"], row["order-item-code"]) for row in orders}
    with_quantity = [row for row in orders if row["quantity-purchased"]]
    assert len(with_quantity) == len(items)
    assert not any(row[name] for row in with_quantity for name in V1_AMOUNTS)


def test_v1_service_fee_carries_two_amounts_in_one_row() -> None:
    """The fee and the tax on it stand side by side."""
    _, rows = read(write_v1(random_settlement(8, 300, market=CA)))
    fees = [row for row in rows if row["transaction-type"] == "ServiceFee"]
    assert fees
    for fee in fees:
        assert fee["item-related-fee-type"] == "Cost of Advertising"
        assert fee["other-fee-reason-description"] == "TaxAmount"
        assert number(fee["item-related-fee-amount"]) < number(fee["other-fee-amount"]) < 0


def test_v1_names_an_account_event_as_its_transaction_type() -> None:
    """The card charge is padded and followed by an empty line."""
    charge = Row(OTHER, OTHER, CARD_CHARGE, Decimal("32.09"), DEFAULT_START, marketplace="")
    lost = Row(
        OTHER,
        "FBA Inventory Reimbursement",
        "WAREHOUSE_LOST",
        Decimal("15.25"),
        DEFAULT_START,
        sku="FW-SOAP-BAR-4PK",
        quantity=1,
    )
    settlement = Settlement("31", DEFAULT_START, DEFAULT_START, DEFAULT_START, "CAD", "Amazon.ca", (charge, lost))
    content = write_v1(settlement)
    _, rows = read(content)
    assert [row["transaction-type"] for row in rows] == [CARD_CHARGE, "WAREHOUSE_LOST"]
    assert [row["other-amount"] for row in rows] == ["32.09    ", "15.25"]
    assert rows[1]["quantity-purchased"] == "1"
    assert b"32.09    \n\n" in content


# ---- Random settlements -----------------------------------------------------------------------


@pytest.mark.parametrize("lines", [0, 1, 2, 7, 20, 151])
@pytest.mark.parametrize("market", [US, DE, CA])
def test_random_settlement_has_exactly_the_lines_asked_for(lines: int, market: Market) -> None:
    """Any number of lines, all of them inside the period."""
    settlement = random_settlement(9, lines, market=market)
    assert len(settlement.rows) == lines
    assert all(settlement.start_at <= row.posted_at < settlement.end_at for row in settlement.rows)


def test_random_settlement_depends_on_the_seed_alone() -> None:
    """Same seed, same rows."""
    assert random_settlement(10, 200) == random_settlement(10, 200)
    assert random_settlement(10, 200).rows != random_settlement(11, 200).rows


def test_random_settlement_refunds_what_it_sold_before_and_withholds_all_tax() -> None:
    """Refunds follow sales; tax nets to zero."""
    rows = random_settlement(12, 2000).rows
    sold: set[tuple[str, str]] = set()
    refunds = 0
    for row in rows:
        if row.transaction_type == "Order":
            sold.add((row.order_id, row.order_item_code))
        elif row.transaction_type == "Refund":
            refunds += 1
            assert (row.order_id, row.order_item_code) in sold
    assert refunds
    taxes = [r.amount for r in rows if "Tax" in r.amount_type or "Tax" in r.amount_description]
    assert taxes
    assert sum(taxes) == 0


def test_streamed_file_equals_the_one_made_in_memory(tmp_path: Path) -> None:
    """The fast way writes the same bytes and leaves no other file."""
    path = tmp_path / "big.txt"
    total = write_v2_file(path, 13, 5000)
    settlement = random_settlement(13, 5000)
    assert path.read_bytes() == write_v2(settlement)
    assert total == settlement.header_total
    assert list(tmp_path.iterdir()) == [path]


# ---- The sample -------------------------------------------------------------------------------


def test_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    """Nobody edited the sample by hand, and nothing in it is stale."""
    make_sample.write_sample(tmp_path)
    committed, made = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (make_sample.SAMPLE, tmp_path)
    )
    assert sorted(committed) == sorted(made)
    assert [name for name in made if committed[name] != made[name]] == []
    assert sum(map(len, committed.values())) < 1_200_000
    assert len(committed) < 120


class Sample:
    """The committed files, those of the later folder last, as a spreadsheet would hold them."""

    def __init__(self) -> None:
        """Read everything; a later file of a settlement takes the place of the earlier."""
        self.headers: dict[str, Cells] = {}
        self.rows: dict[str, list[Cells]] = {}
        for folder in ("inbox", "later"):
            for path in sorted((make_sample.SAMPLE / folder / "amazon").iterdir()):
                content = path.read_bytes()
                if content.startswith(b"settlement-id"):
                    header, rows = read(content)
                    self.headers[header["settlement-id"]] = header
                    self.rows[header["settlement-id"]] = rows
        self.bank: list[Cells] = []
        for path in sorted((make_sample.SAMPLE / "inbox" / "bank").iterdir()):
            self.bank += list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))

    def total(self, settlement_id: str) -> Decimal:
        """The total in the header row."""
        return number(self.headers[settlement_id]["total-amount"])

    def deposit_date(self, settlement_id: str) -> date:
        """The deposit date in either date style."""
        text = self.headers[settlement_id]["deposit-date"][:10]
        return datetime.strptime(text, "%d.%m.%Y" if "." in text else "%Y-%m-%d").date()  # noqa: DTZ007

    def amounts(self, settlement_id: str, description: str) -> list[Decimal]:
        """The amounts of the lines with that description."""
        rows = self.rows[settlement_id]
        return [number(r["amount"]) for r in rows if r["amount-description"] == description]

    def chain(self, currency: str) -> list[str]:
        """The settlements of a currency, the oldest first."""
        ids = [one for one, header in self.headers.items() if header["currency"] == currency]
        return sorted(ids, key=self.deposit_date)


def expected(*codes: str) -> set[tuple[str, str, str]]:
    """(code, subject, amount) of the answers with one of these codes; those of stores and web shop are in `test_sample_stores`."""
    with (make_sample.SAMPLE / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if not row["subject"].startswith(("square/", "HB-0528-", "shopify/"))
        ]
    return {(row["code"], row["subject"], row["amount"]) for row in rows if row["code"] in codes}


def test_sample_lines_have_exactly_the_planted_problems() -> None:
    """Unreadable rows and sums that miss the header total."""
    sample = Sample()
    found = set()
    for one, rows in sample.rows.items():
        readable = [row for row in rows if row["amount"] != "N/A"]
        if len(readable) < len(rows):
            found.add(("rows_rejected", one, ""))
        difference = sum(number(row["amount"]) for row in readable) - sample.total(one)
        if difference:
            found.add(("settlement_does_not_foot", one, f"{difference:.2f}"))
    assert found == expected("rows_rejected", "settlement_does_not_foot")
    assert len(sample.headers) == 15


def test_sample_chains_have_exactly_the_planted_problems() -> None:
    """Reserves and debts from one settlement to the next."""
    sample = Sample()
    found = set()
    for currency in ("USD", "EUR"):
        for before, after in pairwise(sample.chain(currency)):
            held = -sum(sample.amounts(before, make_sample.RESERVE_HELD))
            released = sum(sample.amounts(after, make_sample.RESERVE_RELEASED))
            if held != released:
                found.add(("reserve_chain_broken", after, f"{released - held:.2f}"))
            debt = sum(sample.amounts(after, make_sample.PAYABLE))
            if debt != min(sample.total(before), Decimal(0)):
                found.add(("opening_debt_unexplained", after, f"{debt:.2f}"))
    assert found == expected("reserve_chain_broken", "opening_debt_unexplained")


def test_sample_deposits_have_exactly_the_planted_problems() -> None:
    """Totals against the statements, by a plain reading of the rules."""
    sample = Sample()
    found = set()
    deposits = {row["Transaction id"]: row for row in sample.bank if "AMAZON" in row["Description"]}
    returned = {t for one in sample.rows for t in sample.amounts(one, make_sample.TRANSFER_FAILED)}
    covered: dict[str, date] = {}
    for row in sample.bank:
        day = date.fromisoformat(row["Date"])
        covered[row["Currency"]] = max(day, covered.get(row["Currency"], day))
    for one, header in sample.headers.items():
        total, due = sample.total(one), sample.deposit_date(one)
        near = {
            key: number(row["Amount"])
            for key, row in deposits.items()
            if row["Currency"] == header["currency"]
            and timedelta(-1) <= date.fromisoformat(row["Date"]) - due <= timedelta(5)
        }
        equal = [key for key, amount in near.items() if amount == total]
        named = [key for key in near if one in deposits[key]["Description"]]
        if len(equal) == 2:
            found.add(("deposit_ambiguous", one, f"{total:.2f}"))
        elif named:
            found.add(("deposit_differs", one, f"{near[named[0]] - total:.2f}"))
            del deposits[named[0]]
        elif equal:
            del deposits[equal[0]]
        elif total > 0 and total not in returned and covered[header["currency"]] >= due + timedelta(5):
            found.add(("deposit_overdue", one, f"{total:.2f}"))
    ambiguous = {amount for code, _, amount in found if code == "deposit_ambiguous"}
    for key, row in deposits.items():
        if row["Amount"] not in ambiguous:
            found.add(("deposit_unexplained", key, row["Amount"]))
    codes = ("deposit_ambiguous", "deposit_differs", "deposit_overdue", "deposit_unexplained")
    assert found == expected(*codes)
