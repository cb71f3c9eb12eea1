"""Kinds in the stock: what the ERP posted of sales, transfers and snapshots, what was counted, and what channels list.

The ERP's snapshots follow what it booked, right or wrong. Each kind has an article at a place to itself; those of sales take
articles that nobody counts, because a count tells of the same error again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from retail_sync_tests.simulated_catalogue import BY_SKU, FBA, WAREHOUSE
from retail_sync_tests.truth.company import FIRST, LAST, NEXT_ERP, Cells, Company, as_csv, cost, day_of
from retail_sync_tests.truth.kinds import Break, choosy, kind

_STORES = ("S01", "S02")
_DAY = timedelta(days=1)
# Beyond what any movement of a day, or of one reference, could be.
_UNLIKE_ANY = 1_009


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of goods sold or taken back, and how its difference is called."""

    row: Cells
    is_named: bool
    """Another article of its receipt is posted too, so that both sides know the number whatever becomes of this one."""

    @property
    def location(self) -> str:
        """Where."""
        return self.row["Location"]

    @property
    def sku(self) -> str:
        """What."""
        return self.row["SKU"]

    @property
    def day(self) -> date:
        """When."""
        return day_of(self.row["Date"])

    @property
    def units(self) -> int:
        """In is positive, out negative."""
        return int(self.row["Quantity"])

    def told(self, cause: str, units: int, *, is_named: bool, day: date | None = None, candidates: str = "") -> Break:
        """Units (posted - sold) that differ."""
        since = day or self.day
        receipt = self.row["Reference"] if is_named else ""
        subject = " ".join(filter(None, (self.location, self.sku, f"{since}", self.row["Type"], receipt)))
        return Break("inventory", subject, f"stock_{cause}", cost(self.sku, units), "USD", since, candidates)


def _moved(company: Company, direction: str) -> list[Moved]:
    """Movements whose article their receipt has once."""
    rows = [row for row in company.tables["erp_movements"] if row["Type"] in ("sale", "return")]
    times = Counter((row["Location"], row["Reference"], row["SKU"]) for row in rows)
    sizes = Counter((row["Location"], row["Reference"]) for row in rows)
    return [
        Moved(row, sizes[row["Location"], row["Reference"]] > 1)
        for row in rows
        if row["Type"] == direction and times[row["Location"], row["Reference"], row["SKU"]] == 1
    ]


def _around(location: str, day: date) -> list[Hashable]:
    """The snapshots that tell of a difference on a day: one that cannot be read says nothing."""
    return [("snapshot", location, day + number * _DAY) for number in (-1, 0, 1)]


def _pick(
    company: Company,
    is_wanted: Callable[[Moved], bool] = lambda _: True,
    direction: str = "sale",
    *,
    is_counted: bool = False,
    is_of_snapshot: bool = False,
) -> Moved:
    """One of a place that the ERP keeps; the fulfilment centre's goods have kinds of their own."""
    wanted = (
        one for one in _moved(company, direction)
        if is_wanted(one) and FIRST + 2 * _DAY < one.day < LAST - 2 * _DAY
        and (one.location in _STORES if is_counted else one.location != FBA)
        and (BY_SKU[one.sku].on_amazon and one.location in _STORES) == is_counted
    )  # fmt: skip
    return company.pick(wanted, lambda one: [
        ("stock", one.location, one.sku), ("store day", one.location, one.day),
        *(_around(one.location, one.day) if is_of_snapshot else ()),
    ])  # fmt: skip


def _has_room(company: Company, row: Cells, units: int) -> bool:
    """Whether the book stays above zero when it falls by so much more from the day of a movement on."""
    since = day_of(row["Date"])
    levels = company.levels(row["Location"], row["SKU"])
    return all(int(level["On hand"]) > units for day, level in levels.items() if day >= since)


def _lose(company: Company, moved: Moved) -> None:
    """The ERP never posted it."""
    company.tables["erp_movements"].remove(moved.row)
    company.shift(moved.location, moved.sku, moved.day, -moved.units)


@kind
def sale_unposted(company: Company) -> Sequence[Break]:
    """The ERP has no movement of a sale."""
    moved = _pick(company)
    _lose(company, moved)
    return [moved.told("unposted_sale", -moved.units, is_named=moved.is_named)]


@kind
@choosy
def return_unposted(company: Company) -> Sequence[Break]:
    """The ERP has no movement of goods that came back."""
    moved = _pick(company, lambda one: _has_room(company, one.row, one.units), direction="return")
    _lose(company, moved)
    return [moved.told("unposted_return", -moved.units, is_named=moved.is_named)]


