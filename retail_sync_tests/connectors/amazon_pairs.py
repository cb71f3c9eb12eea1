"""Amazon's own sandbox pairs of request and answer, and what they tell as facts that a shop holds.

The interfaces that our connector does not ask (Orders v0, Finances v0) tell the same facts in older shapes. Here they are put
into the shapes of the interfaces that it does ask, for the fake Amazon to hold. The product reads no second shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from retail_sync_tests.fakes.amazon_lists import flat_file

_STATUSES = {"Pending": "PENDING", "Unshipped": "UNSHIPPED", "Shipped": "SHIPPED"}
_PARTIES = {"MFN": "MERCHANT", "AFN": "AMAZON"}
# What something is worth, or a tax is reckoned from: nothing that is paid.
_NO_MOVEMENT = frozenset({"RentalInitialValue", "BaseAmount"})
_TOTALS = ("TransactionAmount", "transactionValue", "TotalExpense")
_KINDS = ("ChargeType", "FeeType", "DirectPaymentType", "PromotionType")
_DAYS = ("PostedDate", "postedDate", "TransactionPostedDate", "TransactionCreationDate")


@dataclass(frozen=True)
class Pair:
    """A request and the answer to it. `operation` is the model's name and the operation's."""

    name: str
    operation: str
    status: int
    parameters: Mapping[str, Any]
    answer: Any


def read_pairs(official: Path) -> dict[str, Pair]:
    """Read every pair at hand, by the name of its file. Numbers with a fraction are Decimal."""
    found = (_read(file) for file in sorted((official / "sandbox").iterdir()))
    return {pair.name: pair for pair in found}


def _read(file: Path) -> Pair:
    model, operation, status, _ = file.stem.split(".")
    told = json.loads(file.read_text(), parse_float=Decimal)
    values = {name: parameter["value"] for name, parameter in told["request"]["parameters"].items()}
    return Pair(file.stem, f"{model}.{operation}", int(status), values, told.get("response"))


def order_held(told: Mapping[str, Any], items: Sequence[Mapping[str, Any]] = (), **persons: Any) -> dict[str, Any]:
    """The order that version 0 tells of. Without its items there is none that anybody could name."""
    order: dict[str, Any] = {
        "orderId": told["AmazonOrderId"],
        "createdTime": told["PurchaseDate"],
        "lastUpdatedTime": told["LastUpdateDate"],
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": told["MarketplaceId"]},
        "fulfillment": {
            "fulfillmentStatus": _STATUSES[told["OrderStatus"]],
            "fulfilledBy": _PARTIES[told["FulfillmentChannel"]],
        },
        "orderItems": [_item_held(item) for item in items],
        **persons,
    }
    return order | ({"proceeds": {"grandTotal": _text_money(told["OrderTotal"])}} if "OrderTotal" in told else {})


def _item_held(told: Mapping[str, Any]) -> dict[str, Any]:
    """An item of version 0, whose price is that of all its pieces."""
    each = Decimal(told["ItemPrice"]["Amount"]) / told["QuantityOrdered"]
    parts = (("ITEM", "ItemPrice"), ("TAX", "ItemTax"), ("DISCOUNT", "PromotionDiscount"))
    return {
        "orderItemId": told["OrderItemId"],
        "quantityOrdered": told["QuantityOrdered"],
        "product": {
            "asin": told["ASIN"],
            "title": told["Title"],
            "sellerSku": told["SellerSKU"],
            "price": {"unitPrice": _text_money({**told["ItemPrice"], "Amount": str(each)})},
        },
        "proceeds": {"breakdowns": [{"type": kind, "subtotal": _text_money(told[name])} for kind, name in parts]},
    }


def events_held(told: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The financial events of version 0 as transactions that are held back, with each amount by its own word."""
    return [_transaction(name.removesuffix("EventList"), event) for name, events in told.items() for event in events]


def _transaction(kind: str, event: Mapping[str, Any]) -> dict[str, Any]:
    parts = [*_movements(event)]
    total = next((event[name] for name in _TOTALS if name in event), None)
    total = total or {
        "CurrencyCode": "USD",
        "CurrencyAmount": sum(Decimal(part["CurrencyAmount"]) for _, part in parts),
    }
    order = event.get("AmazonOrderId", event.get("SellerOrderId"))
    transaction = {
        "transactionType": kind,
        "transactionStatus": "DEFERRED",
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order}] if order else [],
        "totalAmount": _money(total),
        "breakdowns": [
            {"breakdownType": word, "breakdownAmount": _money(part), "breakdowns": []} for word, part in parts
        ],
    }
    day = next((event[name] for name in _DAYS if name in event), None)
    return transaction | ({"postedDate": day} if day else {})


def _movements(told: Mapping[str, Any], word: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every amount in an event that is paid, with its word: a charge's or fee's type, or the name of its field."""
    if "CurrencyAmount" in told:
        yield word, told
        return
    kind = next((told[name] for name in _KINDS if name in told), "")
    for name, value in told.items():
        if name not in _NO_MOVEMENT and name not in _TOTALS:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    yield from _movements(one, kind or name)


def payout_held(told: Mapping[str, Any]) -> dict[str, Any]:
    """The transfer of a group of financial events."""
    assert told["FundTransferStatus"] == "TRANSFERED"
    return {
        "id": told["FinancialEventGroupId"],
        "partnerMetadata": {"partnerId": "A1", "accountType": "STANDARD_ORDERS", "marketplaceId": "ATVPDKIKX0DER"},
        "currentStatus": "PAID",
        "statusHistory": [{"status": "PAID", "lastUpdatedDate": told["FundTransferDate"]}],
        "amount": _money(told["OriginalTotal"]),
        "creationDate": told["FundTransferDate"],
        "traceId": told["TraceId"],
    }


def settlement_held(told: Mapping[str, Any]) -> bytes:
    """The settlement of a group of financial events: its total, and the balance that it began with."""
    start, end, paid = (
        f"{told[name][:19].replace('T', ' ')} UTC"
        for name in ("FinancialEventGroupStart", "FinancialEventGroupEnd", "FundTransferDate")
    )
    began = {"transaction-type": "other-transaction", "amount-type": "other-transaction",
             "amount-description": "Previous Reserve Amount Balance", "posted-date": start[:10], "posted-date-time": start,
             "amount": str(told["BeginningBalance"]["CurrencyAmount"])}  # fmt: skip
    head = {"settlement-id": told["FinancialEventGroupId"], "settlement-start-date": start, "settlement-end-date": end,
            "deposit-date": paid, "total-amount": str(told["OriginalTotal"]["CurrencyAmount"]),
            "currency": told["OriginalTotal"]["CurrencyCode"]}  # fmt: skip
    return flat_file(head, began)


def _text_money(told: Mapping[str, Any]) -> dict[str, Any]:
    """An amount of the orders interface."""
    return {"currencyCode": told["CurrencyCode"], "amount": told["Amount"]}


def _money(told: Mapping[str, Any]) -> dict[str, Any]:
    """An amount of the finance interfaces."""
    return {"currencyCode": told["CurrencyCode"], "currencyAmount": told["CurrencyAmount"]}
