"""The lists of the fake Amazon: records in the shapes of the official sandbox answers, and each operation's filters and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.source import Expired

_TOKEN_LASTS = {"getInventorySummaries": 30.0, "searchOrders": 86_400.0}
_OPTIONAL = frozenset(
    "buyer recipient proceeds expense promotion cancellation fulfillment packages tax payment".split()
)
_COLUMNS = (
    "settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency transaction-type order-id "
    "merchant-order-id adjustment-id shipment-id marketplace-name amount-type amount-description amount fulfillment-id "
    "posted-date posted-date-time order-item-code merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased "
    "promotion-id"
).split()


class Refused(Exception):
    """400 InvalidInput."""


class Lists:
    """What a seller has, each list with its newest record last."""

    def __init__(self, clock: FakeClock, cut: Callable[..., tuple[list[Any], int | None]]) -> None:
        self._clock = clock
        self._cut = cut
        self._began = clock.time() - timedelta(hours=20).total_seconds()
        self._tokens: dict[str, tuple[str, Mapping[str, str], int, float]] = {}
        self.reports: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}  # by report id, where it is not `settlement_file`
        self.orders: list[dict[str, Any]] = []
        self.stock: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []
        self.payouts: list[dict[str, Any]] = []

    def insert(self) -> None:
        """Add one record to each list."""
        n = len(self.orders) + 1
        at = iso(self._began + n)
        report_id = str(50_000_000_000 + n)
        self.reports.append({
            "reportId": report_id, "reportType": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2", "createdTime": at,
            "processingStatus": "DONE", "reportDocumentId": f"amzn1.spdoc.1.4.na.{report_id}/{n}",
            "dataStartTime": at, "dataEndTime": at, "marketplaceIds": ["ATVPDKIKX0DER"],
        })  # fmt: skip
        self.orders.append(_order(n, at))
        self.stock.append(_article(n, at))
        self.transactions.append(_transaction(n, at))
        self.payouts.append(_payout(n, at))

    def page(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of a list. Raises Refused and Expired."""
        served: dict[str, Callable[[Mapping[str, str], int], dict[str, Any]]] = {
            "getReports": self._reports,
            "searchOrders": self._orders,
            "getInventorySummaries": self._stock,
            "listTransactions": self._transactions,
            "listPayouts": self._payouts,
        }
        token = query.get("paginationToken" if name == "searchOrders" else "nextToken", "")
        if name == "getReports" and token:
            if len(query) > 1:
                raise Refused("nextToken must be the only parameter")
            query, begin = self._asked(name, token)
        else:
            begin = self._asked(name, token)[1] if token else 0
        return served[name](query, begin)

    def _token(self, name: str, query: Mapping[str, str], begin: int | None) -> str | None:
        """A token is another one each time it is given."""
        if begin is None:
            return None
        token = f"page-token-{len(self._tokens)}=="
        self._tokens[token] = (name, query, begin, self._clock.time())
        return token

    def _asked(self, name: str, token: str) -> tuple[Mapping[str, str], int]:
        of, query, begin, at = self._tokens.get(token, ("", {}, 0, 0.0))
        if of != name:
            raise Refused("no such token")
        if self._clock.time() - at > _TOKEN_LASTS.get(name, 3_600):
            raise Expired
        return query, begin

    def _reports(self, query: Mapping[str, str], begin: int) -> dict[str, Any]:
        since, until = query.get("createdSince", ""), query.get("createdUntil", "9")
        found = [
            {
                key: value
                for key, value in report.items()
                if key != "reportDocumentId" or report["processingStatus"] == "DONE"
            }
            for report in self.reports
            if report["reportType"] in query["reportTypes"].split(",") and since <= report["createdTime"] <= until
        ]
        rows, following = self._cut(found, begin, int(query.get("pageSize", "10")))
        return _without_nothing({"reports": rows, "nextToken": self._token("getReports", query, following)})

    def _orders(self, query: Mapping[str, str], begin: int) -> dict[str, Any]:
        if datetime.fromisoformat(query["lastUpdatedBefore"]).timestamp() > self._clock.time() - 120:
            raise Refused("lastUpdatedBefore must be two minutes past")
        found = [
            _given(order, query["includedData"].split(","))
            for order in self.orders
            if query["lastUpdatedAfter"] <= order["lastUpdatedTime"] <= query["lastUpdatedBefore"]
            and order["fulfillment"]["fulfillmentStatus"] in query["fulfillmentStatuses"].split(",")
        ]
        rows, following = self._cut(found, begin, int(query["maxResultsPerPage"]))
        token = self._token("searchOrders", query, following)
        return _without_nothing({
            "orders": rows, "lastUpdatedBefore": query["lastUpdatedBefore"], "pagination": token and {"nextToken": token},
        })  # fmt: skip

    def _stock(self, query: Mapping[str, str], begin: int) -> dict[str, Any]:
        rows, following = self._cut(self.stock, begin)
        token = self._token("getInventorySummaries", query, following)
        granularity = {"granularityType": query["granularityType"], "granularityId": query["granularityId"]}
        payload = {"granularity": granularity, "inventorySummaries": rows}
        return _without_nothing({"payload": payload, "pagination": token and {"nextToken": token}})

    def _transactions(self, query: Mapping[str, str], begin: int) -> dict[str, Any]:
        after, before = (datetime.fromisoformat(query[name]) for name in ("postedAfter", "postedBefore"))
        if before.timestamp() > self._clock.time() - 120:
            raise Refused("postedBefore must be two minutes past")
        found = [
            transaction
            for transaction in self.transactions
            # The models of the finance interfaces let a transaction have no day.
            if query["postedAfter"] <= transaction.get("postedDate", query["postedAfter"]) < query["postedBefore"]
            and transaction["transactionStatus"] == query.get("transactionStatus", transaction["transactionStatus"])
            and before - after <= timedelta(days=180)
        ]
        rows, following = self._cut(found, begin)
        token = self._token("listTransactions", query, following)
        return {"payload": _without_nothing({"transactions": rows, "nextToken": token})}

    def _payouts(self, query: Mapping[str, str], begin: int) -> dict[str, Any]:
        found = [p for p in self.payouts if query["createdAfter"] <= p["creationDate"] < query["createdBefore"]]
        rows, following = self._cut(found, begin)
        return _without_nothing({"payouts": rows, "nextToken": self._token("listPayouts", query, following)})


