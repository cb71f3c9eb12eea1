"""A sound retailer of six weeks as the rows of its systems' exports, which the kinds change before they are written as files.

Stores, web shop and stock are those of the simulated company; settlements of three marketplaces come every four days. What does
not belong here: anything that is wrong (see the modules of kinds), and anything shared with the product.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from retail_sync_tests import sample_settings, store_files
from retail_sync_tests.simulated_catalogue import ARTICLES, BY_SKU, FBA
from retail_sync_tests.simulated_company import company_days, shipments_of
from retail_sync_tests.simulator import CA, DE, OTHER, US, Market, Row, Settlement, random_settlement, write_v2
from retail_sync_tests.web_files import WebExports, web_listing_rows

FIRST, LAST = date(2026, 8, 31), date(2026, 10, 11)
STATEMENT_TO = date(2026, 12, 1)
"""Beyond the reach of every rule of deposits, so that what has not come by then is overdue."""
SETTLED_EVERY, SETTLEMENTS, SETTLEMENT_LINES = timedelta(days=4), 10, 24
_STARTS_AT = datetime(FIRST.year, FIRST.month, FIRST.day, 15, 12, 40, tzinfo=UTC)
_COUNTED = datetime.combine(LAST, store_files.COUNTED_AT)
AMAZON_ACCOUNTS = {"USD": "HB-USD-0417", "EUR": "HB-EUR-0418", "CAD": "HB-CAD-0419"}
MARKETS = (US, DE, CA)
SHOP = "fernway.example"


def _copies(settings: str, **names: str) -> str:
    """The blocks of these sources again, each under its other name."""
    blocks = settings.split("[[source]]")
    return "".join(
        f"[[source]]{block.replace(name, other, 1)}"
        for block in blocks
        for name, other in names.items()
        if f'name = "{name}"' in block
    )


_RENAMED_TILLS = _copies(
    sample_settings.STORES, till_receipts="till_receipts_renamed", till_tenders="till_tenders_renamed"
)
"""The tills' exports under a second name, as when a source is renamed and its files come again."""
NEXT_ERP = "next_erp_snapshots"
"""The snapshots of an ERP that runs beside the one that is believed, which is to be replaced by it."""
OWNERSHIP = """domain,location,source,valid_from,valid_to,prepared_by,approved_by
stock,*,erp_snapshots,2000-01-01,,finance,controller
"""
SETTINGS = f"""
[warehouse]
threads = 1
{sample_settings.SETTINGS}
[[source]]
name = "fba_counts"
connector = "declared_csv"
object = "stock_counts"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/Los_Angeles"

[source.columns]
counted_at = "Counted at"
location_id = "Location"
sku = "SKU"
quantity = "Quantity"
kind = "=marketplace"

[[source]]
name = "web_returns"
connector = "declared_csv"
object = "returns"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"

[source.columns]
channel = "=shopify"
return_id = "Return"
order_id = "Order"
returned_at = "Received"
location_id = "Location"
sku = "SKU"
quantity = "Quantity"
disposition = {{from = "Condition", values = {{A = "restocked", B = "written_off"}}}}
currency = "=USD"
refund_amount = "=0"

[[source]]
name = "store_returns"
connector = "declared_csv"
object = "returns"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"

[source.columns]
channel = "Store"
return_id = "Return"
order_id = "Order"
returned_at = "Taken"
location_id = "Store"
sku = "SKU"
quantity = "Quantity"
disposition = {{from = "Condition", values = {{A = "restocked", B = "written_off"}}}}
currency = "=USD"
refund_amount = "Refund"

{_RENAMED_TILLS}
{_copies(sample_settings.SETTINGS, erp_snapshots=NEXT_ERP)}
""".replace('S01 = "America/New_York"', 'S01 = "America/New_York", R01 = "America/New_York"')
HEADERS = {source: header.split(",") for source, header in store_files.HEADERS.items()}
HEADERS |= {
    "fba_counts": HEADERS["erp_counts"],
    "till_receipts_renamed": HEADERS["till_receipts"],
    "till_tenders_renamed": HEADERS["till_tenders"],
    NEXT_ERP: HEADERS["erp_snapshots"],
    "web_returns": "Return,Order,Received,Location,SKU,Quantity,Condition".split(","),
    "store_returns": "Return,Order,Taken,Store,SKU,Quantity,Condition,Refund".split(","),
}

