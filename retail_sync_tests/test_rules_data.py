"""What the governed rules say about settlement lines and the accounts behind them.

The rules are read as plain CSV and matched by a few lines written here from the contract alone, so
that an error in the product's own matching cannot hide an error in the rules. What the SQL does
with them is tested elsewhere.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from retail_sync.schemas.sales import TENDERS

REPOSITORY = Path(__file__).resolve().parents[1]
RULES = REPOSITORY / "data" / "rules"
SAMPLES = REPOSITORY.parent / "shared" / "samples"

WILDCARD = "*"
ANY_WORD = "Whatever-The Marketplace (2031) writes"
SIGNS = ("+", "-", "0")
CHANNELS = ("amazon", "shopify", "square")

HEADERS = {
    "chart_of_accounts.csv": "code,name,type,normal_side,is_active,is_clearing",
    "settlement_categories.csv": (
        "channel,transaction_type,amount_type,amount_description,sign,category,"
        "valid_from,valid_to,prepared_by,approved_by"
    ),
    "posting_rules.csv": (
        "category,channel,marketplace,tax_treatment,account,tax_code,role,"
        "valid_from,valid_to,version,prepared_by,approved_by,description"
    ),
    "auto_clear.csv": "rule_id,break_class,currency,cap,account,valid_from,valid_to,prepared_by,approved_by",
    "bank_payers.csv": "channel,pattern,prepared_by,approved_by",
    "break_kinds.csv": "break_class,kind,owner,sla_days,prepared_by,approved_by",
    "order_steps.csv": "step,channel,days_after,prepared_by,approved_by",
    "return_steps.csv": "step,channel,days_after,prepared_by,approved_by",
}
SORT_KEY_COLUMNS = {
    "chart_of_accounts.csv": 1,
    "settlement_categories.csv": 5,
    "posting_rules.csv": 4,
    "auto_clear.csv": 1,
    "bank_payers.csv": 2,
    "break_kinds.csv": 1,
    "order_steps.csv": 2,
    "return_steps.csv": 2,
}
NORMAL_SIDES = {
    "asset": "debit",
    "liability": "credit",
    "income": "credit",
    "contra_income": "debit",
    "expense": "debit",
    "cost_of_sales": "debit",
}
# The journal treats these in its own way; every other category is an ordinary component.
SPECIAL_ROLES = {
    "opening_debt": "opening_debt",
    "card_charge": "card_charge",
    "failed_transfer": "failed_transfer",
    "micro_deposit": "micro_deposit",
    "reserve_held": "reserve_held",
    "reserve_released": "reserve_released",
    "tax_collected": "tax",
    "tax_refunded": "tax",
    "tax_withheld": "tax",
    "tax_withheld_refunded": "tax",
}
# V1 spreads amounts over these families; a type column beside most of them names the amount.
V1_TYPE_COLUMNS = {
    "price": "price-type",
    "item-related-fee": "item-related-fee-type",
    "promotion": "promotion-type",
    "other-fee": "other-fee-reason-description",
    "shipment-fee": "shipment-fee-type",
    "order-fee": "order-fee-type",
    "direct-payment": "direct-payment-type",
    "misc-fee": None,
    "other": None,
}

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files of third parties at {SAMPLES}")

Triple = tuple[str, str, str]


@dataclass(frozen=True)
class Rule:
    """One governed rule: which lines it takes, and their category."""

    transaction_type: str
    amount_type: str
    amount_description: str
    sign: str
    category: str
    valid_from: date
    valid_to: date | None

    @property
    def conditions(self) -> tuple[str, str, str, str]:
        """The four compared columns, the most important first."""
        return (self.transaction_type, self.amount_type, self.amount_description, self.sign)

    @property
    def wildcards(self) -> tuple[bool, ...]:
        """Which columns take anything; the smaller tuple is the more specific rule."""
        return tuple(condition == WILDCARD for condition in self.conditions)

    def covers(self, triple: Triple, sign: str, day: date) -> bool:
        """Whether the rule takes a line of these values, this sign and this day."""
        line = (*map(normalised, triple), sign)
        in_force = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return in_force and all(
            condition in (WILDCARD, value) for condition, value in zip(self.conditions, line, strict=True)
        )


def normalised(text: str) -> str:
    """Write a value the way it is compared: upper case, one `_` per run of other characters."""
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")


def read_rows(file_name: str) -> list[dict[str, str]]:
    """Read one governed table."""
    with (RULES / file_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def read_rules(channel: str = "amazon") -> tuple[Rule, ...]:
    """Read the category rules of a channel."""
    return tuple(
        Rule(
            transaction_type=row["transaction_type"],
            amount_type=row["amount_type"],
            amount_description=row["amount_description"],
            sign=row["sign"],
            category=row["category"],
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )
        for row in read_rows("settlement_categories.csv")
        if row["channel"] == channel
    )


def most_specific(rules: tuple[Rule, ...], triple: Triple, sign: str, day: date = date(2026, 10, 14)) -> list[Rule]:
    """The rules that win a line: none if it is unknown, several if they contradict each other."""
    matching = [rule for rule in rules if rule.covers(triple, sign, day)]
    best = min((rule.wildcards for rule in matching), default=())
    return [rule for rule in matching if rule.wildcards == best]


def in_force_together(one: Rule, other: Rule) -> bool:
    """Whether there is a day on which both rules hold."""
    last_day_of_one = one.valid_to or date.max
    last_day_of_other = other.valid_to or date.max
    return one.valid_from <= last_day_of_other and other.valid_from <= last_day_of_one


def can_meet(one: Rule, other: Rule) -> bool:
    """Whether some line on some day is taken by both rules."""
    return in_force_together(one, other) and all(
        WILDCARD in (left, right) or left == right for left, right in zip(one.conditions, other.conditions, strict=True)
    )


def is_exception_of(narrow: Rule, wide: Rule) -> bool:
    """Whether one rule only adds values where the other takes anything, never the reverse."""
    pairs = list(zip(narrow.wildcards, wide.wildcards, strict=True))
    return narrow.wildcards != wide.wildcards and all(wider >= own for own, wider in pairs)


def unresolved(triples: set[Triple]) -> list[str]:
    """Name every line, by values and sign, that does not get exactly one rule."""
    rules = read_rules()
    return [
        f"{' / '.join(triple)} ({sign}): {len(winners)} rules"
        for triple in sorted(triples)
        for sign in SIGNS
        if len(winners := most_specific(rules, triple, sign)) != 1
    ]


def v2_triples() -> set[Triple]:
    """The value combinations seen in V2 files and in rule tables of others."""
    path = SAMPLES / "amazon_settlement_v2" / "value_triples.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (
                row["transaction_type"],
                row["amount_type"],
                ANY_WORD if row["amount_description"] == "any" else row["amount_description"],
            )
            for row in csv.DictReader(file)
            if row["format"].startswith("V2")
        }


def v1_triples() -> Iterator[Triple]:
    """The value combinations of every amount in the real V1 files."""
    for path in sorted((SAMPLES / "amazon_settlement_v1").glob("*.txt")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                for family, type_column in V1_TYPE_COLUMNS.items():
                    if (row.get(f"{family}-amount") or "").strip():
                        description = row[type_column] if type_column else ""
                        yield (row["transaction-type"], family, description)


# Written by hand from the meaning of the lines, not from the rules. V2 names, then V1 families.
# A transaction type, and under it: amount type | amount description | sign | expected category.
HAND_TABLE = """
Order
  ItemPrice                   | Principal                           | + | product_sales
  ItemPrice                   | Principal                           | 0 | product_sales
  ItemPrice                   | Shipping                            | + | shipping_income
  ItemPrice                   | GiftWrap                            | + | gift_wrap_income
  ItemPrice                   | Tax                                 | + | tax_collected
  ItemPrice                   | ShippingTax                         | + | tax_collected
  ItemPrice                   | GiftWrapTax                         | + | tax_collected
  ItemWithheldTax             | MarketplaceFacilitatorTax-Principal | - | tax_withheld
  ItemWithheldTax             | MarketplaceFacilitatorVAT-Shipping  | - | tax_withheld
  ItemWithheldTax             | LowValueGoodsTax-Other              | - | tax_withheld
  Promotion                   | Principal                           | - | promotions
  Promotion                   | Shipping                            | - | promotions
  Promotion                   | TaxDiscount                         | - | tax_collected
  Points                      | PointsGranted                       | - | promotions
  ItemFees                    | Commission                          | - | referral_fee
  ItemFees                    | FBAPerUnitFulfillmentFee            | - | fulfilment_fee
  ItemFees                    | FBAWeightBasedFee                   | - | fulfilment_fee
  ItemFees                    | DigitalServicesFee                  | - | other_selling_fee
  ItemFees                    | ShippingHB                          | - | other_selling_fee
  ItemFees                    | GiftwrapChargeback                  | - | other_selling_fee
