"""Writes the sample company, `data/sample`: run `python -m retail_sync_tests.make_sample`.

The company, its settlements and every planted problem are stated as data at the top. The amounts
in `answers.csv` are computed here, from what is written, never by the product that must find them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from retail_sync_tests.answers import HEADER, Answer
from retail_sync_tests.sample_readme import README
from retail_sync_tests.sample_settings import CHANNEL_LOCATIONS
from retail_sync_tests.sample_settings import SETTINGS as ALL_SOURCES
from retail_sync_tests.sample_stores import WEB_STATEMENT_TO, StoreSample, store_sample
from retail_sync_tests.simulator import (
    ADVERTISING,
    CARD_CHARGE,
    DE,
    OTHER,
    US,
    V2_COLUMNS,
    Market,
    Row,
    Settlement,
    random_rows,
    write_v2,
)

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"

PAYABLE = "Payable to Amazon"
RESERVE_HELD = "Current Reserve Amount"
RESERVE_RELEASED = "Previous Reserve Amount Balance"
TRANSFER_FAILED = (
    "Transfer of funds unsuccessful: We could not transfer funds to your bank account because "
    "the account information on file is invalid. Please update your bank account information."
)
REIMBURSEMENT = "FBA Inventory Reimbursement"

# ---- The company ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extra:
    """A row beside the random ones."""

    triple: tuple[str, str, str]
    amount: Decimal
    hours: int
    order_id: str = ""
    sku: str = ""
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One settlement. `bank_date=None` means that no deposit of its own reaches the bank."""

    key: str
    settlement_id: str
    market: Market
    start: str
    end: str
    lines: int
    bank_date: str | None
    extras: tuple[Extra, ...] = ()


def _extra(names: str, amount: str, hours: int, **more: str) -> Extra:
    """`names` is a full triple, or the description of an other-transaction alone."""
    parts = names.split(" / ")
    triple = (parts[0], parts[1], parts[2]) if len(parts) == 3 else (OTHER, OTHER, names)
    quantity = int(more.pop("quantity")) if "quantity" in more else None
    return Extra(triple, Decimal(amount), hours, quantity=quantity, **more)


_LABEL = _extra("Shipping label purchase for return", "-4.90", 150)

PLANS = (
    Plan("us-01", "31240017351", US, "2026-09-01", "2026-09-08", 84, "2026-09-11", (
        _extra("Subscription Fee", "-39.99", 60),
        _extra("Storage Fee", "-48.16", 140),
        _extra(RESERVE_HELD, "-240.00", 167),
    )),
    Plan("us-02", "31240958827", US, "2026-09-08", "2026-09-15", 96, "2026-09-18", (
        _extra(RESERVE_RELEASED, "240.00", 0),
        _extra("FBAFees / Inbound Defect Fee / Base fee", "-9.75", 52, order_id="FBA19KX4M2TQ"),
        _extra(RESERVE_HELD, "-315.00", 167),
    )),
    Plan("us-03", "31242103364", US, "2026-09-15", "2026-09-22", 88, "2026-09-25", (
        _extra(RESERVE_RELEASED, "267.50", 0),
        _extra(f"{OTHER} / {REIMBURSEMENT} / WAREHOUSE_LOST", "14.25", 97,
               sku="FW-SOAP-BAR-4PK", quantity="1"),
    )),
    Plan("us-04", "31243377190", US, "2026-09-22", "2026-09-29", 92, None),
    Plan("us-05", "31244820476", US, "2026-09-29", "2026-10-06", 110, "2026-10-09", (
        _extra("Subscription Fee", "-39.99", 66),
    )),
    Plan("us-06", "31246015508", US, "2026-10-06", "2026-10-11", 70, "2026-10-16", (
        _extra("Storage Fee", "-51.07", 45),
    )),
    Plan("us-07", "31246688213", US, "2026-10-11", "2026-10-13", 70, "2026-10-16"),
    Plan("us-08", "31247290945", US, "2026-10-13", "2026-10-20", 90, "2026-10-23", (
        _extra("RemovalComplete", "-3.12", 71),
        _extra(f"{OTHER} / {REIMBURSEMENT} / WAREHOUSE_DAMAGE", "23.80", 118,
               sku="FW-VASE-FERN-M", quantity="1"),
    )),
    Plan("us-09", "31248651732", US, "2026-10-20", "2026-10-27", 94, None),
    Plan("us-10", "31249904067", US, "2026-10-27", "2026-11-03", 102, "2026-11-06", (
        _extra(PAYABLE, "-58.20", 0),
        _extra("Subscription Fee", "-39.99", 150),
    )),
    Plan("us-11", "31251236689", US, "2026-11-03", "2026-11-10", 86, "2026-11-13", (
        _extra("Storage Fee", "-55.92", 98),
    )),
    Plan("de-01", "40718226013", DE, "2026-09-21", "2026-10-05", 42, None, (
        _extra("Inbound Transportation Fee", "-412.40", 30),
        _extra("Subscription Fee", "-39.00", 49),
    )),
    Plan("de-02", "40720841597", DE, "2026-10-05", "2026-10-19", 80, "2026-10-23", (
        _LABEL,
        _LABEL,
    )),
    Plan("de-03", "40723390628", DE, "2026-10-19", "2026-11-02", 96, "2026-11-06", (
        _extra("Subscription Fee", "-39.00", 49),
    )),
    Plan("de-04", "40726014475", DE, "2026-11-02", "2026-11-16", 90, None, (
        _extra("ServiceFee / Sustainability Programme Fee / Base fee", "-12.40", 200),
    )),
)  # fmt: skip