Cells = dict[str, str]
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Break:
    """A row of reconcile.breaks. `candidates` are the causes that an undetermined one must name."""

    reconciliation: str
    subject: str
    break_class: str
    amount: Decimal | None
    currency: str
    since: date
    candidates: str = ""


class NothingLeftError(LookupError):
    """Every place that suits a kind is taken by another."""


@dataclass(slots=True)
class Statement:
    """A settlement of a marketplace: what its header states, its rows, and what is damaged in its file."""

    settlement: Settlement
    rows: list[Row]
    total: Decimal
    has_header: bool = True
    unreadable: Row | None = None

    @property
    def settlement_id(self) -> str:
        """Its number, which is its subject as well."""
        return self.settlement.settlement_id

    @property
    def closing(self) -> date:
        """The local day its period ends; at that hour it is the same day in every marketplace."""
        return self.settlement.end_at.date()

    def file(self) -> bytes:
        """The V2 flat file of it."""
        text = write_v2(replace(self.settlement, rows=tuple(self.rows)), header_total=self.total).decode()
        lines = text.splitlines(keepends=True)
        if self.unreadable:
            at = 2 + self.rows.index(self.unreadable)
            lines[at] = lines[at].replace(f"\t{self.unreadable.amount:f}\t", "\tN/A\t")
        return "".join(lines if self.has_header else lines[:1] + lines[2:]).encode()


@dataclass(slots=True)
class Payout:
    """Money that a channel says it sends, the line of the bank that shows it, and the row of the channel's list, if it has one."""

    subject: str
    number: str
    channel: str
    currency: str
    day: date
    total: Decimal
    bank: Cells
    listed: Cells | None = None

    @property
    def paid_on(self) -> date:
        """The day the bank shows."""
        return day_of(self.bank["Date"])

    def unexplained(self) -> Break:
        """What is told of the bank's line where nothing explains it."""
        number, amount = self.bank["Transaction id"], Decimal(self.bank["Amount"])
        return Break("settlement_deposit", number, "deposit_unexplained", amount, self.currency, self.paid_on)


