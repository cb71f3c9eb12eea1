"""Servers on the loopback that behave like QuickBooks Online and Xero, checks, limits and bad days included.

They know nothing of the product. Each keeps `booked`, the raw documents in the order in which they came into effect, so a
test can count what happened without any code of the product.
"""
