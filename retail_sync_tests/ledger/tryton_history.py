"""What really happened in a Tryton server, read from its own PostgreSQL tables by SQL: no code of the product, no RPC."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from retail_sync_tests.ledger.tryton_server import Company

_POSTED = """
    select description, count(*) from account_move
    where company = :company and state = 'posted' group by description
"""
_DRAFTS = "select count(*) from account_move where company = :company and state <> 'posted'"
_UNBALANCED = """
    select move.description from account_move move join account_move_line line on line.move = move.id
    where move.company = :company and move.state = 'posted'
    group by move.id, move.description having sum(line.debit - line.credit) <> 0
"""
_EFFECT = """
    select split_part(move.description, '#', 1), account.code, sum((line.debit - line.credit) * 100)
    from account_move move
    join account_move_line line on line.move = move.id
    join account_account account on account.id = line.account
    where move.company = :company and move.state = 'posted'
    group by 1, 2 having sum(line.debit - line.credit) <> 0
"""
_NUMBERS_TWICE = """
    select number from account_move where company = :company and state = 'posted' group by number having count(*) > 1
"""


class History:
    """The moves of one company, as the database has them."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def _rows(self, query: str) -> list[tuple]:
        with self._company.database.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), {"company": self._company.id})]

    def posted(self) -> Counter[str]:
        """How often each key is posted."""
        return Counter(dict(self._rows(_POSTED)))

    def drafts(self) -> int:
        """How many moves are not posted."""
        return self._rows(_DRAFTS)[0][0]

    def unbalanced(self) -> list[str]:
        """The keys of posted moves whose lines do not sum to zero."""
        return [row[0] for row in self._rows(_UNBALANCED)]

    def numbers_twice(self) -> list[str]:
        """Numbers that two posted moves have."""
        return [row[0] for row in self._rows(_NUMBERS_TWICE)]

    def effect(self) -> dict[tuple[str, str], int]:
        """Net effect by entry key and account over all versions and reversals, in cents, zeros left out."""
        return {(key, account): int(minor) for key, account, minor in self._rows(_EFFECT)}
