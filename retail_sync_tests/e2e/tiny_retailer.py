"""The smallest retailer that gives every step of the line something to commit.

It is the tiny marketplace company with a day of a store, an order of a web shop, and their goods. What is right is stated
here by hand, never by the product.
"""

from __future__ import annotations

from retail_sync_tests.e2e.company import B_CORRECTED, CORRECTED, TINY, TINY_BEFORE, B, F
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.sample_settings import GOODS, STORES, WEB
from retail_sync_tests.shopify import ORDERS, csv_file, payouts, transactions
from retail_sync_tests.simulated_catalogue import LOCATIONS
from retail_sync_tests.store_files import as_csv

SETTINGS = f'[ledger]\nstock = "journal"\n{STORES}{WEB}{GOODS}'
"""A store with its card processor, a web shop and an ERP that does not book its stock itself."""


def _file(source: str, rows: str) -> dict[str, bytes]:
    """A file of that source in the layout of `store_files`: a line of text per row, its cells separated by bars."""
    lines = filter(None, map(str.strip, rows.splitlines()))
    return {f"{source}/all.csv": as_csv(source, [[cell.strip() for cell in line.split("|")] for line in lines])}


# Two mugs for 53.35 by card and a tin of tea for 13.88 in cash; the processor keeps 1.65 and pays out 51.70.
_STORE = (
    _file("till_receipts", """
        S01 | T1 | R1 | S | 2026-10-14 11:00 | MUG | Mug | 2 | 49.00 | 4.35 | 0.00
        S01 | T1 | R2 | S | 2026-10-14 15:30 | TEA | Tea | 1 | 12.75 | 1.13 | 0.00
    """)
    | _file("till_tenders", """
        S01 | T1 | R1 | CARD | 2026-10-14 11:00 | 53.35
        S01 | T1 | R2 | CASH | 2026-10-14 15:30 | 13.88
    """)
    | _file("till_drawers", "S01 | T1 | D1 | 2026-10-14 09:30 | 2026-10-14 20:15 | 200.00 | 213.88")
    | _file("square", "SQ1 | CHARGE | R1 | 2026-10-14 11:00 | 53.35 | 1.65 | PO1 | 2026-10-16")
    | _file("square_payouts", "PO1 | 2026-10-16 | 53.35 | 0.00 | -1.65 | 51.70")
)  # fmt: skip

# A mug for 24.50 and 5.00 of shipping, less a fee of 1.16: 28.34 are paid out.
_WEB = (
    {
        "shopify_orders/all.csv": csv_file(ORDERS, [
            {"Name": "#5001", "Financial Status": "paid", "Currency": "USD", "Subtotal": "24.50", "Shipping": "5.00",
             "Taxes": "0.00", "Total": "29.50", "Discount Amount": "0.00", "Created at": "2026-10-20 09:30:00 -0400",
             "Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": "24.50", "Lineitem sku": "MUG"},
        ]),
        "shopify_sales/all.csv": transactions("2026-10-20 charge #5001 29.50 1.16 USD 700000000077@2026-10-22"),
        "shopify_payouts/all.csv": payouts("2026-10-22 paid 29.50 0.00 0.00 0.00 -1.16 0.00 28.34 USD"),
    }
    | _file("web_shipments", "SH1 | #5001 | 2026-10-21 10:00 | W01 | MUG | 1")
    | _file("web_listings", "MUG | 2026-10-21 12:00 | 3")
)  # fmt: skip

# The ERP's book is right; the store counts a tin of tea less than it says: 3.85 are lost. The month end asks for the ledger's
# inventory account, which holds nothing of others.
_GOODS = (
    _file("erp_products", """
        MUG | Mug | | piece | 6  | 7.40 | TAXABLE | yes
        TEA | Tea | | piece | 12 | 3.85 | TAXABLE | yes
    """)
    | {"erp_locations/all.csv": as_csv("erp_locations", LOCATIONS)}
    | _file("erp_snapshots", """
        2026-10-13 | S01 | MUG | 10 | 0 | 7.40
        2026-10-13 | S01 | TEA | 20 | 0 | 3.85
        2026-10-14 | S01 | MUG | 8  | 0 | 7.40
        2026-10-14 | S01 | TEA | 19 | 0 | 3.85
        2026-10-20 | W01 | MUG | 5  | 0 | 7.40
        2026-10-21 | W01 | MUG | 4  | 0 | 7.40
        2026-10-31 | S01 | MUG | 8  | 0 | 7.40
        2026-10-31 | S01 | TEA | 19 | 0 | 3.85
        2026-10-31 | W01 | MUG | 4  | 0 | 7.40
    """)
    | _file("erp_movements", """
        M1 | 2026-10-14 11:00 | S01 | MUG | sale | -2 | 7.40 | R1
        M2 | 2026-10-14 15:30 | S01 | TEA | sale | -1 | 3.85 | R2
        M3 | 2026-10-21 10:00 | W01 | MUG | sale | -1 | 7.40 | #5001
    """)
    | _file("erp_counts", """
        2026-10-14 21:40 | S01 | MUG | 8
        2026-10-14 21:40 | S01 | TEA | 18
    """)
)  # fmt: skip

_BANK = {"bank/statement.csv": bank_statement(f"""
    2026-09-18 {B_CORRECTED.lines_sum} USD AMAZON MKTPL PMTS
    2026-10-17 51.70 USD SQUARE INC PO1
    2026-10-23 28.34 USD SHOPIFY PAYMENTS
""")}  # fmt: skip

_BESIDE = _STORE | _WEB | _GOODS | _BANK
FILES = TINY | _BESIDE
FILES_BEFORE = TINY_BEFORE | _BESIDE
"""The same while only the wrong first issue of a settlement is there; `FILES_AFTER` corrects it."""
FILES_AFTER = CORRECTED

PROBLEMS = [("stock_shrinkage", "S01 TEA 2026-10-14 physical count")]
"""What is open when everything was delivered: the tin of tea."""

ENTRIES = {
    "pos:store-day:S01:2026-10-14:USD": {"1010": 1388, "1110": 5335, "2200": -548, "4000": -6175},
    "square:settlement:square/square/USD/PO1:2026-10": {"1110": -5335, "1120": 5170, "6200": 165},
    "square:deposit:square/square/USD/PO1": {"1120": -5170, "1000": 5170},
    "shopify:settlement:shopify/fernway.example/USD/700000000077:2026-10": {"1115": -2950, "1120": 2834, "6200": 116},
    "shopify:deposit:shopify/fernway.example/USD/700000000077": {"1120": -2834, "1000": 2834},
    "stock:cogs:S01:2026-10-14:USD": {"5000": 1865, "1200": -1865},
    "stock:cogs:W01:2026-10-21:USD": {"5000": 740, "1200": -740},
    "stock:count:S01:2026-10-14:USD": {"5110": 385, "1200": -385},
}
"""What is booked beside the marketplace: minor units by account. 18.65 are two mugs and a tin of tea, 7.40 is a mug."""

_REISSUED = f"amazon:settlement:{B.settlement_id}:2026-09"
_KEYS = [
    *ENTRIES,
    _REISSUED,
    f"amazon:deposit:{B.settlement_id}",
    f"amazon:settlement:{F.settlement_id}:2026-10",
    f"amazon:settlement:{F.settlement_id}:2026-11",
]
KEYS = sorted(f"{key}#1" for key in _KEYS)
"""What the ledger holds when every file was there from the beginning."""
KEYS_CORRECTED = sorted([*KEYS, f"{_REISSUED}#1R", f"{_REISSUED}#2"])
"""The same when the wrong first issue was booked first: it is reversed, and its next version booked."""
