"""Constructed Shopify exports in the real files' layouts: a line of text per movement, payout or order row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal

TRANSACTIONS = (
    "Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,Fee,Net,"
    "Checkout,Payment Method Name,Presentment Amount,Presentment Currency,Currency"
).split(",")
PAYOUTS = "Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried Amount,Total,Currency".split(",")
ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,"
    "Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,"
    "Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,"
    "Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,"
    "Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,"
    "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
).split(",")


def csv_file(names: Sequence[str], rows: Sequence[dict[str, str]]) -> bytes:
    """A CSV of these columns; a cell that a row does not name is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def movement(line: str, **cells: str) -> dict[str, str]:
    """A row from `day type order amount fee currency [payout id@day]`; without a payout it is pending."""
    day, kind, order, amount, fee, currency, *payout = line.split()
    paid_in, paid_on = payout[0].split("@") if payout else ("", "2026-12-31")
    net = f"{Decimal(amount) - Decimal(fee):.2f}"
    values = {
        "Transaction Date": f"{day} 12:00:00 +0200", "Type": kind, "Order": order if order != "-" else "",
        "Payout Status": "paid" if paid_in else "pending", "Payout Date": paid_on, "Payout ID": paid_in,
        "Available On": paid_on, "Amount": amount, "Fee": fee, "Net": net, "Checkout": f"#4300{order.strip('#-')}",
        "Presentment Amount": amount.lstrip("-"), "Presentment Currency": currency, "Currency": currency,
    }  # fmt: skip
    return values | cells


def transactions(lines: str, extra: Sequence[str] = (), **cells: str) -> bytes:
    """A transactions export with a movement per line; `extra` are columns beyond the seventeen."""
    rows = [movement(line, **cells) for line in filter(None, map(str.strip, lines.splitlines()))]
    return csv_file((*TRANSACTIONS, *extra), rows)


def payouts(lines: str, names: Sequence[str] = PAYOUTS) -> bytes:
    """A payouts export: the ten cells of each line, separated by blanks."""
    rows = [dict(zip(names, line.split(), strict=True)) for line in filter(None, map(str.strip, lines.splitlines()))]
    return csv_file(names, rows)