CLOCK = {"USD": time(15, 12, 40, tzinfo=UTC), "EUR": time(9, 41, 15, tzinfo=UTC)}
ACCOUNTS = {"USD": "HB-USD-0417", "EUR": "HB-EUR-0933"}
DEPOSIT_TEXT = {"USD": "AMAZON MKTPL PMTS ACH CREDIT", "EUR": "AMAZON PAYMENTS EUROPE SCA"}

# Sound, though unusual: nothing here is to be reported.
DEBT_CHARGED_TO_CARD = ("de-01", "de-02")
TRANSFER_ROLLED_FORWARD = ("us-04", "us-05")
COPIED = "us-02"

# ---- The planted problems ---------------------------------------------------------------------

LINE_REMOVED = ("us-08", "WAREHOUSE_DAMAGE")
FEE_WITHOUT_RULE = ("de-04", "Sustainability Programme Fee")
AMOUNT_UNREADABLE = ("us-11", "Commission", 6)
"""The settlement, the amount description, and which of its rows (the sixth)."""

PAID_SHORT = ("de-03", Decimal("25.00"))
NEVER_PAID = "us-09"
SAME_TOTALS = ("us-06", "us-07")
RESERVE_BROKEN = ("us-02", "us-03")
DEBT_UNKNOWN = "us-10"
REISSUED = ("us-01", "Storage Fee", Decimal("-84.61"))
"""The settlement whose first issue states the fee wrongly; its second issue comes later."""

ERROR_PAGE = "settlement_us_2026-11-19_31252577314.txt"
UNEXPLAINED_DEPOSIT = ("2026-11-20", "USD", Decimal("684.37"))
"""The money of the week whose file turned out to be an error page."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head><title>503 Service Unavailable</title></head>
<body>
<h1>Service Unavailable</h1>
<p>The report could not be downloaded. Please try again later.</p>
</body>
</html>
"""

# ---- The bank ---------------------------------------------------------------------------------