Refund
  ItemPrice                   | Principal                           | - | product_refunds
  ItemPrice                   | Shipping                            | - | shipping_refunds
  ItemPrice                   | GiftWrap                            | - | gift_wrap_refunds
  ItemPrice                   | Tax                                 | - | tax_refunded
  ItemPrice                   | Goodwill                            | - | refund_goodwill
  ItemPrice                   | RestockingFee                       | + | restocking_fee
  ItemPrice                   | ReturnShipping                      | - | return_shipping
  ItemWithheldTax             | MarketplaceFacilitatorTax-Principal | + | tax_withheld_refunded
  ItemFees                    | Commission                          | + | referral_fee_refunded
  ItemFees                    | RefundCommission                    | - | refund_administration_fee
  ItemFees                    | DigitalServicesFee                  | + | other_selling_fee_refunded
  ItemFees                    | FBAPerUnitFulfillmentFee            | + | fulfilment_fee_refunded
  Promotion                   | Principal                           | + | promotion_refunds
  Promotion                   | TaxDiscount                         | + | tax_refunded
A-to-z Guarantee Refund
  ItemPrice                   | Principal                           | - | product_refunds
  ItemPrice                   | Tax                                 | - | tax_refunded
  ItemFees                    | RefundCommission                    | - | refund_administration_fee