@dataclass(slots=True)
class Company:
    """The rows of every export by source, and what kinds have taken for themselves."""

    rng: random.Random
    tables: dict[str, list[Cells]]
    statements: dict[str, list[Statement]]
    payouts: dict[str, Payout] = field(default_factory=dict)
    on_writing: list[Callable[[dict[str, bytes]], None]] = field(default_factory=list)
    refund_payouts: list[Payout] = field(default_factory=list)
    _claimed: set[Hashable] = field(default_factory=set)
    _levels: dict[tuple[str, str], dict[date, Cells]] = field(default_factory=lambda: defaultdict(dict))
    _bank_number: int = 81

    def pick(self, things: Iterable[Thing], claims: Callable[[Thing], Iterable[Hashable]]) -> Thing:
        """Choose one of which nothing is taken yet, and take it: no two problems may concern the same thing."""
        candidates = list(things)
        self.rng.shuffle(candidates)
        for thing in candidates:
            wanted = set(claims(thing))
            if not wanted & self._claimed:
                self._claimed |= wanted
                return thing
        raise NothingLeftError

    def is_free(self, thing: Hashable) -> bool:
        """Whether no kind has taken it yet."""
        return thing not in self._claimed

    def reserve(self, *things: Hashable) -> None:
        """Take things that no kind may choose."""
        self._claimed.update(things)

    # ---- Money ----------------------------------------------------------------------------------

    def bank_line(self, day: date, account: str, text: str, amount: Decimal, currency: str) -> Cells:
        """Add a line to a bank statement; the bank numbers its lines as they come."""
        self._bank_number += 1
        number = f"HB-{account[-4:]}-26{self._bank_number:05d}"
        row = dict(zip(HEADERS["bank"], (f"{day}", account, text, f"{amount:.2f}", currency, number), strict=True))
        self.tables["bank"].append(row)
        return row

    def change_payout(self, payout: Payout, gross: Decimal, fee: Decimal) -> None:
        """Let a payout hold charges of so much more (or less), and the bank show it."""
        assert payout.listed is not None
        payout.total += gross - fee
        add(payout.listed, "Charges", gross)
        add(payout.listed, "Fees", -fee)
        add(payout.listed, "Net" if payout.channel == "square" else "Total", gross - fee)
        add(payout.bank, "Amount", gross - fee)

    def set_total(self, statement: Statement) -> None:
        """Let a settlement's header, and the bank, follow its rows."""
        statement.total = sum((row.amount for row in statement.rows), Decimal(0))
        payout = self.payouts[statement.settlement_id]
        payout.total = statement.total
        payout.bank["Amount"] = f"{statement.total:.2f}"

    # ---- Stock ----------------------------------------------------------------------------------

    def levels(self, location: str, sku: str) -> dict[date, Cells]:
        """The snapshot rows of an article at a place, by day."""
        if not self._levels:
            for row in self.tables["erp_snapshots"]:
                self._levels[row["Location"], row["SKU"]][date.fromisoformat(row["Date"])] = row
        return self._levels[location, sku]

    def shift(self, location: str, sku: str, since: date, units: int, until: date = LAST) -> None:
        """Let the ERP's snapshots follow what it booked otherwise, from a day on."""
        for day, row in self.levels(location, sku).items():
            if since <= day <= until:
                row["On hand"] = str(int(row["On hand"]) + units)

    # ---- Files ----------------------------------------------------------------------------------

    def files(self) -> dict[str, bytes]:
        """Every file by `source/name`."""
        files = {f"{source}/all.csv": as_csv(source, rows) for source, rows in self.tables.items()}
        for chain in self.statements.values():
            for one in chain:
                files[f"amazon/settlement_{one.settlement_id}.txt"] = one.file()
        for change in self.on_writing:
            change(files)
        return files