UNRELATED = (
    ("2026-09-01", "USD", "RENT UNIT 4 MILL LANE", "-2350.00"),
    ("2026-09-03", "USD", "WHOLESALE PINE AND HARBOR STORES INV 2207", "1860.00"),
    ("2026-09-14", "USD", "CREDIT CARD AUTOPAY", "-1204.77"),
    ("2026-09-15", "USD", "PAYROLL", "-3180.40"),
    ("2026-09-16", "USD", "TRANSFER TO EUR ACCOUNT", "-1800.00"),
    ("2026-09-30", "USD", "PAYROLL", "-3180.40"),
    ("2026-09-30", "USD", "CARD PROCESSING FEES SEPTEMBER", "-64.12"),
    ("2026-10-01", "USD", "RENT UNIT 4 MILL LANE", "-2350.00"),
    ("2026-10-06", "USD", "WHOLESALE PINE AND HARBOR STORES INV 2231", "2145.50"),
    ("2026-10-14", "USD", "CREDIT CARD AUTOPAY", "-1388.05"),
    ("2026-10-15", "USD", "PAYROLL", "-3180.40"),
    ("2026-10-20", "USD", "OCEAN FREIGHT BILL 88016", "-1427.60"),
    ("2026-10-30", "USD", "PAYROLL", "-3180.40"),
    ("2026-10-30", "USD", "CARD PROCESSING FEES OCTOBER", "-71.88"),
    ("2026-11-02", "USD", "RENT UNIT 4 MILL LANE", "-2350.00"),
    ("2026-11-05", "USD", "WHOLESALE PINE AND HARBOR STORES INV 2258", "1972.00"),
    ("2026-11-13", "USD", "PAYROLL", "-3180.40"),
    ("2026-11-16", "USD", "CREDIT CARD AUTOPAY", "-1516.33"),
    ("2026-11-20", "USD", "CARD PROCESSING FEES NOVEMBER PART 1", "-39.45"),
    ("2026-09-17", "EUR", "TRANSFER FROM USD ACCOUNT", "1655.20"),
    ("2026-09-28", "EUR", "VAT ADVISER SEPTEMBER", "-120.00"),
    ("2026-10-02", "EUR", "ACCOUNT FEE", "-9.50"),
    ("2026-10-28", "EUR", "VAT ADVISER OCTOBER", "-120.00"),
    ("2026-11-03", "EUR", "ACCOUNT FEE", "-9.50"),
    ("2026-11-20", "EUR", "PACKAGING LICENCE", "-86.00"),
)
STATEMENT_FROM, STATEMENT_TO = "2026-09-01", "2026-11-20"

SETTINGS = f"""\
# The sample company: one seller on Amazon US (USD) and Amazon DE (EUR), a Shopify web shop, two stores, a card processor, a
# warehouse and stock at Amazon. One bank with four accounts. There is no home currency: each settlement is kept in its own.
{ALL_SOURCES}"""


# ---- Settlements ------------------------------------------------------------------------------


def build() -> dict[str, Settlement]:
    """All settlements as they truly are, by key; problems are planted when files are written."""
    built: dict[str, Settlement] = {}
    for plan in PLANS:
        settlement = _settlement(plan, plan.extras)
        carried = _carried(plan.key, settlement, built)
        built[plan.key] = _settlement(plan, (*plan.extras, *carried)) if carried else settlement
    return built


def _settlement(plan: Plan, extras: Sequence[Extra]) -> Settlement:
    clock = CLOCK[plan.market.currency]
    start_at = datetime.combine(date.fromisoformat(plan.start), clock)
    end_at = datetime.combine(date.fromisoformat(plan.end), clock)
    rows = list(
        random_rows(
            int(plan.settlement_id),
            plan.lines,
            market=plan.market,
            start_at=start_at,
            end_at=end_at,
            subscription=False,
        )
    )
    rows += [_extra_row(extra, start_at) for extra in extras]
    rows.sort(key=lambda row: row.posted_at)
    return Settlement(
        plan.settlement_id,
        start_at,
        end_at,
        end_at + timedelta(days=2),
        plan.market.currency,
        plan.market.name,
        tuple(rows),
    )


def _extra_row(extra: Extra, start_at: datetime) -> Row:
    """Rows of the account name no marketplace, except where they are about a product."""
    return Row(
        *extra.triple,
        extra.amount,
        start_at + timedelta(hours=extra.hours),
        order_id=extra.order_id,
        sku=extra.sku,
        quantity=extra.quantity,
        marketplace=None if extra.sku else "",
    )


