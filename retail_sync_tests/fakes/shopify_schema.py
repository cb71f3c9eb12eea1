"""The part of Shopify's GraphQL schema that the fake serves: names, arguments and types of 2026-07, as a live shop gave them."""

from __future__ import annotations

_PAGED = "first, after, last, before, reverse"


def _connection(node: str) -> dict[str, str | None]:
    return {"nodes": f"[{node}]", "edges": f"[{node}Edge]", "pageInfo": "PageInfo"}


_MONEY: dict[str, str | None] = {
    f"{part}{kind}": "MoneyV2"
    for part in ("charges", "adjustments", "reservedFunds", "retriedPayouts")
    for kind in ("Gross", "Fee")
}

SCHEMA: dict[str, dict[str, str | None]] = {
    "MutationRoot": {
        "bulkOperationRunQuery(query, groupObjects)": "BulkOperationRunQueryPayload",
        "bulkOperationCancel(id)": "BulkOperationCancelPayload",
    },
    "BulkOperationRunQueryPayload": {"bulkOperation": "BulkOperation", "userErrors": "[BulkOperationUserError]"},
    "BulkOperationCancelPayload": {"bulkOperation": "BulkOperation", "userErrors": "[UserError]"},
    "BulkOperationUserError": {"code": None, "field": None, "message": None},
    "UserError": {"field": None, "message": None},
    "BulkOperation": {
        "id": None, "status": None, "type": None, "errorCode": None, "createdAt": None, "completedAt": None, "fileSize": None,
        "objectCount": None, "rootObjectCount": None, "partialDataUrl": None, "query": None, "url": None,
    },
    "QueryRoot": {
        "shop": "Shop",
        "currentAppInstallation": "AppInstallation",
        "shopifyPaymentsAccount": "ShopifyPaymentsAccount",
        f"orders({_PAGED}, query, sortKey, savedSearchId)": "OrderConnection",
        f"locations({_PAGED}, query, sortKey, includeInactive, includeLegacy)": "LocationConnection",
        "location(id)": "Location",
        "node(id)": "Node",
    },
    "Shop": {"id": None, "name": None, "currencyCode": None, "ianaTimezone": None, "myshopifyDomain": None},
    "AppInstallation": {"id": None, "accessScopes": "[AccessScope]"},
    "AccessScope": {"handle": None, "description": None},
    "Node": {"id": None},
    "PageInfo": {"hasNextPage": None, "hasPreviousPage": None, "startCursor": None, "endCursor": None},
    "MoneyV2": {"amount": None, "currencyCode": None},
    "MoneyBag": {"shopMoney": "MoneyV2", "presentmentMoney": "MoneyV2"},
    "ShopifyPaymentsAccount": {
        "id": None,
        "defaultCurrency": None,
        f"payouts({_PAGED}, query, sortKey, savedSearchId, transactionType)": "ShopifyPaymentsPayoutConnection",
        f"balanceTransactions({_PAGED}, query, sortKey, savedSearchId, hideTransfers)":
            "ShopifyPaymentsBalanceTransactionConnection",
    },
    "ShopifyPaymentsPayoutConnection": _connection("ShopifyPaymentsPayout"),
    "ShopifyPaymentsPayout": {
        "id": None, "legacyResourceId": None, "issuedAt": None, "status": None, "transactionType": None,
        "externalTraceId": None, "net": "MoneyV2", "summary": "ShopifyPaymentsPayoutSummary",
    },
    "ShopifyPaymentsPayoutSummary": {
        **_MONEY, "advanceFees": "MoneyV2", "advanceGross": "MoneyV2", "refundsFee": "MoneyV2", "refundsFeeGross": "MoneyV2",
        "usdcRebateCreditAmount": "MoneyV2",
    },
    "ShopifyPaymentsBalanceTransactionConnection": _connection("ShopifyPaymentsBalanceTransaction"),
    "ShopifyPaymentsBalanceTransaction": {
        "id": None, "type": None, "test": None, "transactionDate": None, "adjustmentReason": None, "sourceType": None,
        "sourceId": None, "sourceOrderTransactionId": None, "amount": "MoneyV2", "fee": "MoneyV2", "net": "MoneyV2",
        "associatedOrder": "ShopifyPaymentsAssociatedOrder",
        "associatedPayout": "ShopifyPaymentsBalanceTransactionAssociatedPayout",
    },
    "ShopifyPaymentsAssociatedOrder": {"id": None, "name": None},
    "ShopifyPaymentsBalanceTransactionAssociatedPayout": {"id": None, "status": None},
    "OrderConnection": _connection("Order"),
    "Order": {
        "id": None, "name": None, "test": None, "createdAt": None, "updatedAt": None, "processedAt": None,
        "cancelledAt": None, "sourceName": None, "displayFinancialStatus": None, "currencyCode": None,
        "taxesIncluded": None, "customer": "Customer", "shippingAddress": "MailingAddress", "retailLocation": "Location",
        "totalPriceSet": "MoneyBag", "totalTaxSet": "MoneyBag", "totalDiscountsSet": "MoneyBag",
        "totalShippingPriceSet": "MoneyBag", "totalCashRoundingAdjustment": "CashRoundingAdjustment",
        "taxLines": "[TaxLine]", "refunds(first)": "[Refund]", "fulfillments(first, query)": "[Fulfillment]",
        f"lineItems({_PAGED})": "LineItemConnection",
        f"shippingLines({_PAGED}, includeRemovals)": "ShippingLineConnection",
    },
    "Customer": {"id": None, "email": None},
    "MailingAddress": {"countryCodeV2": None, "name": None},
    "CashRoundingAdjustment": {"paymentSet": "MoneyBag", "refundSet": "MoneyBag"},
    "TaxLine": {"channelLiable": None, "title": None, "rate": None, "priceSet": "MoneyBag"},
    "LineItemConnection": _connection("LineItem"),
    "LineItem": {
        "id": None, "sku": None, "name": None, "title": None, "quantity": None, "requiresShipping": None,
        "isGiftCard": None, "originalUnitPriceSet": "MoneyBag", "discountAllocations": "[DiscountAllocation]",
        "taxLines(first)": "[TaxLine]",
    },
    "DiscountAllocation": {"allocatedAmountSet": "MoneyBag"},
    "ShippingLineConnection": _connection("ShippingLine"),
    "ShippingLine": {"id": None, "title": None, "originalPriceSet": "MoneyBag", "discountedPriceSet": "MoneyBag"},
    "Refund": {
        "id": None, "createdAt": None, "processedAt": None, "updatedAt": None, "totalRefundedSet": "MoneyBag",
        f"refundLineItems({_PAGED})": "RefundLineItemConnection",
        f"refundShippingLines({_PAGED})": "RefundShippingLineConnection",
        f"orderAdjustments({_PAGED})": "OrderAdjustmentConnection",
        f"transactions({_PAGED})": "OrderTransactionConnection",
    },
    "RefundLineItemConnection": _connection("RefundLineItem"),
    "RefundLineItem": {
        "id": None, "quantity": None, "restockType": None, "restocked": None, "location": "Location",
        "lineItem": "LineItem", "priceSet": "MoneyBag", "subtotalSet": "MoneyBag", "totalTaxSet": "MoneyBag",
    },
    "RefundShippingLineConnection": _connection("RefundShippingLine"),
    "RefundShippingLine": {"id": None, "subtotalAmountSet": "MoneyBag", "taxAmountSet": "MoneyBag"},
    "OrderAdjustmentConnection": _connection("OrderAdjustment"),
    "OrderAdjustment": {"id": None, "reason": None, "amountSet": "MoneyBag", "taxAmountSet": "MoneyBag"},
    "OrderTransactionConnection": _connection("OrderTransaction"),
    "OrderTransaction": {
        "id": None, "kind": None, "status": None, "test": None, "gateway": None, "processedAt": None,
        "amountSet": "MoneyBag", "amountRoundingSet": "MoneyBag",
    },
    "Fulfillment": {
        "id": None, "createdAt": None, "updatedAt": None, "status": None, "location": "Location",
        f"fulfillmentLineItems({_PAGED})": "FulfillmentLineItemConnection",
    },
    "FulfillmentLineItemConnection": _connection("FulfillmentLineItem"),
    "FulfillmentLineItem": {"id": None, "quantity": None, "lineItem": "LineItem"},
    "LocationConnection": _connection("Location"),
    "Location": {
        "id": None, "name": None, "isActive": None, "fulfillsOnlineOrders": None, "address": "LocationAddress",
        f"inventoryLevels({_PAGED}, query)": "InventoryLevelConnection",
    },
    "LocationAddress": {"countryCode": None},
    "InventoryLevelConnection": _connection("InventoryLevel"),
    "InventoryLevel": {
        "id": None, "updatedAt": None, "item": "InventoryItem", "location": "Location",
        "quantities(names)": "[InventoryQuantity]",
    },
    "InventoryItem": {"id": None, "sku": None, "tracked": None},
    "InventoryQuantity": {"id": None, "name": None, "quantity": None, "updatedAt": None},
}  # fmt: skip

for _connected in [name.removesuffix("Connection") for name in SCHEMA if name.endswith("Connection")]:
    SCHEMA[f"{_connected}Edge"] = {"node": _connected, "cursor": None}

PAGED_AT_THE_TOP = {"payouts", "balanceTransactions", "orders", "locations", "inventoryLevels"}
