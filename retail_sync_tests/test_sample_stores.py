"""The stores, the web shop and the stock of the committed sample, read as a spreadsheet would: exactly what is planted is wrong.

The rules are stated here once more, plainly, over the files of `data/sample`; the product is not asked.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from retail_sync_tests.make_sample import SAMPLE

Found = set[tuple[str, str, str]]
TOLERANCE = Decimal(5)


def rows(source: str, *folders: str) -> list[dict[str, str]]:
    """All rows of a source, those that came later as well."""
    found = []
    for folder in folders or ("inbox", "later"):
        for path in sorted((SAMPLE / folder / source).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                found += csv.DictReader(file)
    return found


def answers(*starts: str) -> Found:
    """(code, subject, amount) of the answers of the stores, the processor and the stock."""
    with (SAMPLE / "answers.csv").open(encoding="utf-8", newline="") as file:
        told = [(row["code"], row["subject"], row["amount"]) for row in csv.DictReader(file)]
    return {one for one in told if one[0].startswith(starts)}


def of_the_processor(found: Found) -> Found:
    """Those about payouts of Square and the stores' account."""
    return {one for one in found if one[1].startswith(("square/", "HB-0528-"))}


Till = tuple[str, str, str]


def till(row: dict[str, str], time: str = "Time") -> Till:
    """Store, day, register: the till's times are local."""
    return row["Store"], row[time][:10], row["Till"]


def sums(source: str, *amounts: str, **only: str) -> dict[Till, Decimal]:
    """Amounts by till and day."""
    found: dict[Till, Decimal] = defaultdict(Decimal)
    for row in rows(source):
        if all(row[name] == value for name, value in only.items()):
            found[till(row)] += sum((Decimal(row[name]) for name in amounts), start=Decimal(0))
    return found


def test_receipts_and_tenders() -> None:
    """Where tenders are missing or differ."""
    receipts, tenders = sums("till_receipts", "Net", "Tax"), sums("till_tenders", "Amount")
    found = set()
    for key, amount in receipts.items():
        if key not in tenders:
            found.add(("tenders_missing", " ".join(key), f"{-amount:.2f}"))
        elif tenders[key] != amount:
            found.add(("tenders_differ", " ".join(key), f"{tenders[key] - amount:.2f}"))
    assert tenders.keys() <= receipts.keys()
    assert found == answers("tenders_", "sales_")


def test_drawers_and_cash() -> None:
    """Where a drawer was not counted, or held something else than its float and its cash; not where tenders are missing."""
    cash, tenders = sums("till_tenders", "Amount", Tender="CASH"), sums("till_tenders", "Amount")
    found = set()
    for row in rows("till_drawers"):
        key = till(row, "Opened")
        if key not in tenders:
            continue
        if not row["Counted"]:
            found.add(("drawer_not_counted", " ".join(key), f"{-cash[key]:.2f}"))
            continue
        difference = Decimal(row["Counted"]) - Decimal(row["Float"]) - cash.get(key, Decimal(0))
        if abs(difference) > TOLERANCE:
            found.add(("drawer_over_short", " ".join(key), f"{difference:.2f}"))
    assert found == answers("drawer_")


def test_what_lay_in_the_drawers_is_brought_to_the_bank() -> None:
    """Each Monday the week's cash beyond the floats, as counted: bills that were missing in the evening are not banked."""
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    cash = sums("till_tenders", "Amount", Tender="CASH")
    for row in rows("till_drawers"):
        day = date.fromisoformat(row["Opened"][:10])
        next_monday = str(day + timedelta(days=7 - day.weekday()))
        # What nobody counted is banked all the same: its cash tenders, as no coin is missing there.
        in_it = Decimal(row["Counted"]) - Decimal(row["Float"]) if row["Counted"] else cash[till(row, "Opened")]
        held[row["Store"], next_monday] += in_it
    banked = {
        (row["Description"].split()[-1], row["Date"]): Decimal(row["Amount"])
        for row in rows("bank")
        if row["Description"].startswith("CASH DEPOSIT STORE ")
    }
    assert banked == held
    # 40.00 less than the 2,453.78 that the drawers should have held.
    assert banked["S01", "2026-10-19"] == Decimal("2413.78")


def test_card_tenders_and_the_processor() -> None:
    """By the receipt that the payment names, summed by store and day of the receipt."""
    paid = {row["Receipt"]: Decimal(row["Gross"]) for row in rows("square")}
    tendered, reported = defaultdict(Decimal), defaultdict(list)
    for row in rows("till_tenders"):
        if row["Tender"] == "CARD":
            key = f"{row['Store']} {row['Time'][:10]}"
            tendered[key] += Decimal(row["Amount"])
            reported[key] += [paid[row["Receipt"]]] if row["Receipt"] in paid else []
    found = {
        (
            "card_payments_differ" if reported[key] else "card_payments_missing",
            key,
            f"{sum(reported[key]) - amount:.2f}",
        )
        for key, amount in tendered.items()
        if sum(reported[key]) != amount
    }
    assert found == answers("card_")