def _carried(key: str, settlement: Settlement, built: dict[str, Settlement]) -> tuple[Extra, ...]:
    """The rows that depend on the total of an earlier settlement."""
    if key == DEBT_CHARGED_TO_CARD[1]:
        debt = built[DEBT_CHARGED_TO_CARD[0]].header_total
        assert debt < 0, "the settlement that leaves a debt must be negative"
        return _extra(PAYABLE, str(debt), 0), _extra(CARD_CHARGE, str(-debt), 1)
    if key == TRANSFER_ROLLED_FORWARD[1]:
        failed = built[TRANSFER_ROLLED_FORWARD[0]].header_total
        return (_extra(TRANSFER_FAILED, str(failed), 73),)
    if key == SAME_TOTALS[1]:
        gap = built[SAME_TOTALS[0]].header_total - settlement.header_total
        assert -100 < gap < -5, f"{gap} is no plausible charge for advertising"
        return (Extra(ADVERTISING, gap, 40),)
    return ()


def _row_index(settlement: Settlement, description: str, occurrence: int = 1) -> int:
    """Where the n-th row of that description, or amount type, stands."""
    found = [
        index for index, row in enumerate(settlement.rows) if description in (row.amount_type, row.amount_description)
    ]
    return found[occurrence - 1]


def _amount(settlement: Settlement, description: str, occurrence: int = 1) -> Decimal:
    return settlement.rows[_row_index(settlement, description, occurrence)].amount


# ---- Files ------------------------------------------------------------------------------------


def file_name(settlement: Settlement, suffix: str = "") -> str:
    """`settlement_us_2026-09-10_31240017351.txt`."""
    shop = "us" if settlement.currency == "USD" else "de"
    return f"settlement_{shop}_{settlement.deposit_at.date()}_{settlement.settlement_id}{suffix}.txt"


def _file(settlement: Settlement) -> bytes:
    """Amazon US writes ISO dates and a point, Amazon DE dotted dates and a comma."""
    if settlement.currency == "USD":
        return write_v2(settlement)
    return write_v2(settlement, date_style="dotted", decimal_mark=",")


def _first_delivery(key: str, settlement: Settlement) -> bytes:
    """The file in the inbox, with what is planted in it."""
    if key == LINE_REMOVED[0]:
        index = _row_index(settlement, LINE_REMOVED[1])
        rows = settlement.rows[:index] + settlement.rows[index + 1 :]
        return _file(replace(settlement, rows=rows, total=settlement.header_total))
    if key == REISSUED[0]:
        index = _row_index(settlement, REISSUED[1])
        wrong = replace(settlement.rows[index], amount=REISSUED[2])
        rows = (*settlement.rows[:index], wrong, *settlement.rows[index + 1 :])
        return _file(replace(settlement, rows=rows))
    if key == AMOUNT_UNREADABLE[0]:
        return _with_unreadable_amount(settlement)
    return _file(settlement)


def _with_unreadable_amount(settlement: Settlement) -> bytes:
    lines = _file(settlement).decode().split("\n")
    number = 2 + _row_index(settlement, *AMOUNT_UNREADABLE[1:])  # after names and header row
    cells = lines[number].split("\t")
    cells[V2_COLUMNS.index("amount")] = "N/A"
    lines[number] = "\t".join(cells)
    return "\n".join(lines).encode()


def _amazon_files(settlements: dict[str, Settlement]) -> dict[str, bytes]:
    inbox, later = "inbox/amazon/", "later/amazon/"
    files = {inbox + file_name(settlement): _first_delivery(key, settlement) for key, settlement in settlements.items()}
    copied, reissued = settlements[COPIED], settlements[REISSUED[0]]
    files[inbox + file_name(copied, "_copy")] = _file(copied)
    files[inbox + ERROR_PAGE] = HTML.encode()
    files[later + file_name(reissued, "_corrected")] = _file(reissued)
    return files


@dataclass(frozen=True, slots=True)
class BankRow:
    """A line of a bank statement."""

    value_date: str
    currency: str
    description: str
    amount: Decimal


