"""Which account a category posts to: category × channel × marketplace × tax treatment → account, tax code and role.

A category is what the facts are called (`product_sales`, `tender_card`) or a leg of our own (`payout`, `bank`, `inventory`). Of
the rules that fit, the one that says most holds; two that say as much about the same thing at the same time are refused
when the file is read, so a posting never depends on the order of lines.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import Folders, RuleFile, read_rules
from retail_sync.journal.settlement_parts import Granularity

LEGS = (
    "payout", "carried_forward", "bank", "own_tax", "cogs", "inventory", "shrinkage", "stock_write_off",
    "exchange_realised", "exchange_unrealised",
)  # fmt: skip
"""Categories that no source has: legs which the entries add by themselves."""
ANY = "*"
_REVENUE = ("product_sales", "shipping_income", "tax_collected")
_FILE = "posting_rules"


class NoPostingRule(Exception):  # noqa: N818 - not a failure: the document is held and says so
    """No rule says where something is booked. `str()` is the sentence for a person."""


@dataclass(frozen=True, slots=True)
class Policies:
    """Settings that decide what is journalled.

    A rate stands for its day and `rate_days` days after it. `storefront` are the channels whose orders are booked from their
    own rows. `granularity` says into which entries a settlement is cut.
    """

    home_currency: str
    deposits: str
    stock: str = "erp"
    rate_days: int = 7
    storefront: tuple[str, ...] = ()
    granularity: Granularity = "settlement"


@dataclass(frozen=True, slots=True)
class PostingRule:
    """One line of `posting_rules.csv`. `role` is what the leg is for in its entry; every rule of a category has the same."""

    category: str
    channel: str
    marketplace: str
    tax_treatment: str
    account: str
    tax_code: str
    role: str
    valid_from: date
    valid_to: date | None
    version: int
    prepared_by: str
    approved_by: str

    @property
    def name(self) -> str:
        """How a line of the journal and a person name it."""
        return f"{'|'.join((self.category, *self.conditions))}@{self.version}"

    @property
    def conditions(self) -> tuple[str, str, str]:
        """What it asks for beside the category; `*` takes anything."""
        return self.channel, self.marketplace, self.tax_treatment

    def fits(self, asked: Sequence[str], on: date) -> bool:
        """Whether it takes these values on this day."""
        in_force = self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)
        return in_force and all(mine in (ANY, given) for mine, given in zip(self.conditions, asked, strict=True))

    def says_more_than(self, other: PostingRule) -> bool:
        """Whether it takes a real part of what the other takes: it names all that the other names, and more."""
        pairs = list(zip(self.conditions, other.conditions, strict=True))
        return self.conditions != other.conditions and all(theirs in (ANY, mine) for mine, theirs in pairs)

    def meets(self, other: PostingRule) -> bool:
        """Whether something on some day fits both."""
        days = self.valid_from <= (other.valid_to or date.max) and other.valid_from <= (self.valid_to or date.max)
        pairs = zip(self.conditions, other.conditions, strict=True)
        return days and all(ANY in pair or pair[0] == pair[1] for pair in pairs)


@dataclass(frozen=True, slots=True)
class PostingRules:
    """The posting rules, and the chart they post to by name and type. `hash` changes when either file does."""

    by_category: Mapping[str, Sequence[PostingRule]]
    chart: Mapping[str, str]
    types: Mapping[str, str]
    hash: str

    @classmethod
    def read(cls, folders: Folders) -> PostingRules:
        """Read them. Raises RulesError where a leg of our own has no account, or two rules contradict each other."""
        chart, rules = read_rules(folders, "chart_of_accounts"), read_rules(folders, _FILE)
        by_category: dict[str, list[PostingRule]] = defaultdict(list)
        for row in rules.rows:
            by_category[row["category"]].append(_rule(row))
        missing = [leg for leg in LEGS if leg not in by_category]
        if missing:
            raise RulesError(f"{_FILE}.csv has no account for {', '.join(missing)}", "add these rows")
        for complaint in _contradictions(by_category):
            raise RulesError(f"{_FILE}.csv: {complaint}", "end one of them by its valid_to, or say more in one of them")
        return cls(
            by_category=by_category,
            chart={row["code"]: row["name"] for row in chart.rows},
            types={row["code"]: row["type"] for row in chart.rows},
            hash=hashlib.sha256(f"{chart.hash}{rules.hash}".encode()).hexdigest(),
        )

    def rule(
        self, category: str, on: date, *, channel: str = "", marketplace: str = "", tax_treatment: str = ""
    ) -> PostingRule:
        """Return the rule for what is booked on a day. Raises NoPostingRule where there is none."""
        asked = (channel, marketplace, tax_treatment)
        fitting = [rule for rule in self.by_category.get(category, ()) if rule.fits(asked, on)]
        best = [rule for rule in fitting if not any(other.says_more_than(rule) for other in fitting)]
        if best:
            return best[0]
        named = ", ".join(filter(None, (category, channel, marketplace, tax_treatment)))
        raise NoPostingRule(f"{_FILE}.csv has no account for {named} on {on}")

    def only_account(self, leg: str) -> str:
        """Return the one account of a leg whose balance is compared as a whole. Raises RulesError where it has several."""
        accounts = sorted({rule.account for rule in self.by_category[leg]})
        if len(accounts) > 1:
            raise RulesError(
                f"{_FILE}.csv books {leg} to {', '.join(accounts)}; it can have one account only",
                "book it to one account",
            )
        return accounts[0]


def storefront_channels(categories: RuleFile) -> tuple[str, ...]:
    """Return the channels whose settlements take an order as one amount and book no revenue: nothing can be booked twice."""
    known = {(row["channel"], row["category"]) for row in categories.rows}
    whole = {channel for channel, category in known if category == "order_payments"}
    return tuple(sorted(whole - {channel for channel, category in known if category in _REVENUE}))


def _rule(row: Mapping[str, str]) -> PostingRule:
    return PostingRule(
        category=row["category"],
        channel=row["channel"],
        marketplace=row["marketplace"],
        tax_treatment=row["tax_treatment"],
        account=row["account"],
        tax_code=row["tax_code"],
        role=row["role"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        version=int(row["version"]),
        prepared_by=row["prepared_by"],
        approved_by=row["approved_by"],
    )


def _contradictions(by_category: Mapping[str, Sequence[PostingRule]]) -> Iterator[str]:
    """Name each pair of rules of which neither says more, unless a third one decides what they both take."""
    for category, rules in by_category.items():
        if len({rule.role for rule in rules}) > 1:
            yield f"the rules of {category} have different roles"
        for one, other in combinations(rules, 2):
            if not one.meets(other) or one.says_more_than(other) or other.says_more_than(one):
                continue
            if not any(_decides(third, one, other) for third in rules):
                yield f"{one.name} and {other.name} take the same and neither says more"


def _decides(third: PostingRule, one: PostingRule, other: PostingRule) -> bool:
    """Whether it says just what both say together, on every day that both hold."""
    both = tuple(right if left == ANY else left for left, right in zip(one.conditions, other.conditions, strict=True))
    first, last = max(one.valid_from, other.valid_from), min(one.valid_to or date.max, other.valid_to or date.max)
    is_whole = third.valid_from <= first and last <= (third.valid_to or date.max)
    return third not in (one, other) and third.conditions == both and is_whole