@kind
def sale_posted_twice(company: Company) -> Sequence[Break]:
    """The ERP booked a sale two times."""
    moved = _pick(company, lambda one: _has_room(company, one.row, -one.units))
    company.tables["erp_movements"].append({**moved.row, "Document": f"{moved.row['Document']}B"})
    company.shift(moved.location, moved.sku, moved.day, moved.units)
    return [moved.told("posted_twice", moved.units, is_named=True)]


def _in_packs(company: Company, moved: Moved, cause: str, candidates: str) -> list[Break]:
    more = moved.units * (int(BY_SKU[moved.sku].pack) - 1)
    moved.row["Quantity"] = str(moved.units + more)
    company.shift(moved.location, moved.sku, moved.day, more)
    return [moved.told(cause, more, is_named=True, candidates=candidates)]


def _fits_in_packs(company: Company, moved: Moved) -> bool:
    return _has_room(company, moved.row, -moved.units * (BY_SKU[moved.sku].pack - 1))


@kind
@choosy
def sale_posted_in_packs(company: Company) -> Sequence[Break]:
    """The ERP booked cartons where pieces were sold."""
    moved = _pick(company, lambda one: 2 < BY_SKU[one.sku].pack <= 12 and _fits_in_packs(company, one))
    return _in_packs(company, moved, "unit_of_measure", "")


@kind
@choosy
def sale_in_pairs_or_twice(company: Company) -> Sequence[Break]:
    """Of an article in pairs the ERP booked twice as many: posted twice, or in packs, no data can tell."""
    moved = _pick(company, lambda one: BY_SKU[one.sku].pack == 2 and _fits_in_packs(company, one))
    return _in_packs(company, moved, "undetermined", "posted_twice or unit_of_measure")


@kind
def sale_posted_next_day(company: Company) -> Sequence[Break]:
    """The ERP booked a sale a day later: told on both days, with nothing left in sum."""
    moved = _pick(company)
    day = moved.day
    at = datetime.fromisoformat(moved.row["Date"]) + _DAY
    company.shift(moved.location, moved.sku, day, -moved.units, until=day)
    breaks = [
        moved.told("timing", -moved.units, is_named=True),
        moved.told("timing", moved.units, is_named=True, day=day + _DAY),
    ]
    moved.row["Date"] = f"{at:%Y-%m-%d %H:%M}"
    return breaks


def _sell_as(company: Company, moved: Moved) -> Break:
    """Let the till sell under a code that no article has."""
    code = f"{moved.sku}-NEW"
    for line in company.tables["till_receipts"]:
        if (line["Receipt"], line["SKU"]) == (moved.row["Reference"], moved.sku):
            line["SKU"] = code
    subject = f"{moved.location} {code} {moved.day} sale {moved.row['Reference']}"
    return Break("inventory", subject, "stock_unmapped_sku", None, "XXX", moved.day)


@kind
def sale_of_unknown_code(company: Company) -> Sequence[Break]:
    """The till sold under a code of no article, and the ERP posted nothing."""
    moved = _pick(company, lambda one: one.is_named and one.location in _STORES)
    told = _sell_as(company, moved)
    _lose(company, moved)
    return [told]


@kind
def sale_of_unknown_code_posted(company: Company) -> Sequence[Break]:
    """The till sold under a code of no article; the ERP posted the article."""
    moved = _pick(company, lambda one: one.location in _STORES)
    return [_sell_as(company, moved), moved.told("unmapped_sku", moved.units, is_named=True)]


# ---- Transfers ----------------------------------------------------------------------------------


def _pick_transfer(company: Company) -> tuple[Cells, Cells]:
    """The two halves of an article's way from the warehouse to a store: out, in."""
    legs = [
        row
        for row in company.tables["erp_movements"]
        if row["Type"] == "transfer" and day_of(row["Date"]) > FIRST + 2 * _DAY
    ]
    out = {(row["Reference"], row["SKU"]): row for row in legs if row["Location"] == WAREHOUSE}
    pairs = [(out[row["Reference"], row["SKU"]], row) for row in legs if row["Location"] in _STORES]
    return company.pick(
        (
            pair
            for pair in pairs
            if not BY_SKU[pair[1]["SKU"]].on_amazon and _has_room(company, pair[1], int(pair[1]["Quantity"]))
        ),
        lambda pair: [
            *(("stock", row["Location"], row["SKU"]) for row in pair),
            *_around(pair[1]["Location"], day_of(pair[1]["Date"])),
        ],
    )


