"""A process that posts, for the tests of several at once and of sudden death. Not a test itself.

    python posting_process.py URL HEADS once       installs, posts settlements 1 to 50 one by one
    python posting_process.py URL HEADS install    installs, nothing else
    python posting_process.py URL HEADS single N   posts settlement N, N+1, ... until it is killed
    python posting_process.py URL HEADS many N     the same, twenty in a transaction

Each number is printed when the ledger has acknowledged it.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from retail_sync_tests.ledger.bookkeeping import Books, sale, token

TOGETHER = 20


def main(url: str, heads: str, mode: str, first: str = "1") -> None:
    """Do what the module's docstring says for `mode`."""
    books = Books(url, Path(heads))
    if mode in {"once", "install"}:
        ledger = books.installed()
        for number in range(1, 51 if mode == "once" else 1):
            print(number, ledger.post(sale(number), token(sale(number))), flush=True)
        ledger.close()
        return
    ledger = books.open()
    size = TOGETHER if mode == "many" else 1
    for start in count(int(first), size):
        entries = [sale(number) for number in range(start, start + size)]
        ledger.post_many([(entry, token(entry)) for entry in entries])
        print(start + size - 1, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