def bank_rows(settlements: dict[str, Settlement]) -> list[BankRow]:
    """Every line of both accounts, by date; of one date, in the order in which they are stated."""
    rows = [BankRow(day, code, text, Decimal(amount)) for day, code, text, amount in UNRELATED]
    for plan in PLANS:
        if plan.bank_date is None:
            continue
        settlement = settlements[plan.key]
        amount, text = settlement.header_total, DEPOSIT_TEXT[settlement.currency]
        if plan.key == PAID_SHORT[0]:
            amount -= PAID_SHORT[1]
            text += f" REF {settlement.settlement_id}"
        rows.append(BankRow(plan.bank_date, settlement.currency, text, amount))
    day, code, amount = UNEXPLAINED_DEPOSIT
    rows.append(BankRow(day, code, DEPOSIT_TEXT[code], amount))
    rows.sort(key=lambda row: row.value_date)
    return rows


def _numbered(rows: Iterable[BankRow], currency: str) -> list[tuple[str, BankRow]]:
    """The lines of one account with the bank's transaction ids."""
    chosen = [row for row in rows if row.currency == currency]
    return [(f"HB-{currency}-26{number:05d}", row) for number, row in enumerate(chosen, 417)]


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _bank_files(settlements: dict[str, Settlement]) -> dict[str, bytes]:
    header = ("Date", "Account", "Description", "Amount", "Currency", "Transaction id")
    rows = bank_rows(settlements)
    files = {}
    for currency, account in ACCOUNTS.items():
        name = f"statement_{account}_{STATEMENT_FROM}_{STATEMENT_TO}.csv"
        files["inbox/bank/" + name] = _csv(
            header,
            [
                (r.value_date, account, r.description, f"{r.amount:.2f}", currency, transaction_id)
                for transaction_id, r in _numbered(rows, currency)
            ],
        )
    return files


# ---- Answers ----------------------------------------------------------------------------------


def answers(settlements: dict[str, Settlement]) -> list[Answer]:
    """Every exception to expect after the inbox and the later folder were processed."""
    return [
        *_file_answers(settlements),
        *_deposit_answers(settlements),
        *_chain_answers(settlements),
    ]


def _answer(code: str, settlement: Settlement, amount: Decimal | None, explanation: str) -> Answer:
    return Answer(code, settlement.settlement_id, amount, settlement.currency, explanation)


def _file_answers(settlements: dict[str, Settlement]) -> list[Answer]:
    """What is wrong inside the files."""
    footless = settlements[LINE_REMOVED[0]]
    unruled = settlements[FEE_WITHOUT_RULE[0]]
    unreadable = settlements[AMOUNT_UNREADABLE[0]]
    return [
        _answer(
            "settlement_does_not_foot",
            footless,
            -_amount(footless, LINE_REMOVED[1]),
            f"the {LINE_REMOVED[1]} line was removed after the total was made",
        ),
        _answer(
            "settlement_unclassified",
            unruled,
            _amount(unruled, FEE_WITHOUT_RULE[1]),
            f"nobody has ruled on ServiceFee / {FEE_WITHOUT_RULE[1]} / Base fee",
        ),
        _answer(
            "rows_rejected",
            unreadable,
            None,
            f"the amount of one {AMOUNT_UNREADABLE[1]} row reads N/A",
        ),
        _answer(
            "settlement_does_not_foot",
            unreadable,
            -_amount(unreadable, *AMOUNT_UNREADABLE[1:]),
            "follows from the rejected row, whose amount is missing from the sum",
        ),
        Answer("delivery_refused", f"amazon/{ERROR_PAGE}", None, "", "an HTML error page, not a settlement"),
    ]


