"""Which account a category or a leg of our own posts to, and the chart they must be in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import Folders, read_rules

LEGS = ("payout", "carried_forward", "bank", "own_tax", "cogs", "inventory", "shrinkage", "stock_write_off")


@dataclass(frozen=True, slots=True)
class Policies:
    """Settings that decide what is journalled."""

    home_currency: str
    deposits: str
    stock: str = "erp"


@dataclass(frozen=True, slots=True)
class CategoryAccount:
    """Account of a settlement category, and the role its leg plays in the entry."""

    account: str
    role: str


@dataclass(frozen=True, slots=True)
class PostingRules:
    """The governed files of the journal stage. `hash` changes when any of them does."""

    categories: Mapping[str, CategoryAccount]
    legs: Mapping[str, str]
    chart: Mapping[str, str]
    hash: str

    @classmethod
    def read(cls, folders: Folders) -> PostingRules:
        """Read them. Raises RulesError where a leg of our own has no account."""
        chart = read_rules(folders, "chart_of_accounts")
        categories = read_rules(folders, "category_accounts")
        legs = read_rules(folders, "leg_accounts")
        by_leg = {row["leg"]: row["account"] for row in legs.rows}
        missing = [leg for leg in LEGS if leg not in by_leg]
        if missing:
            raise RulesError(f"leg_accounts.csv has no account for {', '.join(missing)}", "add these rows")
        return cls(
            categories={row["category"]: CategoryAccount(row["account"], row["role"]) for row in categories.rows},
            legs=by_leg,
            chart={row["code"]: row["name"] for row in chart.rows},
            hash=hashlib.sha256(f"{chart.hash}{categories.hash}{legs.hash}".encode()).hexdigest(),
        )
