"""The stores, the web shop and the stock of the sample company: one month, with what is planted in it, as files and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from retail_sync_tests import stock_problems, store_files, store_problems, web_problems
from retail_sync_tests.answers import Answer
from retail_sync_tests.simulated_catalogue import CURRENCY, STORES
from retail_sync_tests.simulated_company import Deposit, cash_deposit, company_days, monday, shipments_of
from retail_sync_tests.simulated_stock import Level
from retail_sync_tests.simulated_stores import Drawer, Receipt
from retail_sync_tests.simulator import Row, cents
from retail_sync_tests.store_problems import STRAY_CREDIT
from retail_sync_tests.web_files import WebExports, web_deposits, web_listing_rows

SEED = 20_261_001
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
STATEMENT_TO = date(2026, 11, 20)
_COUNTED = datetime.combine(LAST, store_files.COUNTED_AT)
_SUNDAY = 6

UNRELATED = (
    Deposit(date(2026, 10, 1), "RENT 118 ORCHARD ST NEW YORK", -640_000),
    Deposit(date(2026, 10, 1), "RENT 2214 SUNSET BLVD LOS ANGELES", -585_000),
    Deposit(date(2026, 10, 15), "PAYROLL STORES", -912_460),
    Deposit(date(2026, 10, 21), "TRANSFER FROM HB-USD-0610", 350_000),
    Deposit(date(2026, 10, 30), "PAYROLL STORES", -934_115),
    Deposit(date(2026, 11, 2), "RENT 118 ORCHARD ST NEW YORK", -640_000),
    Deposit(date(2026, 11, 2), "RENT 2214 SUNSET BLVD LOS ANGELES", -585_000),
    Deposit(STATEMENT_TO, "ACCOUNT FEE", -2_500),
)
WEB_STATEMENT_TO = date(2026, 11, 1)
WEB_UNRELATED = (
    Deposit(date(2026, 10, 1), "WEB HOSTING OCTOBER", -8_900),
    Deposit(date(2026, 10, 12), "PARCEL CARRIER INV 70215", -61_240),
    Deposit(date(2026, 10, 21), "TRANSFER TO HB-USD-0528", -350_000),
    Deposit(date(2026, 10, 26), "PARCEL CARRIER INV 71130", -58_015),
    Deposit(WEB_STATEMENT_TO, "WEB HOSTING NOVEMBER", -8_900),
)


@dataclass(frozen=True, slots=True)
class StoreSample:
    """Files by their path inside the sample, and the exceptions to expect of them."""

    files: dict[str, bytes]
    answers: list[Answer]
    receipt_count: int
    late_receipt_count: int
    order_count: int


def store_sample(settlement_rows: Iterable[Row]) -> StoreSample:
    """Build the month; `settlement_rows` say what Amazon sent to customers from our stock."""
    exports, answers, deposits = store_files.Exports(), list[Answer](), [*UNRELATED, STRAY_CREDIT]
    late: list[Receipt] = []
    drawers: list[Drawer] = []
    levels: tuple[Level, ...] = ()
    receipt_count = order_count = 0
    web, web_statement = WebExports(exports, FIRST, LAST), [*WEB_UNRELATED]
    shifts: stock_problems.Shifts = Counter()
    for before, true_day in company_days(SEED, FIRST, LAST, shipments_of(settlement_rows, FIRST, LAST)):
        if true_day.day == FIRST:
            opening = store_files.snapshot_rows(FIRST - timedelta(days=1), before)
            exports.add("erp_snapshots", f"snapshots_{FIRST}", opening)
        day, found = store_problems.plant(true_day)
        day, found_in_stock = stock_problems.plant(day, shifts)
        day, held = store_problems.hold_back(day)
        web_day, found_in_web = web_problems.plant(true_day.web)
        answers += [*found, *found_in_stock, *found_in_web]
        late += held
        receipt_count += len(true_day.receipts)
        deposits += day.deposits
        drawers += store_problems.really_held(true_day, day)
        if day.day.weekday() == _SUNDAY or day.day == LAST:
            deposits += _brought_to_bank(monday(day.day) + timedelta(days=7), drawers)
            drawers.clear()
        store_files.add_day(exports, day, FIRST)
        web.add(web_day)
        web_statement += web_deposits(web_day)
        order_count += len(web_day.orders)
        levels = day.levels
    counted, found_by_counting = stock_problems.miscount(store_files.counted(levels))
    listed, found_in_listings = stock_problems.oversell(levels)
    exports.add("erp_counts", "count_2026-10-31", store_files.count_rows(_COUNTED, counted))
    exports.add("amazon_listings", "listings_2026-10-31", store_files.listing_rows(_COUNTED, levels, listed))
    exports.add("web_listings", "listings_2026-10-31", web_listing_rows(_COUNTED, levels))
    exports.add(
        "bank",
        f"statement_{store_files.WEB_ACCOUNT}_{FIRST}_{WEB_STATEMENT_TO}",
        store_files.statement_rows(web_statement, store_files.WEB_ACCOUNT),
    )
    statement = store_files.statement_rows(deposits)
    exports.add("bank", f"statement_{store_files.ACCOUNT}_{FIRST}_{STATEMENT_TO}", statement)
    files = {**store_files.master_files(FIRST), **exports.take()}
    answers += [_stray(statement), *found_by_counting, *found_in_listings]
    return StoreSample(
        {**{f"inbox/{name}": content for name, content in files.items()}, **_late_files(late)},
        answers,
        receipt_count,
        len(late),
        order_count,
    )


def _brought_to_bank(day: date, drawers: Iterable[Drawer]) -> list[Deposit]:
    all_drawers = list(drawers)
    return [
        cash_deposit(day, store.store, [drawer for drawer in all_drawers if drawer.store == store.store])
        for store in STORES
    ]


def _stray(statement: Iterable[tuple[str, ...]]) -> Answer:
    number = next(row[-1] for row in statement if row[2] == STRAY_CREDIT.text)
    return Answer(
        "deposit_unexplained",
        number,
        cents(STRAY_CREDIT.amount),
        CURRENCY,
        "a credit by the card processor that no payout lists",
    )


def _late_files(receipts: Iterable[Receipt]) -> dict[str, bytes]:
    """What the store sends when its line is up again: the receipts of the outage, and their tenders."""
    exports = store_files.Exports()
    for receipt in receipts:
        exports.add("till_receipts", "receipts_S02_2026-10-23_late", store_files.receipt_rows(receipt))
        exports.add("till_tenders", "tenders_S02_2026-10-23_late", store_files.tender_rows(receipt))
    return {f"later/{name}": content for name, content in exports.take().items()}