def _transfer_told(row: Cells, part: str, units: int) -> Break:
    day = day_of(row["Date"])
    subject = f"{row['Location']} {row['SKU']} {day} {part}"
    return Break("inventory", subject, "stock_transfer_in_transit", cost(row["SKU"], units), "USD", day)


@kind
@choosy
def transfer_shelved_and_not_booked_in(company: Company) -> Sequence[Break]:
    """Goods are booked out of the warehouse and not into the store, whose snapshot has them."""
    _, received = _pick_transfer(company)
    company.tables["erp_movements"].remove(received)
    return [_transfer_told(received, "snapshot", int(received["Quantity"]))]


@kind
@choosy
def transfer_on_the_road(company: Company) -> Sequence[Break]:
    """Goods are booked out of the warehouse, and no snapshot has them anywhere."""
    sent, received = _pick_transfer(company)
    units = int(received["Quantity"])
    company.tables["erp_movements"].remove(received)
    company.shift(received["Location"], received["SKU"], day_of(received["Date"]), -units)
    return [_transfer_told(sent, f"transfer {sent['Reference']}", -units)]


@kind
@choosy
def transfer_from_nowhere(company: Company) -> Sequence[Break]:
    """Goods are booked into the store and never out of anywhere."""
    sent, received = _pick_transfer(company)
    units = int(received["Quantity"])
    company.tables["erp_movements"].remove(sent)
    company.shift(sent["Location"], sent["SKU"], day_of(sent["Date"]), units)
    return [_transfer_told(received, f"transfer {sent['Reference']}", units)]


# ---- Snapshots ----------------------------------------------------------------------------------


def _snapshot_told(location: str, sku: str, day: date, cause: str, units: int, candidates: str = "") -> Break:
    return Break(
        "inventory", f"{location} {sku} {day} snapshot", f"stock_{cause}", cost(sku, units), "USD", day, candidates
    )


def _pick_shelf(company: Company, first: date, last: date) -> tuple[str, str, date]:
    """An article that nobody counts, and a day of its snapshot; the warehouse's last one is promised to customers."""
    choices = [
        (location, sku, first + timedelta(days=number))
        for location in (_STORES if last == LAST else (*_STORES, WAREHOUSE))
        for sku, article in BY_SKU.items() if location == WAREHOUSE or not article.on_amazon
        for number in range((last - first).days + 1)
    ]  # fmt: skip
    return company.pick(choices, lambda one: [("stock", *one[:2]), *_around(one[0], one[2])])


@kind
def snapshot_wrong_for_a_day(company: Company) -> Sequence[Break]:
    """A snapshot shows too many of an article, and the next one is right again."""
    location, sku, day = _pick_shelf(company, FIRST + 3 * _DAY, LAST - 3 * _DAY)
    company.shift(location, sku, day, _UNLIKE_ANY, until=day)
    return [
        _snapshot_told(location, sku, day, "snapshot_error", _UNLIKE_ANY),
        _snapshot_told(location, sku, day + _DAY, "snapshot_error", -_UNLIKE_ANY),
    ]


@kind
def snapshot_before_a_movement(company: Company) -> Sequence[Break]:
    """A snapshot was taken before a sale of its day was booked, and the next one has it."""
    moved = _pick(company, lambda one: one.location in _STORES, is_of_snapshot=True)
    company.shift(moved.location, moved.sku, moved.day, -moved.units, until=moved.day)
    return [
        _snapshot_told(moved.location, moved.sku, moved.day, "late_movement", -moved.units),
        _snapshot_told(moved.location, moved.sku, moved.day + _DAY, "late_movement", moved.units),
    ]


@kind
@choosy
def snapshot_error_or_late_movement(company: Company) -> Sequence[Break]:
    """The last snapshot lacks a sale of its day: the next one would tell whether it was late or wrong, and there is none."""
    wanted = (
        one for one in _moved(company, "sale")
        if one.day == LAST and one.location in _STORES and not BY_SKU[one.sku].on_amazon
    )  # fmt: skip
    moved = company.pick(wanted, lambda one: [("stock", one.location, one.sku)])
    company.shift(moved.location, moved.sku, LAST, -moved.units)
    return [
        _snapshot_told(moved.location, moved.sku, LAST, "undetermined", -moved.units, "late_movement or snapshot_error")
    ]


