"""Servers on the loopback that behave like systems that cannot run here, checks, limits and bad days included.

They know nothing of the product. Each keeps what it booked, the raw documents in the order in which they came into effect, so a
test can count what happened without any code of the product.
"""