Chargeback Refund
  ItemPrice                   | Principal                           | - | chargebacks
  ItemPrice                   | Shipping                            | - | chargebacks
  ItemPrice                   | ShippingTax                         | - | tax_refunded
  ItemWithheldTax             | MarketplaceFacilitatorVAT-Principal | + | tax_withheld_refunded
  ItemFees                    | Commission                          | + | referral_fee_refunded
Order_Retrocharge
  ItemPrice                   | Tax                                 | + | tax_collected
  ItemWithheldTax             | MarketplaceFacilitatorTax-Shipping  | - | tax_withheld
Refund_Retrocharge
  ItemPrice                   | ShippingTax                         | - | tax_refunded
  ItemWithheldTax             | MarketplaceFacilitatorTax-Principal | + | tax_withheld_refunded
Liquidations
  ItemPrice                   | Principal                           | + | liquidation_income
ServiceFee
  Cost of Advertising         | TransactionTotalAmount              | - | advertising
  Cost of Advertising         | TaxAmount                           | - | fee_tax
  Refund for Advertiser       | TransactionTotalAmount              | + | advertising_refunded
FBAFees
  FBA Inventory Storage Fee   | Base fee                            | - | storage_fee
  FBA Inventory Storage Fee   | Tax on fee                          | - | fee_tax
  FBA Customer Returns Fee    | Base fee                            | - | fulfilment_fee
  Inbound Defect Fee          | Base fee                            | - | inbound_freight
AmazonFees
  Vine Enrollment Fee         | Base fee                            | - | other_selling_fee
CouponRedemptionFee
  CouponRedemptionFee         | Save 5 % on socks                   | - | other_selling_fee
