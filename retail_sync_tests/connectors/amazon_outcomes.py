"""What becomes of each of Amazon's sandbox pairs, worked by hand from the pairs: the reason why nothing, or the rows.

A row is text whose cells stand between semicolons; `cells` makes of it what the warehouse gives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

# Operation | its good answers | how many refusals | what becomes of the good ones; the tables below hold the facts.
PAIRS = """
financesInvoices_2026-06-25.getInvoice        | 200.0             | 1 | what a vendor bills Amazon; we read a seller's account
financesInvoices_2026-06-25.getInvoiceHeaders | 200.0             | 1 | what a vendor bills Amazon; we read a seller's account
financesV0.listFinancialEventGroups           | 200.0             | 1 | facts
financesV0.listFinancialEvents                | 200.0             | 1 | facts
financesV0.listFinancialEventsByGroupId       | 200.0             | 1 | facts
financesV0.listFinancialEventsByOrderId       | 200.0             | 1 | facts
finances_2024-06-19.listBalances              | 200.0 200.1       | 1 | sums of transactions, which come one by one
finances_2024-06-19.listSummary               | 200.0             | 1 | sums of transactions, which come one by one
finances_2024-06-19.listTransactions          | 200.0             | 1 | facts
ordersV0.confirmShipment                      | 204.0             | 1 | an action; we only read
ordersV0.getOrder                             | 200.0 200.1       | 1 | facts
ordersV0.getOrderAddress                      | 200.0             | 1 | a person, not asked for
ordersV0.getOrderBuyerInfo                    | 200.0             | 1 | a person, not asked for
ordersV0.getOrderItems                        | 200.0             | 1 | facts
ordersV0.getOrderItemsBuyerInfo               | 200.0             | 1 | a gift message, not asked for, and a price that cannot be
ordersV0.getOrderRegulatedInfo                | 200.0 200.1       | 1 | prescriptions, not asked for
ordersV0.getOrders                            | 200.0 200.1 200.2 | 1 | facts
ordersV0.updateShipmentStatus                 | 204.0             | 1 | an action; we only read
ordersV0.updateVerificationStatus             | 204.0 204.1       | 7 | an action; we only read
orders_2026-01-01.getOrder                    | 200.0 200.1 200.2 | 1 | facts
orders_2026-01-01.searchOrders                | 200.0 200.1 200.2 | 1 | facts
reports_2021-06-30.cancelReport               | 200.0             | 1 | an action; we only read
reports_2021-06-30.cancelReportSchedule       | 200.0             | 1 | an action; we only read
reports_2021-06-30.createReport               | 202.0             | 1 | an action; we only read
reports_2021-06-30.createReportSchedule       | 201.0             | 1 | an action; we only read
reports_2021-06-30.getReport                  | 200.0             | 1 | a report in the making, as in getReports
reports_2021-06-30.getReportDocument          | 200.0             | 1 | where a report lies: it is fetched there
reports_2021-06-30.getReportSchedule          | 200.0             | 1 | when reports are made, not what they say
reports_2021-06-30.getReportSchedules         | 200.0             | 1 | when reports are made, not what they say
reports_2021-06-30.getReports                 | 200.0             | 1 | a report in the making: it is none yet
tokens_2021-03-01.createRestrictedDataToken   | 200.0 200.1       | 1 | a token for persons, not asked for
transfers_2024-06-01.getPaymentMethods        | 200.0             | 1 | a person's bank account, not asked for
transfers_2024-06-01.initiatePayout           | 200.0             | 1 | an action; we only read
transfers_2024-06-01.listExpectedPayouts      | 200.0             | 1 | what may be paid one day; listPayouts says it when it is
transfers_2024-06-01.listPayouts              | 200.0             | 1 | facts
"""

# order; ordered at; status; currency; total; tax; shipping; discount (nothing where the pair does not tell)
ORDERS = {
    "orders_2026-01-01.searchOrders.200.0": ["250-1234567-8901234; 2024-12-25T02:30:00Z; SHIPPED; JPY; 19940; 0; 0; 0"],
    "orders_2026-01-01.searchOrders.200.1": ["202-7654321-1098765; 2024-12-24T14:20:00Z; SHIPPED; GBP; 34.99; 0; 0; 0"],
    "orders_2026-01-01.searchOrders.200.2": ["171-2345678-9012345; 2024-12-22T15:30:00Z; UNSHIPPED; BRL; 1599.90; 0; 0; 0"],
    "orders_2026-01-01.getOrder.200.0": ["171-9876543-2109876; 2024-12-24T20:30:00Z; UNSHIPPED; BRL; 299.90; 0; 0; 0"],
    "orders_2026-01-01.getOrder.200.1": ["028-1234567-8901234; 2025-03-15T10:30:00Z; SHIPPED; TRY; 125.00; 0; 0; 0"],
    # 39.99 and 10.00 of tax
    "orders_2026-01-01.getOrder.200.2": ["114-9876543-1234567; 2025-03-10T14:00:00Z; UNSHIPPED; USD; 49.99; 10.00; 0; 0"],
    "ordersV0.getOrders.200.0": [
        "902-1845936-5435065; 1970-01-19T03:58:30Z; UNSHIPPED; USD; 11.01; 1.01; 0; 0",  # with its item, below
        "902-8745147-1934268; 1970-01-19T03:58:30Z; UNSHIPPED; USD; 11.01; ; ; ",
    ],
    "ordersV0.getOrders.200.1": [],  # not paid yet: not asked for
    "ordersV0.getOrders.200.2": [],
    "ordersV0.getOrder.200.0": ["902-1845936-5435065; 1970-01-19T03:58:30Z; UNSHIPPED; USD; 11.01; 1.01; 0; 0"],
    "ordersV0.getOrder.200.1": ["921-3175655-0452641; 2019-05-07T15:42:57.058Z; SHIPPED; EUR; 100.00; ; ; "],
}  # fmt: skip
# order; line; article; title; quantity; price of one; tax; discount
LINES = {
    "orders_2026-01-01.searchOrders.200.0": [
        "250-1234567-8901234; 1; ECHO-DOT-4-JP-CHARCOAL; Echo Dot (第4世代) スマートスピーカー with Alexa チャコール; "
        "1; 5980; 0; 0",
        "250-1234567-8901234; 2; FIRE-TV-4K-MAX-JP; Fire TV Stick 4K Max ストリーミングデバイス; 2; 6980; 0; 0",
    ],
    "orders_2026-01-01.searchOrders.200.1": [
        "202-7654321-1098765; 1; ECHO-DOT-4-UK-CHARCOAL-SINGLE; Amazon Echo Dot (4th Generation) | Smart speaker with Alexa "
        "| Charcoal; 1; 34.99; 0; 0",
    ],
    "orders_2026-01-01.searchOrders.200.2": [
        "171-2345678-9012345; 1; DELL-I15-BR-001; Notebook Dell Inspiron 15 3000; 1; 1599.90; 0; 0",
    ],
    "orders_2026-01-01.getOrder.200.0": [
        "171-9876543-2109876; 1; ECHO-DOT-4-BR-PRETO; Echo Dot (4ª Geração) | Smart Speaker com Alexa | Cor Preta; 1; 299.90; 0; 0",
    ],
    "orders_2026-01-01.getOrder.200.1": [
        "028-1234567-8901234; 1; FIRE-HD10-TR-BLK; Fire HD 10 tablet | 10.1 inch, 1080p Full HD; 2; 62.50; 0; 0",
    ],
    "orders_2026-01-01.getOrder.200.2": [
        "114-9876543-1234567; 1; ECHO-POP-US-BLK; All-new Echo Pop | Full sound compact smart speaker with Alexa; "
        "1; 39.99; 10.00; 0",
    ],
    "ordersV0.getOrderItems.200.0": [
        "902-1845936-5435065; 1; NABetaASINB00551Q3CS; B00551Q3CS [Card Book]; 1; 10.00; 1.01; 0",
    ],
}  # fmt: skip
# A transaction each: day; category; currency; amounts; their sum. Their words are in no rule, so nothing is guessed; no order
# number has the form of one, so no transaction has an order. All amounts but the first are 25.37.
HELD_BACK = {
    "finances_2024-06-19.listTransactions.200.0": ["2020-07-14; unclassified; USD; 1; 10"],
    "financesV0.listFinancialEvents.200.0": [
        "2020-02-05; unclassified; USD; 2; 50.74",  # PayWithAmazon: charge, fee
        "2020-02-05; unclassified; USD; 1; 25.37",  # ServiceProviderCredit
        "2020-02-05; unclassified; USD; 4; 101.48",  # RentalTransaction: charge, fee, reimbursement, tax withheld
        # ProductAdsPayment: base and tax are each as much as the whole, so the rest takes one of them back
        "2020-02-05; unclassified; USD; 3; 25.37",
    ],
    "financesV0.listFinancialEventsByGroupId.200.0": [
        "2020-02-05; unclassified; USD; 25; 634.25",  # Chargeback: seven of the order, nine of each of two items
        "2020-02-05; unclassified; USD; 1; 25.37",  # ImagingServicesFee
        "2020-02-05; unclassified; USD; 2; 50.74",  # NetworkComminglingTransaction: amount, tax
        # AffordabilityExpenseReversal: base and three taxes, each as much as the whole, and the rest of -76.11
        "2020-02-05; unclassified; USD; 5; 25.37",
        "2020-02-05; unclassified; USD; 1; 25.37",  # TrialShipment: fee
        "2020-02-05; unclassified; USD; 1; 25.37",  # TaxWithholding: what is withheld
    ],
    "financesV0.listFinancialEventsByOrderId.200.0": [
        "2020-02-05; unclassified; USD; 3; 76.11",  # Retrocharge: tax of the goods, of shipping, withheld
        "2020-02-05; unclassified; USD; 4; 101.48",  # RentalTransaction
        "2020-02-05; unclassified; USD; 3; 25.37",  # ProductAdsPayment
        "; unclassified; USD; 1; 25.37",  # ServiceFee, which has no day
    ],
}  # fmt: skip
# number; status; currency; amount; the bank's trace id; created. They are kept in raw; no canonical table has them.
PAYOUTS = {
    "transfers_2024-06-01.listPayouts.200.0": ["11888387941; PAID; USD; 1250.75; 4B03616UONXSAWP; 2024-06-01T00:00:00Z"],
    # OriginalTotal. ConvertedTotal, 39.43 in the same currency, cannot be of the same money.
    "financesV0.listFinancialEventGroups.200.0": ["1; PAID; USD; 10.34; 34550454504545; 2020-02-07T14:38:42.128Z"],
}  # fmt: skip

# What the sandbox sends against its own models: a day where an instant must be, and nothing where something must be.
OUTSIDE_THE_MODELS = {
    "finances_2024-06-19.listTransactions.200.0",
    "financesV0.listFinancialEventGroups.200.0",
    "ordersV0.updateShipmentStatus.204.0",
}


def expected(table: Mapping[str, Iterable[str]], names: Iterable[str]) -> Counter[tuple[Any, ...]]:
    """The rows of these pairs in a table above."""
    return Counter(cells(row) for name in names for row in table[name])


def cells(row: str) -> tuple[Any, ...]:
    """The cells of a row above, as the warehouse gives them."""
    return tuple(map(_cell, row.split("; ")))


def _cell(text: str) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\dT.*", text):
        return datetime.fromisoformat(text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text or None