def test_payouts_and_the_bank() -> None:
    """A payout is its payments less their fees, and the bank names it."""
    payments: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows("square"):
        payments[row["Payout ID"]] += Decimal(row["Gross"]) - Decimal(row["Fee"])
    payouts = {row["Payout ID"]: Decimal(row["Net"]) for row in rows("square_payouts")}
    assert payments == payouts
    found = set()
    bank = {row["Description"].split()[-1]: row for row in rows("bank") if "SQUARE" in row["Description"]}
    for payout, total in payouts.items():
        shown = bank.pop(payout, None)
        if shown is None:
            found.add(("deposit_overdue", f"square/square/USD/{payout}", f"{total:.2f}"))
        elif Decimal(shown["Amount"]) != total:
            found.add(("deposit_differs", f"square/square/USD/{payout}", f"{Decimal(shown['Amount']) - total:.2f}"))
    found |= {("deposit_unexplained", row["Transaction id"], row["Amount"]) for row in bank.values()}
    assert found == of_the_processor(answers("deposit_"))


def of_the_shop(found: Found) -> Found:
    """Those about payouts of the web shop."""
    return {one for one in found if one[1].startswith("shopify/")}


def test_web_payouts_and_the_bank() -> None:
    """The newest row of each payment by payout, the list of payouts by day, the bank by amount; nothing else is paid."""
    paid, ids = defaultdict(Decimal), {}
    newest = {(row["Order"], row["Type"], row["Transaction Date"]): row for row in rows("shopify_sales")}
    for row in newest.values():
        assert Decimal(row["Net"]) == Decimal(row["Amount"]) - Decimal(row["Fee"])
        if row["Payout ID"]:
            paid[row["Payout Date"]] += Decimal(row["Net"])
            ids[row["Payout Date"]] = f"shopify/fernway.example/USD/{row['Payout ID']}"
    found = set()
    bank = [(r["Date"], Decimal(r["Amount"])) for r in rows("bank") if r["Description"].startswith("SHOPIFY")]
    for row in rows("shopify_payouts"):
        day, total = row["Payout Date"], Decimal(row["Total"])
        parts = sum(Decimal(row[part]) for part in ("Charges", "Refunds", "Adjustments", "Fees"))
        assert parts == total
        if paid[day] != total:
            found.add(("settlement_does_not_foot", ids[day], f"{paid[day] - total:.2f}"))
        if row["Status"] == "failed":
            found.add(("payout_failed", ids[day], f"{total:.2f}"))
        else:
            bank.remove((day, total))
    assert bank == []
    assert found == of_the_shop(answers("settlement_", "payout_"))
    assert any(row["Payout Status"] == "pending" for row in newest.values())


def test_web_orders_are_charged_in_full() -> None:
    """Each order once, in the shop's currency; but for the charge that no export holds."""
    charged = {row["Order"]: Decimal(row["Amount"]) for row in rows("shopify_sales") if row["Type"] == "charge"}
    ordered = {row["Name"]: Decimal(row["Total"]) for row in rows("shopify_orders") if row["Total"]}
    [lost] = ordered.keys() - charged.keys()
    assert {name: total for name, total in ordered.items() if name != lost} == charged
    assert {row["Presentment Currency"] for row in rows("shopify_sales")} == {"USD", "CAD"}


@pytest.fixture(scope="module")
def cost() -> dict[str, Decimal]:
    """Cost of each article."""
    return {row["SKU"]: Decimal(row["Unit cost"]) for row in rows("erp_products")}


def sold_units() -> Counter[tuple[str, ...]]:
    """Changes of stock by place, article, day and receipt or order, as tills and marketplace tell them."""
    found: Counter[tuple[str, ...]] = Counter()
    for row in rows("till_receipts"):
        if row["SKU"]:
            found[row["Store"], row["SKU"], row["Time"][:10], row["Receipt"]] -= int(row["Qty"])
    for row in rows("amazon_shipments"):
        found["FBA", row["sku"], row["shipment-date"][:10], row["amazon-order-id"]] -= int(row["quantity-shipped"])
    for row in rows("web_shipments"):
        found[row["Location"], row["SKU"], row["Sent at"][:10], row["Order"]] -= int(row["Quantity"])
    return found