other-transaction
  other-transaction           | Storage Fee                         | - | storage_fee
  other-transaction           | Subscription Fee                    | - | other_selling_fee
  other-transaction           | Shipping label purchase for return  | - | shipping_labels
  other-transaction           | Current Reserve Amount              | - | reserve_held
  other-transaction           | Previous Reserve Amount Balance     | + | reserve_released
  other-transaction           | Payable to Amazon                   | - | opening_debt
  other-transaction           | Successful charge                   | + | card_charge
  FBA Inventory Reimbursement | WAREHOUSE_LOST                      | + | reimbursement
  FBA Inventory Reimbursement | WAREHOUSE_LOST                      | 0 | reimbursement
  FBA Inventory Reimbursement | COMPENSATED_CLAWBACK                | - | reimbursement_reversed
  FBA Inventory Reimbursement | REVERSAL_REIMBURSEMENT              | + | reimbursement
  other-transaction           | RemovalComplete                     | - | removal_fee
  other-transaction           | Income Tax Charged                  | - | withholding_tax
  Capacity Reservation Fee    | Tax                                 | - | fee_tax
COMMINGLING_VAT
  other-transaction           | COMMINGLING_VAT                     | - | vat_commingling
Transfers
  Micro Deposit               | Micro Deposit                       | - | micro_deposit
Order
  price                       | Principal                           | + | product_sales
  item-related-fee            | Commission                          | - | referral_fee
  promotion                   | Shipping                            | - | promotions
  shipment-fee                | FBA transportation fee              | - | fulfilment_fee
Refund
  price                       | Principal                           | - | product_refunds
  item-related-fee            | RefundCommission                    | - | refund_administration_fee
ServiceFee
  item-related-fee            | Cost of Advertising                 | - | advertising
  other-fee                   | TaxAmount                           | - | fee_tax
Storage Fee
  other                       |                                     | - | storage_fee
Inbound Transportation Fee
  other                       |                                     | - | inbound_freight
WAREHOUSE_DAMAGE
  other                       |                                     | + | reimbursement
  other                       |                                     | - | reimbursement_reversed
Payable to Amazon
  other                       |                                     | - | opening_debt
Successful charge
  other                       |                                     | + | card_charge
Micro Deposit
  other                       |                                     | - | micro_deposit
