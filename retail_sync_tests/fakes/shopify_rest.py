"""Shopify's REST shapes, in which the official and real samples are, as the GraphQL shapes that the interface gives today.

Turned by hand after the schema of 2026-07. What REST spells otherwise: ids are numbers, words are in lower case, the payout's own
movement is `payout` (TRANSFER); a line of an old refund has no subtotal, so it is its price times quantity without discount.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from retail_sync_tests.fakes.shopify import bag, gid, money

Rest = Mapping[str, Any]
_SUMMARY = {
    "charges_gross": "chargesGross", "charges_fee": "chargesFee", "refunds_gross": "refundsFeeGross",
    "refunds_fee": "refundsFee", "adjustments_gross": "adjustmentsGross", "adjustments_fee": "adjustmentsFee",
    "reserved_funds_gross": "reservedFundsGross", "reserved_funds_fee": "reservedFundsFee",
    "retried_payouts_gross": "retriedPayoutsGross", "retried_payouts_fee": "retriedPayoutsFee",
}  # fmt: skip


def payout(rest: Rest) -> dict[str, Any]:
    """A payout, issued at the midnight in UTC of its date."""
    zero = {name: "0.00" for name in ("advanceGross", "advanceFees", "usdcRebateCreditAmount")}
    parts = {name: rest["summary"][f"{old}_amount"] for old, name in _SUMMARY.items()} | zero
    return {
        "id": gid("ShopifyPaymentsPayout", rest["id"]), "legacyResourceId": str(rest["id"]),
        "issuedAt": f"{rest['date']}T00:00:00Z", "status": rest["status"].upper(), "transactionType": "DEPOSIT",
        "externalTraceId": None, "net": money(rest["amount"], rest["currency"]),
        "summary": {name: money(amount, rest["currency"]) for name, amount in parts.items()},
    }  # fmt: skip


def movement(rest: Rest) -> dict[str, Any]:
    """A balance transaction."""
    order, paid = rest["source_order_id"], rest["payout_id"]
    return {
        "id": gid("ShopifyPaymentsBalanceTransaction", rest["id"]),
        "type": {"payout": "TRANSFER"}.get(rest["type"], rest["type"].upper()),
        "test": rest["test"], "transactionDate": rest["processed_at"],
        "adjustmentReason": rest.get("adjustment_reason"), "sourceId": rest["source_id"],
        "sourceType": (rest["source_type"] or "").rpartition(":")[2].upper() or None,
        "sourceOrderTransactionId": rest["source_order_transaction_id"],
        **{name: money(rest[name], rest["currency"]) for name in ("amount", "fee", "net")},
        "associatedOrder": order and {"id": gid("Order", order), "name": f"#{order}"},
        "associatedPayout": {
            "id": paid and gid("ShopifyPaymentsPayout", paid), "status": (rest["payout_status"] or "PENDING").upper(),
        },
    }  # fmt: skip


def order(rest: Rest, *refunds: Rest) -> dict[str, Any]:
    """An order with its shipments and the refunds that are given."""
    currency = rest["currency"]
    lines = [_line(line, currency) for line in rest.get("line_items", ())]
    return {
        "id": gid("Order", rest["id"]), "name": rest["name"], "test": rest["test"], "createdAt": rest["created_at"],
        "updatedAt": rest["updated_at"], "cancelledAt": rest["cancelled_at"], "sourceName": rest.get("source_name"),
        "displayFinancialStatus": (rest["financial_status"] or "pending").upper(), "currencyCode": currency,
        "taxesIncluded": rest["taxes_included"],
        "customer": {"id": gid("Customer", rest["customer"]["id"])} if rest.get("customer") else None,
        "shippingAddress": {"countryCodeV2": (rest.get("shipping_address") or {}).get("country_code")},
        "retailLocation": rest["location_id"] and {"id": gid("Location", rest["location_id"]), "name": ""},
        "totalPriceSet": bag(rest["total_price"], currency), "totalTaxSet": bag(rest["total_tax"], currency),
        "totalDiscountsSet": bag(rest["total_discounts"], currency),
        "totalCashRoundingAdjustment": {"paymentSet": bag("0.00", currency), "refundSet": bag("0.00", currency)},
        "taxLines": [{"channelLiable": None, "priceSet": bag(line["price"], currency)} for line in rest.get("tax_lines", ())],
        "shippingLines": [
            {"id": gid("ShippingLine", k), "discountedPriceSet": bag(line["price"], currency)}
            for k, line in enumerate(rest.get("shipping_lines", ()))
        ],
        "lineItems": lines, "refunds": [refund(item, currency) for item in refunds],
        "fulfillments": [
            {
                "id": gid("Fulfillment", item["id"]), "createdAt": item["created_at"], "status": item["status"].upper(),
                "location": None,
                "fulfillmentLineItems": [
                    {"id": gid("FulfillmentLineItem", line["id"]), "quantity": line["quantity"], "lineItem": _line(line, currency)}
                    for line in item["line_items"]
                ],
            }
            for item in rest.get("fulfillments", ())
        ],
    }  # fmt: skip


def refund(rest: Rest, currency: str) -> dict[str, Any]:
    """A refund with its lines and what was given back."""
    return {
        "id": gid("Refund", rest["id"]), "createdAt": rest["created_at"],
        "processedAt": rest.get("processed_at", rest["created_at"]),
        "refundLineItems": [_refunded(line, currency) for line in rest["refund_line_items"]],
        "refundShippingLines": [], "orderAdjustments": [],
        "transactions": [
            {
                "id": gid("OrderTransaction", item["id"]), "kind": item["kind"].upper(), "status": item["status"].upper(),
                "test": item["test"], "gateway": item["gateway"], "amountSet": bag(item["amount"], currency),
            }
            for item in rest["transactions"]
        ],
    }  # fmt: skip


def location(rest: Rest) -> dict[str, Any]:
    """A place; REST does not say whether it sends online orders, so it does."""
    return {
        "id": gid("Location", rest["id"]), "name": rest["name"], "isActive": rest["deleted_at"] is None,
        "fulfillsOnlineOrders": True, "address": {"countryCode": rest["country_code"]},
    }  # fmt: skip


def inventory_level(rest: Rest, skus: Mapping[int, str]) -> dict[str, Any]:
    """What lies of an article at a place; REST knows what is available only."""
    item = rest["inventory_item_id"]
    return {
        "id": f"{gid('InventoryLevel', rest['location_id'])}?inventory_item_id={item}", "updatedAt": rest["updated_at"],
        "item": {"id": gid("InventoryItem", item), "sku": skus[item], "tracked": True},
        "location": {"id": gid("Location", rest["location_id"])},
        "quantities": [{"name": "available", "quantity": rest["available"]}],
    }  # fmt: skip


def _line(rest: Rest, currency: str) -> dict[str, Any]:
    return {
        "id": gid("LineItem", rest["id"]), "sku": rest["sku"], "name": rest.get("name"), "quantity": rest["quantity"],
        "requiresShipping": rest.get("requires_shipping", True), "originalUnitPriceSet": bag(rest["price"], currency),
        "discountAllocations": [
            {"allocatedAmountSet": bag(item["amount"], currency)} for item in rest.get("discount_allocations", ())
        ],
        "taxLines": [{"priceSet": bag(item["price"], currency)} for item in rest.get("tax_lines", ())],
    }  # fmt: skip


def _refunded(rest: Rest, currency: str) -> dict[str, Any]:
    line = rest["line_item"]
    if "subtotal_set" in rest:
        subtotal, tax = rest["subtotal_set"]["shop_money"]["amount"], f"{rest['total_tax']:.2f}"
    else:
        subtotal = str(Decimal(line["price"]) * rest["quantity"] - Decimal(line["total_discount"]))
        tax = str(sum((Decimal(item["price"]) for item in line["tax_lines"]), Decimal(0)))
    place = rest.get("location_id")
    return {
        "id": gid("RefundLineItem", rest["id"]), "quantity": rest["quantity"],
        "restockType": rest.get("restock_type", "legacy_restock").upper(), "restocked": True,
        "location": place and {"id": gid("Location", place), "name": f"Store {place}"}, "lineItem": _line(line, currency),
        "subtotalSet": bag(subtotal, currency), "totalTaxSet": bag(tax, currency),
    }  # fmt: skip
