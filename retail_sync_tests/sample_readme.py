"""The text of the sample company's README; `make_sample` fills in what it made."""

from __future__ import annotations

README = """\
# Fernway Goods, the sample company

Fernway Goods is invented. It sells candles, mugs and throws on Amazon US, which settles weekly in
USD, and since 21 September 2026 on Amazon DE, which settles every two weeks in EUR. In October 2026 it
also has a web shop (Shopify, USD), two stores, S01 in New York (tills T1 and T2) and S02 in Los Angeles
(till T1), a card processor (Square), a warehouse (W01) that sends the shop's orders, and stock at Amazon
(FBA). Its bank has four accounts. Every id, SKU, mail address and amount is made up, and nobody's data is
in here.

| folder or file | what it is |
|---|---|
| `inbox/amazon/` | settlement files (flat file V2) as they were downloaded |
| `inbox/amazon_shipments/`, `amazon_listings/` | what Amazon sent to customers in October, and what it offers at the end |
| `inbox/shopify_sales/`, `shopify_payouts/`, `shopify_orders/` | the shop's weekly exports: transactions, payouts, orders |
| `inbox/web_shipments/`, `web_listings/` | what the warehouse sent for the shop's orders, and what the shop offers at the end |
| `inbox/till_receipts/`, `till_tenders/` | the tills' exports, a file per store and week, in the store's local time |
| `inbox/till_drawers/` | the drawers: opened with a float of 200.00, counted in the evening |
| `inbox/square/`, `square_payouts/` | the card processor's payments (2.7 % of each charge is kept) and its list of payouts |
| `inbox/erp_products/`, `erp_prices/`, `erp_locations/` | the ERP's articles, prices and places |
| `inbox/erp_movements/`, `erp_snapshots/`, `erp_counts/` | what moved, what lay where each evening, the count of 31 October |
| `inbox/bank/` | the statement of each account, complete to {statement_to}; that of the web shop to {web_statement_to} |
| `later/` | what arrives after the first run: a corrected re-issue of one settlement, and what a store could not send |
| `answers.csv` | every exception to expect once the inbox **and** `later/` are processed: {problem_count} |
| `retail_sync.toml` | how each of these is read |
| `rules/channel_locations.csv` | Amazon sells from FBA, the web shop from W01; the other rules are the project's |

## The stores' month

{receipt_count} receipts with sales tax (8.875 % and 9.5 %, rounded on each line), discounts, tips, gift cards sold and
redeemed, and returns, paid in cash, by card or by gift card. Of what truly happened, everything is conserved:
a receipt's tenders sum to its lines, a drawer holds its float and its cash (now and then some coins more or less, within the
tolerance), a payout is its payments less their fees and arrives two days later or on the Monday after, a
snapshot is the one before plus the day's movements, and each sale or return is one movement of the ERP.

## The web shop's month

{order_count} orders, some with sales tax, some paid in Canadian dollars (the shop gets US dollars for them), sent from the
warehouse on the next morning. The processor keeps 2.9 % and 0.30 of a charge and pays two days later, or on the Monday after.
An export of transactions holds what was paid out in its week and what is pending, so the charges of a week's last days come
twice; those of the last days of October are still pending. Now and then a part is given back and the goods are kept; one
charge is disputed, which costs 15.00 more.

## The settlements

The totals are those of the files' header rows (for {reissued}, of the re-issue).

| settlement | period | deposit date | total | in the bank |
|---|---|---|---:|---|
{settlements}

## What is unusual and still right

* The line of store S02 was down from 20 to 23 October, 15:00: {late_receipt_count} receipts come with `later/`. Until
  then its drawers held more than its receipts say, and the days were booked so; they correct themselves.
* The snapshots follow what the ERP booked, right or wrong, so a wrong movement shifts the later ones; with one exception: the
  goods of the transfer that is not booked into the store were put into its stock by hand, so its snapshots have them. What is
  counted at month end are the articles that nobody booked wrong.
* Every Monday a store brings to the bank what its drawers held beyond their floats, as counted: the two bills that are missing
  on 13 October are missing there too, and the cash of the drawer that nobody counted is there.
* Store S02 sells until 21:00 in Los Angeles, which is the next day in UTC.
* {debt} is negative. Its debt is the `Payable to Amazon` line of {debt_next}, and is charged to the
  company's card (`Successful charge`), so neither has anything to do with the bank.
* The transfer of {failed} failed; its total comes back as a line of {failed_next}, which pays both.
* {reserve} holds back a reserve and {reserve_next} releases the same amount.
* The period of {straddling} contains a month end.
* {awaiting} has a deposit date so late that the statement cannot show the money yet.
* One file is an exact copy of another under another name: a duplicate, not a problem.
* {identical} has two identical lines, and both count.
* A SKU contains a blank; the amounts of card charges are padded with blanks; lines of the account
  name no marketplace; one order-id is that of an inbound shipment.

## What is wrong, once each

`answers.csv` gives the amounts: lines less header total, bank less total, released less held; for the stores tenders less
receipts, drawer less cash tenders, processor less card tenders; for the stock the ERP's units less those of the tills (the
count's less the ERP's), as changes of stock at cost.

{problems}

Before `later/` is processed, {reissued} has a total that its deposit does not match, and S02's offline days differ.

## How to make it again

    python -m retail_sync_tests.make_sample

writes the same bytes every time. The plan of the settlements and what is planted in them are data at the top of
`retail_sync_tests/make_sample.py`; what is planted in the stores and the stock is in `store_problems.py` and
`stock_problems.py` beside it. Do not edit the files here by hand: a test compares them, and another finds every planted
problem in them by plain rules. `retail-sync simulate` writes such a company, sound, at any size.
"""