"""


def hand_cases() -> Iterator[tuple[Triple, str, str]]:
    """Read the table: the values of a line, its sign and its expected category."""
    transaction_type = ""
    for line in HAND_TABLE.strip().splitlines():
        if "|" in line:
            amount_type, description, sign, expected = map(str.strip, line.split("|"))
            yield ((transaction_type, amount_type, description), sign, expected)
        else:
            transaction_type = line


@pytest.mark.parametrize(("triple", "sign", "expected"), list(hand_cases()))
def test_line_gets_the_category_its_meaning_asks_for(triple: Triple, sign: str, expected: str) -> None:
    """A settlement line lands in the category that an accountant would choose for it."""
    assert [rule.category for rule in most_specific(read_rules(), triple, sign)] == [expected]


@pytest.mark.parametrize(
    "triple",
    [
        ("Order", "ItemFees", "BrandNewFee"),
        ("Order", "ItemPrice", ""),
        ("Order", "ItemPrice", "RefundCommission"),
        ("Order", "ItemWithheldTax", "WithheldIncomeTax"),
        ("Refund", "ItemFees", "BrandNewFee"),
        ("ServiceFee", "Cost of Something", "TransactionTotalAmount"),
        ("FBAFees", "FBA Brand New Fee", "Base fee"),
        ("other-transaction", "other-transaction", "Brand new event"),
        ("other-transaction", "FBA Inventory Reimbursement", "BRAND_NEW_REASON"),
        ("Brand new transaction", "ItemPrice", "Principal"),
        ("Brand new event", "other", ""),
        ("Storage Fee", "misc-fee", ""),
        ("", "", ""),
    ],
)
def test_unknown_line_stays_unclassified(triple: Triple) -> None:
    """A line nobody has decided about gets no rule: it holds its settlement, it is not guessed."""
    assert [most_specific(read_rules(), triple, sign) for sign in SIGNS] == [[], [], []]


@needs_samples
def test_every_known_v2_line_has_one_rule() -> None:
    """Every combination seen in V2 files gets exactly one rule, whether paid, charged or zero."""
    triples = v2_triples()
    assert len(triples) > 150
    assert unresolved(triples) == []


@needs_samples
def test_every_line_of_the_real_v1_files_has_one_rule() -> None:
    """Every amount of the real V1 files gets exactly one rule, whether paid, charged or zero."""
    triples = set(v1_triples())
    assert len(triples) == 21
    assert unresolved(triples) == []


def test_spellings_of_one_value_are_one_value() -> None:
    """Raw names, upper-cased names and rule names compare equal."""
    for raw, upper_cased in [
        ("A-to-z Guarantee Refund", "A-TO-Z_GUARANTEE_REFUND"),
        ("Tax on fee", "TAX_ON_FEE"),
        ("  SAFE-T Reimbursement ", "SAFE-T_REIMBURSEMENT"),
    ]:
        assert normalised(raw) == normalised(upper_cased) == normalised(normalised(raw))


def test_rules_that_meet_are_nested() -> None:
    """When two rules take one line, one is a plain exception of the other."""
    quarrels = [
        (one, other)
        for one, other in combinations(read_rules(), 2)
        if can_meet(one, other) and not is_exception_of(one, other) and not is_exception_of(other, one)
    ]
    assert quarrels == []


def test_a_sign_only_makes_an_exception_for_charges() -> None:
    """Zero and positive amounts share the rule for any sign; only charges may have their own."""
    rules = read_rules()
    assert {rule.sign for rule in rules} == {WILDCARD, "-"}
    any_sign = {rule.conditions[:3] for rule in rules if rule.sign == WILDCARD}
    assert [rule for rule in rules if rule.sign == "-" and rule.conditions[:3] not in any_sign] == []


def test_wildcards_stay_rare_and_named() -> None:
    """Only values whose meaning is certain are left open: a new wildcard is argued for here."""
    open_rules = {rule.conditions[:3] for rule in read_rules() if WILDCARD in rule.conditions[:3]}
    assert open_rules == {
        ("AMAZONFEES", WILDCARD, "TAX_ON_FEE"),
        ("COUPONREDEMPTIONFEE", "COUPONREDEMPTIONFEE", WILDCARD),
        ("FBAFEES", WILDCARD, "TAX_ON_FEE"),
        ("OTHER_TRANSACTION", "INBOUND_DEFECT_FEE", WILDCARD),
        ("REFUND", "ITEMWITHHELDTAX", WILDCARD),
        ("SERVICEFEE", WILDCARD, "TAXAMOUNT"),
    }


def test_income_tax_withheld_in_india_is_not_a_facilitator_tax() -> None:
    """Tax deducted on the seller's own account is claimed back and stays out of the tax wash."""
    rules = read_rules()
    for transaction_type in ("Order", "Refund"):
        for description in ("TCS-IGST", "TDS (Section 194-O)"):
            triple = (transaction_type, "ItemWithheldTax", description)
            [rule] = most_specific(rules, triple, "-")
            assert rule.category == "withholding_tax"


def test_environmental_contribution_is_kept_from_the_fee_for_paying_it() -> None:
    """The contribution is the seller's own duty; what Amazon takes for paying it is a fee."""
    description = "EPR Pay on Behalf Fee - Do-it-yourself (DIY)"
    for amount_type, expected in [
        ("EPR Pay on Behalf eco-contribu", "eco_contribution"),
        ("EPR Pay on Behalf service fee", "other_selling_fee"),
    ]:
        triple = ("other-transaction", amount_type, description)
        [rule] = most_specific(read_rules(), triple, "-")
        assert rule.category == expected


def test_rule_values_are_written_in_compared_form() -> None:
    """A rule that is not in normalised form could never match anything."""
    values = {value for channel in CHANNELS for rule in read_rules(channel) for value in rule.conditions[:3]}
    assert [value for value in values if value not in (WILDCARD, normalised(value))] == []


