"""The errors a person may see. Each says what happened, where, and what to do next.

    RetailSyncError
      SettingsError        the settings file or the environment is wrong
        SignInRefused      a system does not accept who we are: nothing it could be asked will be answered
      RulesError           a governed file in data/rules is wrong
      DeliveryRefused      a delivered file cannot be read as what it claims to be
      WarehouseBusy        another process is writing and did not finish in time
      StorageError         the disk is full or refused a write
      LedgerRefused        the ledger said no, for good: a person decides (never retried by itself)
      LedgerUncertain      the ledger's answer was lost: look up before anything else

Programmer errors are not in this tree: they surface as they are.
"""

from __future__ import annotations


class RetailSyncError(Exception):
    """An expected failure, told in words. `remedy` is the next step for the person who reads it."""

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} → {self.remedy}" if self.remedy else self.message


class SettingsError(RetailSyncError):
    """`retail_sync.toml` or the environment cannot be used as it is."""


class SignInRefused(SettingsError):
    """A system does not accept our credentials, so nothing else that it could be asked will be answered."""


class RulesError(RetailSyncError):
    """A file in `data/rules` contradicts itself or names something that does not exist."""


class DeliveryRefused(RetailSyncError):
    """A delivery cannot be read as what its source says it is. The file is kept; nothing of it is loaded."""


class WarehouseBusy(RetailSyncError):
    """Another process holds the warehouse lock longer than this one was willing to wait."""


class StorageError(RetailSyncError):
    """A write did not reach the disk. What was committed before is intact; run again after freeing space."""


class LedgerRefused(RetailSyncError):
    """The ledger refused an entry for good.

    `code` is one of: closed_period, unknown_account, inactive_account, unknown_dimension, original_missing,
    unbalanced, key_conflict, already_reversed, sealed, malformed.
    """

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code


class LedgerUncertain(RetailSyncError):
    """The ledger may or may not have taken the entry. The only safe next step is to look its key up."""