def posted_units() -> Counter[tuple[str, ...]]:
    """The same, as the ERP booked them."""
    found: Counter[tuple[str, ...]] = Counter()
    for row in rows("erp_movements"):
        if row["Type"] in ("sale", "return"):
            found[row["Location"], row["SKU"], row["Date"][:10], row["Reference"]] += int(row["Quantity"])
    return found


def cause(sku: str, sold: int, posted: int, packs: dict[str, int]) -> str:
    """What the figures of one receipt line leave as the cause."""
    if sku not in packs:
        return "unmapped_sku"
    if posted == 2 * sold:
        return "posted_twice"
    return "unit_of_measure" if posted == packs[sku] * sold else "unposted_sale"


def test_sold_and_posted(cost: dict[str, Decimal]) -> None:
    """What was sold or taken back, and what the ERP booked of it."""
    packs = {row["SKU"]: int(row["Pack"]) for row in rows("erp_products")}
    sold, posted = sold_units(), posted_units()
    found = set()
    for key in sold.keys() | posted.keys():
        if sold[key] != posted[key]:
            location, sku, day, reference = key
            value = f"{(posted[key] - sold[key]) * cost[sku]:.2f}" if sku in cost else ""
            code = cause(sku, sold[key], posted[key], packs)
            found.add((f"stock_{code}", f"{location} {sku} {day} sale {reference}", value))
    assert found == answers("stock_unposted", "stock_unmapped", "stock_posted", "stock_unit")


def test_snapshots_and_movements(cost: dict[str, Decimal]) -> None:
    """Each snapshot is the one before and the day's movements; where it is not, a transfer has one half only."""
    moved, halves = Counter(), Counter()
    for row in rows("erp_movements"):
        moved[row["Date"][:10], row["Location"], row["SKU"]] += int(row["Quantity"])
        if row["Type"] == "transfer":
            halves[row["Reference"], row["SKU"]] += int(row["Quantity"])
    levels: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for row in rows("erp_snapshots"):
        levels[row["Date"]][row["Location"], row["SKU"]] = int(row["On hand"])
    found = set()
    for before, day in pairwise(sorted(levels)):
        for (location, sku), there in levels[day].items():
            difference = there - levels[before][location, sku] - moved[day, location, sku]
            if difference:
                assert difference in [-units for (_, article), units in halves.items() if article == sku]
                subject = f"{location} {sku} {day} snapshot"
                found.add(("stock_transfer_in_transit", subject, f"{difference * cost[sku]:.2f}"))
    assert found == answers("stock_transfer")
    assert min(min(day.values()) for day in levels.values()) >= 0


def test_counts_and_listings(cost: dict[str, Decimal]) -> None:
    """Counted × the snapshot of that evening; listed × what lies where the channel sells from."""
    newest = {(r["Location"], r["SKU"]): int(r["On hand"]) for r in rows("erp_snapshots") if r["Date"] == "2026-10-31"}
    found = set()
    for row in rows("erp_counts"):
        difference = int(row["Quantity"]) - newest[row["Location"], row["SKU"]]
        if difference:
            code = "stock_shrinkage" if difference < 0 else "stock_gain"
            subject = f"{row['Location']} {row['SKU']} 2026-10-31 physical count"
            found.add((code, subject, f"{difference * cost[row['SKU']]:.2f}"))
    with (SAMPLE / "rules" / "channel_locations.csv").open(encoding="utf-8", newline="") as file:
        sends_from = {row["channel"]: row["location_id"] for row in csv.DictReader(file)}
    listed = [("amazon", row["our-sku"], int(row["quantity"])) for row in rows("amazon_listings")]
    listed += [("shopify", row["SKU"], int(row["Available"])) for row in rows("web_listings")]
    for channel, sku, quantity in listed:
        too_many = quantity - newest[sends_from[channel], sku]
        if too_many > 0:
            found.add(("oversell_risk", f"{channel} {sku}", f"{too_many * cost[sku]:.2f}"))
    assert found == answers("stock_shrinkage", "stock_gain", "oversell_")
    # It would pass beside what lies in the stores and our warehouse.
    assert listed.count(("amazon", "FW-LAMP-PAPER", 42)) == 1
    assert newest["FBA", "FW-LAMP-PAPER"] == 34 < 42 < newest["W01", "FW-LAMP-PAPER"]


def test_what_comes_later_is_what_the_store_could_not_send() -> None:
    """72 hours of one store, receipts and tenders; nothing of it came before."""
    for source in ("till_receipts", "till_tenders"):
        late = rows(source, "later")
        assert {row["Store"] for row in late} == {"S02"}
        assert min(row["Time"] for row in late) >= "2026-10-20 15:00"
        assert max(row["Time"] for row in late) < "2026-10-23 15:00"
        on_time = {row["Receipt"] for row in rows(source, "inbox")}
        assert not on_time & {row["Receipt"] for row in late}