def test_rules_cover_all_history() -> None:
    """The rules hold from long before the first settlement until further notice."""
    for channel in CHANNELS:
        assert {(rule.valid_from, rule.valid_to) for rule in read_rules(channel)} == {(date(2000, 1, 1), None)}


# What a store day consists of (reconcile/store_day_components.sql), and the payouts of its card processor.
STORE_COMPONENTS = {
    *(f"tender_{tender}" for tender in TENDERS),
    *"pos_sales pos_discounts pos_sales_tax pos_refunds pos_refund_tax pos_gift_cards_sold pos_tips pos_rounding".split(),
    *("cash_over_short", "card_payment", "payment_fee"),
}
# Legs that no fact names, and what each is for in its entry.
OWN_LEGS = {
    "payout": "payout",
    "carried_forward": "carried_forward",
    "bank": "bank",
    "own_tax": "own_tax",
    "cogs": "stock",
    "inventory": "stock",
    "shrinkage": "stock",
    "stock_write_off": "stock",
    "exchange_realised": "exchange",
    "exchange_unrealised": "exchange",
    "deferred_receivable": "deferred",
}
# What a card report adds (journal/touched_gift_cards.sql).
GIFT_CARDS = {"gift_card_liability", "gift_cards_issued", "gift_cards_expired"}
# What vouchers may say besides (docs/settings.md).
VOUCHERS = {
    *"tips_paid payroll_clearing sales_tax_paid sales_tax_discount oss_vat_paid".split(),
    *"loan_principal loan_interest paid_from_bank".split(),
}
# What web shop orders add to the categories of lines (journal/storefront_position.py).
STOREFRONT = {"customer_prepayments"}


def test_every_category_has_one_account_and_every_account_is_in_the_chart() -> None:
    """No line can reach a category without an account, or an account that is not in use."""
    accounts = read_rows("posting_rules.csv")
    chart = {row["code"]: row for row in read_rows("chart_of_accounts.csv")}
    for_all = [row for row in accounts if {row["channel"], row["marketplace"], row["tax_treatment"]} == {"*"}]
    categories = [row["category"] for row in for_all]
    assert [name for name, count in Counter(categories).items() if count > 1] == []
    assert {row["category"] for row in accounts} == set(categories)
    of_lines = {rule.category for channel in CHANNELS for rule in read_rules(channel)}
    besides = STORE_COMPONENTS | GIFT_CARDS | VOUCHERS | STOREFRONT | OWN_LEGS.keys()
    assert of_lines | besides == set(categories)
    assert [row for row in accounts if chart[row["account"]]["is_active"] != "true"] == []


def test_categories_tell_the_journal_how_to_treat_them() -> None:
    """Taxes, reserves, debts and transfers carry their own role; all else is a component."""
    for row in read_rows("posting_rules.csv"):
        assert row["role"] == (SPECIAL_ROLES | OWN_LEGS).get(row["category"], "component")
        assert re.fullmatch(r"[A-Z][^\n]{20,}\.", row["description"])


def test_facilitator_tax_nets_in_one_account() -> None:
    """Collected, refunded and withheld tax share the account that has to come back to zero."""
    accounts = read_rows("posting_rules.csv")
    assert {row["account"] for row in accounts if row["role"] == "tax"} == {"2210"}


def test_fees_never_post_to_income_nor_sales_to_expense() -> None:
    """The kind of a category and the type of its account agree."""
    types = {row["code"]: row["type"] for row in read_rows("chart_of_accounts.csv")}
    account_types = {row["category"]: types[row["account"]] for row in read_rows("posting_rules.csv")}
    fees = {name for name in account_types if "_fee" in name or name.startswith("advertising")}
    assert {name: account_types[name] for name in fees - {"restocking_fee", "fee_tax"}} == {
        name: "expense" for name in fees - {"restocking_fee", "fee_tax"}
    }
    for name in ("product_sales", "shipping_income", "liquidation_income", "reimbursement"):
        assert account_types[name] == "income"
    for name in ("product_refunds", "promotions", "chargebacks", "reimbursement_reversed"):
        assert account_types[name] == "contra_income"


