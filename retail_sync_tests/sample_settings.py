"""The settings of a simulated home: how each file of `store_files` and of the marketplace is read."""

from __future__ import annotations

from retail_sync_tests.simulated_catalogue import FBA, LOCATIONS, WAREHOUSE
from retail_sync_tests.store_files import LINE_TYPES, TENDER_WORDS

_ZONES = ", ".join(f'{location} = "{zone}"' for location, _, _, zone in LOCATIONS)
_KINDS = ", ".join(f'{word} = "{kind}"' for kind, word in LINE_TYPES.items())
_TENDERS = ", ".join(f'{word} = "{kind}"' for kind, word in TENDER_WORDS.items())

CHANNEL_LOCATIONS = f"""\
channel,location_id,prepared_by,approved_by
amazon,{FBA},operations,controller
shopify,{WAREHOUSE},operations,controller
"""
"""The rule file of every simulated home: Amazon sends from its own warehouse, the web shop's orders leave ours."""

MARKETPLACE_AND_BANK = """
[[source]]
name = "amazon"
connector = "amazon_settlement"

[[source]]
name = "bank"
connector = "declared_csv"
object = "bank_transactions"
delimiter = ","
date_format = "%Y-%m-%d"
decimal_mark = "."
encoding = "utf-8"

[source.columns]
value_date = "Date"
account = "Account"
reference = "Description"
amount = "Amount"
currency = "Currency"
transaction_id = "Transaction id"
"""

STORES = f"""
# ---- The stores: tills in local time, each in the zone of its store -----------------------------

[[source]]
name = "till_receipts"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M"
time_zones = {{{_ZONES}}}

[source.columns]
store = "Store"
register = "Till"
receipt_id = "Receipt"
kind = {{from = "Type", values = {{{_KINDS}}}}}
sold_at = "Time"
sku = "SKU"
title = "Item"
quantity = "Qty"
net_amount = "Net"
tax_amount = "Tax"
discount_amount = "Discount"
currency = "=USD"

[[source]]
name = "till_tenders"
connector = "declared_csv"
object = "pos_tenders"
date_format = "%Y-%m-%d %H:%M"
time_zones = {{{_ZONES}}}

[source.columns]
store = "Store"
register = "Till"
receipt_id = "Receipt"
tender = {{from = "Tender", values = {{{_TENDERS}}}}}
tendered_at = "Time"
amount = "Amount"
currency = "=USD"

[[source]]
name = "till_drawers"
connector = "declared_csv"
object = "pos_shifts"
date_format = "%Y-%m-%d %H:%M"
time_zones = {{{_ZONES}}}

[source.columns]
store = "Store"
register = "Till"
shift_id = "Shift"
opened_at = "Opened"
closed_at = "Closed"
opening_amount = "Float"
counted_amount = "Counted"
currency = "=USD"

# ---- The card processor: its payments and its list of payouts are one account -------------------

[[source]]
name = "square"
connector = "declared_csv"
object = "payments"
account = "square"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"

[source.columns]
channel = "=square"
payment_id = "Payment ID"
kind = {{from = "Event", values = {{CHARGE = "charge", REFUND = "refund"}}}}
order_id = "Receipt"
paid_at = "Created at"
gross_amount = "Gross"
fee_amount = "Fee"
payout_id = "Payout ID"
payout_date = "Payout date"
currency = "=USD"

[[source]]
name = "square_payouts"
connector = "declared_csv"
object = "payouts"
account = "square"
date_format = "%Y-%m-%d"

[source.columns]
channel = "=square"
payout_id = "Payout ID"
payout_date = "Payout date"
charges_amount = "Charges"
refunds_amount = "Refunds"
fees_amount = "Fees"
total_amount = "Net"
currency = "=USD"
"""

WEB = """
# ---- The web shop: exports as the shop's own admin makes them; what the warehouse sent ----------

[[source]]
name = "shopify_sales"
connector = "shopify_transactions"
account = "fernway.example"
time_zone = "America/New_York"

[[source]]
name = "shopify_payouts"
connector = "shopify_payouts"
account = "fernway.example"
time_zone = "America/New_York"

[[source]]
name = "shopify_orders"
connector = "shopify_orders"
account = "fernway.example"
time_zone = "America/New_York"

[[source]]
name = "web_shipments"
connector = "declared_csv"
object = "fulfilments"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"

[source.columns]
channel = "=shopify"
fulfilment_id = "Shipment"
order_id = "Order"
shipped_at = "Sent at"
location_id = "Location"
sku = "SKU"
quantity = "Quantity"

[[source]]
name = "web_listings"
connector = "declared_csv"
object = "listings"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"

[source.columns]
channel = "=shopify"
channel_sku = "SKU"
sku = "SKU"
listed_at = "As of"
listed_quantity = "Available"
"""

GOODS = f"""
# ---- The ERP: articles, prices, places and stock ------------------------------------------------

[[source]]
name = "erp_products"
connector = "declared_csv"
object = "products"

[source.columns]
sku = "SKU"
title = "Description"
gtin = "GTIN"
unit = "Unit"
pack_quantity = "Pack"
unit_cost = "Unit cost"
tax_code = "Tax code"
is_active = {{from = "Active", values = {{yes = "true", no = "false"}}}}
currency = "=USD"

[[source]]
name = "erp_prices"
connector = "declared_csv"
object = "prices"
date_format = "%Y-%m-%d"

[source.columns]
sku = "SKU"
channel = "Price list"
valid_from = "From"
unit_price = "Price"
currency = "=USD"

[[source]]
name = "erp_locations"
connector = "declared_csv"
object = "locations"

[source.columns]
location_id = "Location"
title = "Name"
kind = "Kind"
time_zone = "Time zone"

[[source]]
name = "erp_snapshots"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"

[source.columns]
snapshot_date = "Date"
location_id = "Location"
sku = "SKU"
quantity_on_hand = "On hand"
quantity_reserved = "Reserved"
unit_cost = "Unit cost"
currency = "=USD"

[[source]]
name = "erp_movements"
connector = "declared_csv"
object = "stock_movements"
date_format = "%Y-%m-%d %H:%M"
time_zones = {{{_ZONES}}}

[source.columns]
movement_id = "Document"
moved_at = "Date"
location_id = "Location"
sku = "SKU"
kind = "Type"
quantity = "Quantity"
unit_cost = "Unit cost"
reference = "Reference"
currency = "=USD"

[[source]]
name = "erp_counts"
connector = "declared_csv"
object = "stock_counts"
date_format = "%Y-%m-%d %H:%M"
time_zones = {{{_ZONES}}}

[source.columns]
counted_at = "Counted at"
location_id = "Location"
sku = "SKU"
quantity = "Quantity"

# ---- Amazon's own stock reports: what it offers and what it sent to customers -------------------

[[source]]
name = "amazon_listings"
connector = "declared_csv"
object = "listings"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/Los_Angeles"

[source.columns]
channel = "=amazon"
channel_sku = "seller-sku"
sku = "our-sku"
listed_at = "as-of"
listed_quantity = "quantity"

[[source]]
name = "amazon_shipments"
connector = "declared_csv"
object = "fulfilments"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/Los_Angeles"

[source.columns]
channel = "=amazon"
fulfilment_id = "shipment-item-id"
order_id = "amazon-order-id"
shipped_at = "shipment-date"
location_id = "=FBA"
sku = "sku"
quantity = "quantity-shipped"
"""

SETTINGS = MARKETPLACE_AND_BANK + STORES + WEB + GOODS