@kind
def snapshot_without_evidence(company: Company) -> Sequence[Break]:
    """A snapshot shows too many, and so do all after it: nothing says why."""
    location, sku, day = _pick_shelf(company, FIRST + 3 * _DAY, LAST - 3 * _DAY)
    company.shift(location, sku, day, _UNLIKE_ANY)
    return [_snapshot_told(location, sku, day, "undetermined", _UNLIKE_ANY)]


@kind
def snapshot_unreadable(company: Company) -> Sequence[Break]:
    """A quantity of a snapshot cannot be read: that day's snapshot of the place is compared with nothing."""
    rows = (
        row
        for row in company.tables["erp_snapshots"]
        if row["Location"] in _STORES and FIRST + 2 * _DAY < day_of(row["Date"]) < LAST - 2 * _DAY
    )
    row = company.pick(
        rows,
        lambda one: [("stock", one["Location"], one["SKU"]), *_around(one["Location"], day_of(one["Date"]))],
    )
    row["On hand"] = "n/a"
    day = day_of(row["Date"])
    return [
        Break("inventory", f"{row['Location']} {day} snapshot", "stock_snapshot_incomplete", None, "XXX", day),
    ]


def _issue_too_many(company: Company, shown: int | None) -> list[Break]:
    """On the last day the ERP writes off 17 more than there are; its snapshot shows what it has then, or `shown` instead."""
    location, sku, _ = _pick_shelf(company, LAST, LAST)
    row = company.levels(location, sku)[LAST]
    too_many = 17
    company.tables["erp_movements"].append({
        "Document": f"M9{location}{sku}", "Date": f"{LAST} 22:10", "Location": location, "SKU": sku, "Type": "adjustment",
        "Quantity": str(-int(row["On hand"]) - too_many), "Unit cost": row["Unit cost"], "Reference": "",
    })  # fmt: skip
    row["On hand"] = str(-too_many if shown is None else shown)
    return [_snapshot_told(location, sku, LAST, "negative_stock", 0 if shown is None else too_many)]


@kind
@choosy
def stock_below_zero(company: Company) -> Sequence[Break]:
    """More was issued than there was: nothing differs, and the book is negative."""
    return _issue_too_many(company, None)


@kind
@choosy
def stock_below_zero_shown_as_none(company: Company) -> Sequence[Break]:
    """More was issued than there was, and the snapshot shows none."""
    return _issue_too_many(company, 0)


# ---- Two ERPs side by side -----------------------------------------------------------------------


def _run_beside(company: Company, location: str, change: Callable[[date, Cells], Cells | None]) -> None:
    """Let the next ERP tell of a place on the last three days what the other one tells, but for what is changed."""

    def write(files: dict[str, bytes]) -> None:
        rows = (
            change(day_of(row["Date"]), row)
            for row in company.tables["erp_snapshots"]
            if row["Location"] == location and day_of(row["Date"]) >= LAST - 2 * _DAY
        )
        files[f"{NEXT_ERP}/{location}.csv"] = as_csv(NEXT_ERP, filter(None, rows))

    company.on_writing.append(write)


def _differs_beside(location: str, sku: str, since: date) -> Break:
    return Break("parallel_runs", f"{location} {sku} {NEXT_ERP}", "parallel_run_differs", None, "XXX", since)


@kind
def next_erp_tells_more(company: Company) -> Sequence[Break]:
    """The next ERP agrees on a day, and from then on has three more of an article; nothing of it counts anywhere else."""
    location, sku, differs_from = _STORES[0], company.rng.choice(sorted(BY_SKU)), LAST - _DAY
    _run_beside(company, location, lambda day, row: row if row["SKU"] != sku or day < differs_from else {
        **row, "On hand": str(int(row["On hand"]) + 3)
    })  # fmt: skip
    return [_differs_beside(location, sku, differs_from)]


@kind
def next_erp_leaves_out(company: Company) -> Sequence[Break]:
    """The next ERP does not know an article of which there is some, from its first day on."""
    location, first = WAREHOUSE, LAST - 2 * _DAY
    articles = (
        sku for sku in BY_SKU
        if all(company.levels(location, sku)[first + number * _DAY]["On hand"] != "0" for number in range(3))
    )  # fmt: skip
    sku = company.pick(articles, lambda sku: [("stock", location, sku)])
    _run_beside(company, location, lambda _, row: None if row["SKU"] == sku else row)
    return [_differs_beside(location, sku, first)]


# ---- Counts -------------------------------------------------------------------------------------


def _count(company: Company, location: str, sku: str, units: int) -> None:
    """Let the count sheet have so many more."""
    table = company.tables["fba_counts" if location == FBA else "erp_counts"]
    row = next(row for row in table if (row["Location"], row["SKU"]) == (location, sku))
    row["Quantity"] = str(int(row["Quantity"]) + units)