def test_chart_has_one_name_and_the_right_side_per_account() -> None:
    """Each account code and name stands once, on the side its type calls for."""
    chart = read_rows("chart_of_accounts.csv")
    assert len({row["code"] for row in chart}) == len({row["name"] for row in chart}) == len(chart)
    for row in chart:
        assert re.fullmatch(r"[1-9]\d{3}", row["code"])
        assert row["normal_side"] == NORMAL_SIDES[row["type"]]
        assert row["is_active"] in ("true", "false")
        assert row["is_clearing"] in ("true", "false")


@needs_samples
def test_chart_has_every_account_of_the_worked_examples() -> None:
    """The accounts of the worked examples are in the chart under the same code and name."""
    text = (SAMPLES / "ledgers" / "worked_examples.json").read_text(encoding="utf-8")
    named = set(re.findall(r'"account": "(\d{4}) ([^"]+)"', text))
    chart = {row["code"]: row["name"] for row in read_rows("chart_of_accounts.csv")}
    assert {code for code, _ in named} <= set(chart)
    # An example may name a part of an account: "Payouts in transit EUR", "Sales: DE domestic".
    assert [code for code in {code for code, _ in named} if (code, chart[code]) not in named] == []


def test_who_prepares_does_not_approve() -> None:
    """Every governed row was prepared by one role and approved by another."""
    for file_name in ("settlement_categories.csv", "auto_clear.csv", "bank_payers.csv", "break_kinds.csv"):
        for row in read_rows(file_name):
            assert row["prepared_by"]
            assert row["approved_by"]
            assert row["prepared_by"] != row["approved_by"]


@pytest.mark.parametrize(
    ("reference", "channels"),
    [
        ("AMAZON PAYMENTS EUROPE S.C.A. 1001", ["amazon"]),
        ("Amzn Mktp payout 24288684721", ["amazon"]),
        ("SHOPIFY PAYMENTS 77", ["shopify"]),
        ("Shopify* 148156579998", ["shopify"]),
        ("RENT", []),
        ("", []),
    ],
)
def test_bank_reference_names_its_payer(reference: str, channels: list[str]) -> None:
    """A deposit is a channel's when its reference says so, in whatever case the bank writes it."""
    payers = read_rows("bank_payers.csv")
    assert {payer["channel"] for payer in payers} == set(CHANNELS)
    assert [p["channel"] for p in payers if re.search(p["pattern"], reference, re.IGNORECASE)] == channels


# A Shopify type | component | sign | expected category. Money of orders clears the receivable (worked example K).
SHOPIFY_TABLE = """
charge              | amount | + | order_payments
capture             | amount | + | order_payments
charge              | fee    | - | payment_fee
refund              | amount | - | order_refunds
refund              | fee    | + | payment_fee
refund_failure      | amount | + | order_refunds
chargeback          | amount | - | payment_chargebacks
chargeback          | amount | + | payment_chargebacks
dispute             | fee    | - | dispute_fee
DISPUTE_REVERSAL    | amount | + | payment_chargebacks
adjustment          | amount | - | marketplace_adjustment
reserve             | amount | - | payment_reserve
Reserved Funds      | amount | + | payment_reserve
shipping_label      | amount | - | shipping_labels
advance             | amount | - | merchant_advance
"""


@pytest.mark.parametrize("case", SHOPIFY_TABLE.strip().splitlines())
def test_shopify_line_gets_the_category_its_meaning_asks_for(case: str) -> None:
    """A movement lands where an accountant would put it, however its type is capitalised."""
    kind, component, sign, expected = (part.strip() for part in case.split("|"))
    rules = most_specific(read_rules("shopify"), (kind, component, ""), sign)
    assert [rule.category for rule in rules] == [expected]