def _deposit_answers(settlements: dict[str, Settlement]) -> list[Answer]:
    """What the bank paid otherwise."""
    short, unpaid = settlements[PAID_SHORT[0]], settlements[NEVER_PAID]
    first, second = (settlements[key] for key in SAME_TOTALS)
    day, currency, amount = UNEXPLAINED_DEPOSIT
    unexplained = next(
        transaction_id
        for transaction_id, row in _numbered(bank_rows(settlements), currency)
        if (row.value_date, row.amount) == (day, amount)
    )
    return [
        _answer(
            "deposit_differs",
            short,
            -PAID_SHORT[1],
            f"the bank names the settlement but paid {PAID_SHORT[1]} less than its total",
        ),
        _answer(
            "deposit_overdue",
            unpaid,
            unpaid.header_total,
            f"deposit date {unpaid.deposit_at.date()}, nothing in the bank to {STATEMENT_TO}",
        ),
        Answer(
            "deposit_unexplained",
            unexplained,
            amount,
            currency,
            f"a payment by Amazon without a settlement file ({ERROR_PAGE} is an error page)",
        ),
        *(
            _answer(
                "deposit_ambiguous",
                one,
                one.header_total,
                f"same total as {other.settlement_id}, and two equal deposits on the same day",
            )
            for one, other in ((first, second), (second, first))
        ),
    ]


def _chain_answers(settlements: dict[str, Settlement]) -> list[Answer]:
    """What does not continue from one settlement to the next."""
    holder, releaser = (settlements[key] for key in RESERVE_BROKEN)
    held, released = -_amount(holder, RESERVE_HELD), _amount(releaser, RESERVE_RELEASED)
    indebted = settlements[DEBT_UNKNOWN]
    return [
        _answer(
            "reserve_chain_broken",
            releaser,
            released - held,
            f"released {released:.2f} but {holder.settlement_id} held {held:.2f}",
        ),
        _answer(
            "opening_debt_unexplained",
            indebted,
            _amount(indebted, PAYABLE),
            f"{PAYABLE} equals no earlier negative total",
        ),
    ]


# ---- README and all ---------------------------------------------------------------------------


def _readme(settlements: dict[str, Settlement], stores: StoreSample) -> bytes:
    found = [*answers(settlements), *stores.answers]
    ids = {key: f"`{settlement.settlement_id}`" for key, settlement in settlements.items()}
    straddling = [
        ids[key] for key, settlement in settlements.items() if settlement.start_at.month != settlement.end_at.month
    ]
    text = README.format(
        statement_to=STATEMENT_TO,
        problem_count=len(found),
        receipt_count=stores.receipt_count,
        late_receipt_count=stores.late_receipt_count,
        order_count=stores.order_count,
        web_statement_to=WEB_STATEMENT_TO,
        settlements="\n".join(
            f"| `{s.settlement_id}` | {s.start_at.date()} to {s.end_at.date()} "
            f"| {s.deposit_at.date()} | {s.header_total:,.2f} {s.currency} "
            f"| {plan.bank_date or '-'} |"
            for plan in PLANS
            for s in (settlements[plan.key],)
        ),
        reissued=ids[REISSUED[0]],
        debt=ids[DEBT_CHARGED_TO_CARD[0]],
        debt_next=ids[DEBT_CHARGED_TO_CARD[1]],
        failed=ids[TRANSFER_ROLLED_FORWARD[0]],
        failed_next=ids[TRANSFER_ROLLED_FORWARD[1]],
        reserve=ids["us-01"],
        reserve_next=ids["us-02"],
        straddling=", ".join(straddling[:-1]) + f" and {straddling[-1]}",
        awaiting=ids["de-04"],
        identical=ids["de-02"],
        problems="\n".join(f"* `{answer.code}`, `{answer.subject}`: {answer.explanation}" for answer in found),
    )
    return text.encode()


def sample_files() -> dict[str, bytes]:
    """Every file of the sample, by its path inside `data/sample`."""
    settlements = build()
    stores = store_sample(
        row for plan in PLANS if plan.market is US for row in settlements[plan.key].rows
    )  # what Amazon sent to customers from the company's stock there
    return {
        **_amazon_files(settlements),
        **_bank_files(settlements),
        **stores.files,
        "answers.csv": _csv(HEADER, [answer.cells() for answer in (*answers(settlements), *stores.answers)]),
        "retail_sync.toml": SETTINGS.encode(),
        "rules/channel_locations.csv": CHANNEL_LOCATIONS.encode(),
        "README.md": _readme(settlements, stores),
    }


def write_sample(folder: Path) -> None:
    """Write the sample below `folder`; files that are not part of it are left alone."""
    for name, content in sample_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    write_sample(SAMPLE)