def iso(at: float) -> str:
    """An instant as Amazon writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def settlement_file(report_id: str) -> bytes:
    """A settlement of one order of the list with its fee, as a flat file."""
    n = int(report_id) - 50_000_000_000
    at = "2026-11-10 10:00:00 UTC"
    head = {"settlement-id": str(11_000_000_000 + n), "settlement-start-date": at, "settlement-end-date": "2026-11-17 10:00:00 UTC",
            "deposit-date": "2026-11-19 10:00:00 UTC", "total-amount": "18.06", "currency": "USD"}  # fmt: skip
    line = {"transaction-type": "Order", "order-id": order_id(n), "marketplace-name": "Amazon.com", "posted-date": at[:10],
            "posted-date-time": at, "sku": f"A-{n}", "quantity-purchased": "1"}  # fmt: skip
    amounts = (
        ("ItemPrice", "Principal", "20.00"), ("ItemPrice", "Shipping", "1.50"), ("ItemPrice", "Tax", "1.56"),
        ("Promotion", "Principal", "-2.00"), ("ItemFees", "Commission", "-3.00"),
    )  # fmt: skip
    return flat_file(head, *(
        {**line, "amount-type": kind, "amount-description": what, "amount": amount} for kind, what, amount in amounts
    ))  # fmt: skip


def flat_file(head: Mapping[str, str], *lines: Mapping[str, str]) -> bytes:
    """A settlement as a V2 flat file: its header row and its lines, by column."""
    settlement_id = {"settlement-id": head["settlement-id"]}
    told = [_COLUMNS, *([{**settlement_id, **row}.get(name, "") for name in _COLUMNS] for row in (head, *lines))]
    return "".join("\t".join(cells) + "\n" for cells in told).encode()


def order_id(n: int) -> str:
    """The number of an order, in 3-7-7 format."""
    return f"112-{n:07}-{2 * n:07}"


def usd(amount: str) -> dict[str, str]:
    """An amount of the orders interface: text."""
    return {"currencyCode": "USD", "amount": amount}


def dollars(amount: float) -> dict[str, Any]:
    """An amount of the finance interfaces: a number."""
    return {"currencyCode": "USD", "currencyAmount": amount}


def breakdown(kind: str, amount: float, *within: dict[str, Any]) -> dict[str, Any]:
    """An amount of a transaction with what it is made of."""
    return {"breakdownType": kind, "breakdownAmount": dollars(amount), "breakdowns": list(within)}


def _order(n: int, at: str) -> dict[str, Any]:
    # Two of 10.00 each, 1.50 for shipping, 2.00 off, 1.56 of tax: 21.06.
    parts = [("ITEM", "20.00"), ("SHIPPING", "1.50"), ("DISCOUNT", "-2.00"), ("TAX", "1.56")]
    proceeds = [{"type": kind, "subtotal": usd(amount)} for kind, amount in parts]
    item = {
        "orderItemId": str(10_000_000 + n), "quantityOrdered": 2,
        "product": {"asin": "B000000000", "title": f"Thing {n}", "sellerSku": f"A-{n}", "price": {"unitPrice": usd("10.00")}},
        "proceeds": {"proceedsTotal": usd("21.06"), "breakdowns": proceeds},
        "fulfillment": {"quantityFulfilled": 2, "quantityUnfulfilled": 0},
    }  # fmt: skip
    return {
        "orderId": order_id(n), "createdTime": at, "lastUpdatedTime": at,
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER", "marketplaceName": "Amazon.com"},
        "buyer": {"buyerName": "A Person", "buyerEmail": "someone@marketplace.example"},
        "recipient": {"deliveryAddress": {"name": "A Person", "addressLine1": "1 Street", "countryCode": "US"}},
        "proceeds": {"grandTotal": usd("21.06")},
        "fulfillment": {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "AMAZON"}, "orderItems": [item],
    }  # fmt: skip


def _given(order: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """What was asked for of an order and of its items, and what is always there."""
    given, *items = (
        {key: value for key, value in record.items() if key not in _OPTIONAL or key.upper() in wanted}
        for record in (order, *order["orderItems"])
    )
    return {**given, "orderItems": items}


def _article(n: int, at: str) -> dict[str, Any]:
    unfulfillable = ("customer", "warehouse", "distributor", "carrier")
    return {
        "asin": "B000000000", "fnSku": f"X{n:09}", "sellerSku": f"A-{n}", "condition": "NewItem", "lastUpdatedTime": at,
        "productName": f"Thing {n}", "totalQuantity": 30 + n,
        "inventoryDetails": {
            "fulfillableQuantity": 10 + n, "inboundWorkingQuantity": 5, "inboundShippedQuantity": 4, "inboundReceivingQuantity": 3,
            "reservedQuantity": {"totalReservedQuantity": 4, "pendingCustomerOrderQuantity": 2,
                                 "pendingTransshipmentQuantity": 1, "fcProcessingQuantity": 1},
            "researchingQuantity": {"totalResearchingQuantity": 1, "researchingQuantityBreakdown": [
                {"name": "researchingQuantityInShortTerm", "quantity": 1}]},
            "unfulfillableQuantity": {"totalUnfulfillableQuantity": 3, "defectiveQuantity": 1, "expiredQuantity": 0,
                                      **{f"{why}DamagedQuantity": int(why != "carrier") - int(why == "distributor")
                                         for why in unfulfillable}},
        },
    }  # fmt: skip


def _transaction(n: int, at: str) -> dict[str, Any]:
    fee = breakdown("Commission", -3.15, breakdown("Base", -3.0), breakdown("Tax", -0.15))
    item = {
        "description": f"Thing {n}", "totalAmount": dollars(18.41),
        "breakdowns": [
            breakdown("ProductCharges", 20.0, breakdown("OurPricePrincipal", 20.0)),
            breakdown("Tax", 1.56, breakdown("OurPriceTax", 1.56)),
            breakdown("AmazonFees", -3.15, fee),
        ],
    }  # fmt: skip
    return {
        "sellingPartnerMetadata": {"sellingPartnerId": "A1", "accountType": "Standard Orders", "marketplaceId": "ATVPDKIKX0DER"},
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order_id(n)}],
        "transactionType": "Shipment", "transactionId": f"T-{n}", "transactionStatus": "DEFERRED",
        "description": "Order Payment", "postedDate": at, "totalAmount": dollars(18.41), "items": [item],
    }  # fmt: skip


def _payout(n: int, at: str) -> dict[str, Any]:
    settlement = {"relatedIdentifierName": "SETTLEMENT_ID", "relatedIdentifierValue": str(11_000_000_000 + n)}
    partner = {"partnerId": "A1", "accountType": "STANDARD_ORDERS", "marketplaceId": "ATVPDKIKX0DER"}
    return {
        "id": str(7_000 + n), "partnerMetadata": partner,
        "currentStatus": "PAID", "statusHistory": [{"status": "PAID", "lastUpdatedDate": at}], "type": "SCHEDULED",
        "amount": dollars(18.06), "paymentMethod": "BANK_ACCOUNT", "creationDate": at, "traceId": f"TRACE{n}",
        "relatedIdentifiers": [settlement],
    }  # fmt: skip


def _without_nothing(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}