@pytest.mark.parametrize("kind", ["payout_failure", "credit", "debit", "shop_cash_credit", "anomaly", "import_tax", ""])
def test_shopify_type_nobody_decided_about_stays_unclassified(kind: str) -> None:
    """It holds its payout until somebody says what it is."""
    assert [most_specific(read_rules("shopify"), (kind, "amount", ""), sign) for sign in SIGNS] == [[], [], []]


# Square's types of payout entries (ActivityType of its description) | component | sign | expected category.
SQUARE_TABLE = """
CHARGE                          | amount | + | card_payment
CHARGE                          | fee    | - | payment_fee
REFUND                          | amount | - | card_payment
REFUND                          | fee    | + | payment_fee
PROCESSING_FEE                  | amount | - | payment_fee
PROCESSING_FEE_REFUND           | amount | + | payment_fee
FREE_PROCESSING                 | amount | + | payment_fee
DEPOSIT_FEE                     | amount | - | payment_fee
TAX_ON_FEE                      | amount | - | fee_tax
OPEN_DISPUTE                    | amount | - | payment_chargebacks
DISPUTE                         | amount | + | payment_chargebacks
DISPUTE                         | fee    | - | dispute_fee
RESERVE_HOLD                    | amount | - | payment_reserve
RELEASE_ADJUSTMENT              | amount | + | payment_reserve
SQUARE_CAPITAL_PAYMENT          | amount | - | merchant_advance
SQUARE_CAPITAL_REVERSED_PAYMENT | amount | + | merchant_advance
SUBSCRIPTION_FEE                | amount | - | other_selling_fee
SUBSCRIPTION_FEE_PAID_REFUND    | amount | + | other_selling_fee_refunded
OTHER_ADJUSTMENT                | amount | - | marketplace_adjustment
"""


@pytest.mark.parametrize("case", SQUARE_TABLE.strip().splitlines())
def test_square_line_gets_the_category_its_meaning_asks_for(case: str) -> None:
    """A payout entry lands where an accountant would put it."""
    kind, component, sign, expected = (part.strip() for part in case.split("|"))
    rules = most_specific(read_rules("square"), (kind, component, ""), sign)
    assert [rule.category for rule in rules] == [expected]


@pytest.mark.parametrize(
    "kind",
    [
        *"ESCHEATMENT MONEY_TRANSFER RETURNED_PAYOUT AUTOMATIC_SAVINGS CREDIT_CARD_REPAYMENT SIMPLE_PAYOUT".split(),
        *"PERCENTAGE_PROCESSING_REPAYMENT GIFT_CARD_POOL_TRANSFER SQUARE_PAYROLL_TRANSFER OTHER brand_new".split(),
    ],
)
def test_square_type_nobody_decided_about_stays_unclassified(kind: str) -> None:
    """Money that goes to a savings account, a card or the staff holds its payout until a person says where it is booked."""
    assert [most_specific(read_rules("square"), (kind, "amount", ""), sign) for sign in SIGNS] == [[], [], []]


def test_money_of_storefront_orders_clears_their_receivable() -> None:
    """What customers paid and got back meets on the storefront receivable; fees, disputes and reserves do not."""
    accounts = {row["category"]: row["account"] for row in read_rows("posting_rules.csv")}
    shopify = {rule.category: accounts[rule.category] for rule in read_rules("shopify")}
    assert {category for category, account in shopify.items() if account == "1115"} == {
        "order_payments",
        "order_refunds",
    }


@pytest.mark.parametrize("file_name", sorted(HEADERS))
def test_table_is_plain_sorted_csv(file_name: str) -> None:
    """A governed table reads well in a review: known columns, sorted rows, no stray blanks, LF."""
    content = (RULES / file_name).read_bytes().decode("utf-8")
    assert content.startswith(HEADERS[file_name] + "\n")
    assert content.endswith("\n")
    assert "\r" not in content
    rows = [list(row.values()) for row in read_rows(file_name)]
    assert [cell for row in rows for cell in row if cell != cell.strip()] == []
    keys = [row[: SORT_KEY_COLUMNS[file_name]] for row in rows]
    assert all(earlier < later for earlier, later in pairwise(keys))
