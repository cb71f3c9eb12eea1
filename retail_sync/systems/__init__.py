"""How to speak to a system that both a connector and a ledger adapter speak to: sign in, call, page, tell its errors apart.

Nothing of stock and nothing of entries: what is asked for, and what an answer means for the books, is the caller's business.
"""