def as_csv(source: str, rows: Iterable[Cells]) -> bytes:
    """A file of that source with its header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADERS[source], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def add(row: Cells, column: str, amount: Decimal) -> None:
    """Add to an amount of a row."""
    row[column] = f"{Decimal(row[column]) + amount:.2f}"


def day_of(text: str) -> date:
    """The day of a cell that begins with it."""
    return date.fromisoformat(text[:10])


def account_row(description: str, amount: Decimal, at: datetime) -> Row:
    """A row of a settlement that belongs to no order."""
    return Row(OTHER, OTHER, description, amount, at, marketplace="")


def cost(sku: str, units: int) -> Decimal:
    """What units of an article cost."""
    return (BY_SKU[sku].cost_cents * Decimal(units)).scaleb(-2)


def sound_company(seed: int, attempt: int = 0) -> Company:
    """The retailer before anything is planted in it; another attempt chooses other places."""
    statements = {market.currency: list(_chain(seed, market)) for market in MARKETS}
    company = Company(random.Random(f"{seed}|{attempt}|truth"), _tables(seed, statements["USD"]), statements)
    for statement in (one for chain in statements.values() for one in chain):
        _pay_settlement(company, statement)
    _pay_stores(company)
    _pay_shop(company)
    for account, currency in ((store_files.ACCOUNT, "USD"), *((a, c) for c, a in AMAZON_ACCOUNTS.items())):
        company.bank_line(STATEMENT_TO, account, "ACCOUNT FEE", Decimal("-25.00"), currency)
    return company


def _chain(seed: int, market: Market) -> Iterator[Statement]:
    """Settlements without a gap, each with something to pay out."""
    place = MARKETS.index(market)
    for number in range(SETTLEMENTS):
        start = _STARTS_AT + number * SETTLED_EVERY
        numbered = f"{31_000_000_000 + seed * 1000 + number * 10 + place}"
        for attempt in range(1000):
            settlement = random_settlement(
                (seed * 100 + number) * 3000 + attempt * 3 + place, SETTLEMENT_LINES, settlement_id=numbered,
                market=market, start_at=start, end_at=start + SETTLED_EVERY, subscription=number == 0,
            )  # fmt: skip
            if settlement.lines_sum > 40:
                break
        yield Statement(settlement, list(settlement.rows), settlement.lines_sum)


def _pay_settlement(company: Company, statement: Statement) -> None:
    currency, day = statement.settlement.currency, statement.settlement.deposit_at.date()
    paid_on = day + timedelta(days=company.rng.randrange(2))
    text = f"AMAZON MKTPL PMTS {statement.settlement_id}"
    bank = company.bank_line(paid_on, AMAZON_ACCOUNTS[currency], text, statement.total, currency)
    number = statement.settlement_id
    company.payouts[number] = Payout(number, number, "amazon", currency, day, statement.total, bank)


def _pay_stores(company: Company) -> None:
    for row in company.tables["square_payouts"]:
        number, day, total = row["Payout ID"], day_of(row["Payout date"]), Decimal(row["Net"])
        bank = company.bank_line(day, store_files.ACCOUNT, f"SQUARE INC {number}", total, "USD")
        company.payouts[number] = Payout(f"square/square/USD/{number}", number, "square", "USD", day, total, bank, row)


def _pay_shop(company: Company) -> None:
    numbers = {row["Payout Date"]: row["Payout ID"] for row in company.tables["shopify_sales"] if row["Payout ID"]}
    for row in company.tables["shopify_payouts"]:
        number, day, total = numbers[row["Payout Date"]], day_of(row["Payout Date"]), Decimal(row["Total"])
        bank = company.bank_line(day, store_files.WEB_ACCOUNT, "SHOPIFY PAYMENTS TRANSFER", total, "USD")
        company.payouts[number] = Payout(
            f"shopify/{SHOP}/USD/{number}", number, "shopify", "USD", day, total, bank, row
        )


def _tables(seed: int, statements: Sequence[Statement]) -> dict[str, list[Cells]]:
    exports = store_files.Exports()
    web = WebExports(exports, FIRST, LAST)
    rows = (row for statement in statements for row in statement.rows)
    for before, day in company_days(seed, FIRST, LAST, shipments_of(rows, FIRST, LAST)):
        if day.day == FIRST:
            exports.add("erp_snapshots", "first", store_files.snapshot_rows(FIRST - timedelta(days=1), before))
        store_files.add_day(exports, day, FIRST)
        web.add(day.web)
        if day.day == LAST:
            exports.add("erp_counts", "count", store_files.count_rows(_COUNTED, store_files.counted(day.levels)))
            there = [level for level in day.levels if level.location == FBA]
            exports.add("amazon_listings", "listings", store_files.listing_rows(_COUNTED, day.levels, {}))
            exports.add("web_listings", "listings", web_listing_rows(_COUNTED, day.levels))
    tables: dict[str, list[Cells]] = defaultdict(list)
    for name, content in {**store_files.master_files(FIRST), **exports.take()}.items():
        tables[name.split("/")[0]] += csv.DictReader(io.StringIO(content.decode()))
    tables["erp_prices"] += [{**row, "Price list": "shopify"} for row in tables["erp_prices"][: len(ARTICLES)]]
    tables["shopify_sales"] = _told_once(tables["shopify_sales"])
    tables["bank"] = []
    counted = store_files.count_rows(_COUNTED, there)
    tables["fba_counts"] = [dict(zip(HEADERS["fba_counts"], row, strict=True)) for row in counted]
    return dict(tables)


def _told_once(rows: list[Cells]) -> list[Cells]:
    """A shop's weekly exports overlap: of a payment that comes pending and then in a payout, the second."""
    paid = Counter((row["Order"], row["Type"]) for row in rows if row["Payout ID"])
    return [row for row in rows if row["Payout ID"] or not paid[row["Order"], row["Type"]]]
