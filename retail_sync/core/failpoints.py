"""Named places where a test may kill the process, to prove that a crash there loses and doubles nothing.

`RETAIL_SYNC_FAILPOINT=name` makes the process end with SIGKILL when it reaches that place; unset, a failpoint costs one
dictionary lookup. `NAMES` is the whole list, in the order of the line, so that the crash test covers each place that exists.
Each name is one place in the code: a process only ever dies at the first that it reaches.
"""

from __future__ import annotations

import os
import signal
import sys

NAMES = (
    "pull.after_window",
    "pull.before_cursor",
    "drop.after_fetch",
    "raw.after_archive",
    "raw.after_register",
    "tables.before_commit",
    "tables.after_commit",
    "canonical.before_commit",
    "canonical.after_commit",
    "statements.before_commit",
    "statements.after_commit",
    "settlements.before_commit",
    "settlements.after_commit",
    "orders.before_commit",
    "orders.after_commit",
    "store_days.before_commit",
    "store_days.after_commit",
    "availability.before_commit",
    "availability.after_commit",
    "inventory.before_commit",
    "inventory.after_commit",
    "inventory_ledger.before_commit",
    "inventory_ledger.after_commit",
    "order_traces.before_commit",
    "order_traces.after_commit",
    "returns.before_commit",
    "returns.after_commit",
    "journal.before_commit",
    "journal.after_commit",
    "clearing.before_commit",
    "clearing.after_commit",
    "release.before_commit",
    "release.after_commit",
    "posting.after_claim",
    "posting.after_send",
    "posting.after_record",
    "posting.after_verify",
    "publish.before_rename",
    "publish.after_rename",
)


def failpoint(name: str) -> None:
    """End this process with SIGKILL if a test asked for it here."""
    if name not in NAMES:
        raise AssertionError(f"failpoint {name!r} is not in NAMES, so no test would reach it")
    if os.environ.get("RETAIL_SYNC_FAILPOINT") == name:
        sys.stderr.write(f"failpoint {name}\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