def _count_told(location: str, sku: str, cause: str, units: int) -> Break:
    sheet = "marketplace" if location == FBA else "physical"
    return Break("inventory", f"{location} {sku} {LAST} {sheet} count", f"stock_{cause}", cost(sku, units), "USD", LAST)


def _miscount(company: Company, locations: Sequence[str], cause: str, units: int) -> list[Break]:
    choices = [(location, sku) for location in locations for sku, article in BY_SKU.items() if article.on_amazon]
    location, sku = company.pick(choices, lambda one: [("stock", *one)])
    _count(company, location, sku, units)
    return [_count_told(location, sku, cause, units)]


@kind
def counted_less(company: Company) -> Sequence[Break]:
    """A store counted two less than the book says."""
    return _miscount(company, _STORES, "shrinkage", -2)


@kind
def counted_more(company: Company) -> Sequence[Break]:
    """A store counted one more than the book says."""
    return _miscount(company, _STORES, "gain", 1)


@kind
def marketplace_lost_goods(company: Company) -> Sequence[Break]:
    """The fulfilment centre reports three less than the book says."""
    return _miscount(company, (FBA,), "marketplace_lost", -3)


@kind
def marketplace_found_goods(company: Company) -> Sequence[Break]:
    """The fulfilment centre reports two more than the book says."""
    return _miscount(company, (FBA,), "marketplace_found", 2)


def _unposted_and_counted(company: Company) -> tuple[Moved, list[Break]]:
    moved = _pick(company, is_counted=True)
    _lose(company, moved)
    return moved, [
        moved.told("unposted_sale", -moved.units, is_named=moved.is_named),
        _count_told(moved.location, moved.sku, "unposted_sale", moved.units),
    ]


@kind
def count_explained_by_unposted_sale(company: Company) -> Sequence[Break]:
    """A count finds what an unposted sale left in the book: the same error, and no loss."""
    return _unposted_and_counted(company)[1]


@kind
def count_explained_in_part(company: Company) -> Sequence[Break]:
    """A count finds what an unposted sale left in the book, and two less: these were lost."""
    moved, breaks = _unposted_and_counted(company)
    _count(company, moved.location, moved.sku, -2)
    return [*breaks, _count_told(moved.location, moved.sku, "shrinkage", -2)]


@kind
def counted_before_any_book(company: Company) -> Sequence[Break]:
    """A store counted before the first snapshot of it: there is no book to compare with."""
    location, sku, _ = _pick_shelf(company, FIRST, FIRST)
    day = FIRST - 4 * _DAY
    company.tables["erp_counts"].append(
        {"Counted at": f"{day} 21:40", "Location": location, "SKU": sku, "Quantity": "12"}
    )
    return [Break("inventory", f"{location} {sku} {day} physical count", "stock_no_book", None, "USD", day)]


# ---- Listings -----------------------------------------------------------------------------------


def _oversell(company: Company, table: str, channel: str, location: str) -> list[Break]:
    code, quantity = {"amazon": ("seller-sku", "quantity"), "shopify": ("SKU", "Available")}[channel]
    row = company.pick(company.tables[table], lambda one: [("stock", location, one[code])])
    too_many = company.rng.randrange(1, 9)
    there = company.levels(location, row[code])[LAST]
    row[quantity] = str(int(there["On hand"]) + too_many)
    return [
        Break("availability", f"{channel} {row[code]}", "oversell_risk", cost(row[code], too_many), "USD", LAST)
    ]  # fmt: skip


@kind
def oversold_at_the_marketplace(company: Company) -> Sequence[Break]:
    """A marketplace lists more than lies in its own warehouse."""
    return _oversell(company, "amazon_listings", "amazon", FBA)


@kind
def oversold_in_the_web_shop(company: Company) -> Sequence[Break]:
    """The web shop lists more than lies in ours."""
    return _oversell(company, "web_listings", "shopify", WAREHOUSE)


@kind
def listing_of_no_article(company: Company) -> Sequence[Break]:
    """A marketplace lists a code that is mapped to no article."""
    company.tables["amazon_listings"].append({
        "seller-sku": "FW-UNMAPPED-1", "our-sku": "", "as-of": f"{LAST} 21:40", "quantity": "4",
    })  # fmt: skip
    return [Break("availability", "amazon FW-UNMAPPED-1", "listed_unmapped", None, "XXX", LAST)]
