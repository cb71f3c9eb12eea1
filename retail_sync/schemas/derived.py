"""Contracts of what is computed: the warehouse's own bookkeeping, reconciliations and desired journal entries."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.derived_orders import ORDER_BREAKS
from retail_sync.schemas.derived_returns import RETURN_BREAKS
from retail_sync.schemas.derived_stock import CAUSES
from retail_sync.schemas.types import Count, Day, Flag, Money, currency, key, one_of, plain, text

STATUSES = ("matched", "variance", "left_only", "right_only", "awaiting_bank")
ENTRY_KINDS = (
    "settlement", "failed_transfer", "deposit", "store_day", "cogs", "count_variance", "stock_valuation", "gift_cards",
    "revaluation", "voucher", "deferral", "deferral_reversal", "deferred_cost", "deferred_cost_reversal",
    "storefront_payment", "storefront_shipment", "storefront_refund",
)  # fmt: skip
JOURNAL_KINDS = (
    "settlement", "store_day", "stock", "gift_cards", "revaluation", "voucher", "deferral", "storefront_order",
)  # fmt: skip
DOCUMENT_KINDS = (
    "settlement", "settled", "bank", "order", "store_day", "stock", "availability", "payout", "payout_day", "gift_cards",
    "order_trace", "return", "voucher", "deferral", "storefront_order",
)  # fmt: skip
CHAIN_STATUSES = ("none", "matched", "open", "broken")
BREAK_CLASSES = (
    "settlement_does_not_foot",
    "settlement_header_missing",
    "settlement_unclassified",
    "rows_rejected",
    "deposit_differs",
    "deposit_overdue",
    "deposit_ambiguous",
    "deposit_unexplained",
    "deposit_awaits_rate",
    "deposit_currency_differs",
    "deposit_repeated",
    "reserve_chain_broken",
    "failed_transfer_unexplained",
    "opening_debt_unexplained",
    "tenders_differ",
    "tenders_missing",
    "sales_missing",
    "receipt_in_two_sources",
    "drawer_over_short",
    "drawer_not_counted",
    "card_payments_differ",
    "card_payments_missing",
    "payout_ambiguous",
    "payout_failed",
    "payout_transactions_missing",
    *(f"stock_{cause}" for cause in CAUSES),
    "oversell_risk",
    "listed_unmapped",
    "parallel_run_differs",
    *ORDER_BREAKS,
    *RETURN_BREAKS,
)


class Deliveries(pa.DataFrameModel):
    """A delivery as this warehouse has read it: whether it could be read, and whether its rows are in force."""

    delivery_id: str = key("delivery, as registered in the operations database")
    source: str = key("source that delivered it")
    name: str = plain("file name under which it was first delivered")
    document_id: str = text("settlement or statement it holds; empty where it could not be read")
    received_order: Count = plain("order of registration: a later delivery of a document supersedes an earlier one")
    status: str = one_of(
        "loaded; refused for what it holds; or unread: its content or its source block is missing, so it may hold facts",
        "loaded",
        "refused",
        "unread",
    )
    reason: str = text("why it was not loaded, in words; empty when loaded")
    remedy: str = text("what to do about it")
    is_complete: Flag = plain("no row was rejected and the control total is met")
    is_current: Flag = plain("its rows are the ones in the canonical tables")
    delivered_count: Count = plain("data rows in the file")
    accepted_count: Count = plain("canonical rows made of it")
    rejected_count: Count = plain("file rows rejected")
    control_difference: Money = plain("sum of lines - stated total; null without a stated total", nullable=True)
    detected: str = text("encoding, date format and decimal mark that were decided for the file")
    read_with: str = text(
        "hash of source block and program that read it: a refused file is read again when they change"
    )
    object: str = text("which list or kind of file it is; empty where the source has one kind only")
    tells_of: str = one_of(
        "now: a system's whole list as it was then; past: how a day had ended, as the system said afterwards; else facts, "
        "which say nothing of what they do not hold",
        "facts",
        "now",
        "past",
    )


class Touched(pa.DataFrameModel):
    """Work handed to the next stage: documents whose facts changed. Written and cleared in the same transaction as the rows."""

    stage: str = one_of("stage that has to look again", "reconcile", "journal")
    kind: str = one_of("what the document is", *DOCUMENT_KINDS)
    document_id: str = key(
        "settlement id, payout id, store|day, location|day, channel|day, channel|order, order number, number of a return; "
        "* for all of the kind"
    )


class Applied(pa.DataFrameModel):
    """Version of a contract or rule file that the warehouse's rows were made with."""

    name: str = key(
        "contract, settlement_categories, posting_rules, granularity, drawer_rules, inventory_balances, ..."
    )
    hash: str = key("SHA-256 of its content; of granularity, the word itself")


class SettlementComponents(pa.DataFrameModel):
    """Settlement lines summed by month, category and marketplace: the one heavy pass, everything later reads this."""

    settlement_id: str = key("settlement")
    channel: str = key("marketplace system")
    account: str = key("seller account")
    currency: str = currency()
    posting_month: Day = plain("first day of the month the lines belong to")
    event_date: Day = plain("day a transfer failed, which is booked on its own day; null for the rest", nullable=True)
    category: str = key("governed category")
    marketplace: str = text("marketplace name as given")
    amount: Money = plain("sum of the lines")
    line_count: Count = plain("lines summed")


class SettlementTotals(pa.DataFrameModel):
    """Lines × header total × bank deposit of one settlement, with the chain of debts and reserves to the next.

    `right_only` is a deposit by the channel's payer that no settlement explains; its settlement_id is `bank:<transaction>`.
    """

    settlement_id: str = key("settlement, or bank:<transaction_id> for an unexplained deposit")
    channel: str = key("marketplace system")
    account: str = text("seller account; empty for an unexplained deposit")
    currency: str = currency()
    closing_date: Day = plain(
        "local day the period ends; the day of a payout, stated total or not; the deposit's value date when there is no "
        "settlement"
    )
    deposit_date: Day = plain("day the channel says it pays", nullable=True)
    header_total: Money = plain("total the document states; null when it states none", nullable=True)
    lines_total: Money = plain("sum of its lines", nullable=True)
    lines_difference: Money = plain("lines_total - header_total", nullable=True)
    line_count: Count = plain("canonical lines")
    rejected_count: Count = plain("rows of its document that were rejected")
    unclassified_count: Count = plain("lines no rule has a category for")
    unclassified_amount: Money = plain("their sum")
    bank_transaction_id: str = text("bank line matched to it", nullable=True)
    bank_value_date: Day = plain("day that money moved", nullable=True)
    bank_amount: Money = plain(
        "what moved; null where it moved in another currency (matches of currency_deposit)", nullable=True
    )
    bank_difference: Money = plain("bank_amount - header_total", nullable=True)
    opening_debt: Money = plain("Payable to Amazon lines: an earlier negative total taken over (0: none)")
    opening_debt_status: str = one_of("whether that equals an earlier negative total", *CHAIN_STATUSES)
    opening_debt_of: str = text("settlement it comes from", nullable=True)
    reserve_held: Money = plain("reserve withheld at the end (negative)")
    reserve_released: Money = plain("reserve given back at the start (positive)")
    reserve_status: str = one_of("whether the release equals what was held before", *CHAIN_STATUSES)
    reserve_of: str = text("settlement whose reserve was released", nullable=True)
    carried_into: str = text("settlement that took over the unpaid total", nullable=True)
    status: str = one_of("verdict", *STATUSES)


class Matches(pa.DataFrameModel):
    """A pair that the matching core put together, with the rule and version that did it.

    One item may stand against several: then each pair has its part of it, and all pairs of a match have the same match_id.
    Over all pairs, left_amount and right_amount sum to those of the items; of `currency_deposit`, left_amount is the payout at
    the rate of the day, in the currency of the bank line.
    """

    reconciliation: str = key("which reconciliation")
    match_id: str = key("match the pair belongs to; manual-<number of the decision> where a person made it")
    left_id: str = key("left item")
    right_id: str = key("right item")
    rule_id: str = key("rule that matched them")
    rule_version: Count = plain("version of that rule")
    is_confirmed: Flag = plain("false: a suggestion that a person must confirm")
    left_amount: Money = plain("left amount, or this pair's part of it")
    right_amount: Money = plain("right amount, or this pair's part of it")
    difference: Money = plain("right_amount - left_amount")


class MatchItems(pa.DataFrameModel):
    """An item of one side of a matching, and what became of it. What is open is carried forward until later data explains it.

    `suggested`: a rule that may not decide has put it with another; `ambiguous`: more than one other fits, none was chosen;
    `repeated`: it came again under the name and amount of one that is matched.
    """

    reconciliation: str = key("which reconciliation")
    side: str = one_of("which side of the truth it is on", "left", "right")
    item_id: str = key("stable identity: settlement, settlement and day, or bank source, account and line")
    block: str = key("what items must share to belong together, e.g. channel and currency")
    key_name: str = text("what it names itself or the other side by, where it does", nullable=True)
    amount: Money = plain("signed amount")
    item_date: Day = plain("day it dates from, for its age")
    status: str = one_of("what became of it", "matched", "suggested", "ambiguous", "repeated", "open")
    match_id: str = text("match it belongs to; empty where it belongs to none", nullable=True)


class Breaks(pa.DataFrameModel):
    """A difference that the two sides of a truth do not explain."""

    reconciliation: str = key("which reconciliation")
    subject: str = key("settlement, bank transaction or delivery it concerns")
    break_class: str = one_of("kind of difference", *BREAK_CLASSES)
    amount: Money = plain("value of the difference, signed as right - left", nullable=True)
    currency: str = currency()
    since_date: Day = plain("day it dates from, for its age")
    counterpart: str = text("what it was compared with: bank transaction, other settlement, count of rows")


class ClearedDifferences(pa.DataFrameModel):
    """A difference that a rule of auto_clear.csv books to an account of its own, instead of leaving it to a person.

    It is in no break any more; the match and the verdict keep it. It is booked by the entry of its document, and is here as
    long as facts and rules ask for it: a later deposit or a corrected settlement takes both back.
    """

    reconciliation: str = key("which reconciliation")
    subject: str = key("settlement it concerns")
    break_class: str = one_of("kind of difference", *BREAK_CLASSES)
    amount: Money = plain("value of the difference, signed as right - left: negative where the bank shows less")
    currency: str = currency()
    cleared_on: Day = plain("day it dates from and is booked on: that of the bank line")
    counterpart: str = text("what it was compared with: bank transaction")
    rule_id: str = key("rule of auto_clear.csv")
    cap: Money = plain("what that rule clears at the most")
    account: str = key("account it is booked to")


class Documents(pa.DataFrameModel):
    """A document of the journal: whether its entries may be released, and what they rest on.

    The facts hashes tell a changed fact from a changed rule: only a changed fact corrects a released entry by itself.
    """

    document_id: str = key("settlement id, store_day:<store>|<day>, stock:cogs:<location>|<day>, ...")
    kind: str = one_of("what the document is", *JOURNAL_KINDS)
    title: str = text("what a person calls it")
    since_date: Day = plain("day it belongs to")
    currency: str = currency()
    value_minor: Count = plain("what is at stake, in minor units; null where nothing states it", nullable=True)
    status: str = one_of("ready to be released, or held for a person", "ready", "held")
    held_code: str = text("why it is held, as an exception code; empty when ready")
    held_reason: str = text("why it is held, in words; empty when ready")
    facts_hash: str = key("SHA-256 of the delivery in force, which its settlement entries rest on")
    deposit_facts_hash: str = key("SHA-256 of that delivery and of the bank movement under its deposit entry")
    delivery_id: str = text("delivery its settlement entries rest on")
    bank_delivery_id: str = text("statement that showed the movement its deposit entry rests on; empty without one")
    bank_movement: str = text("that movement: bank line, amount and value date; empty without one")


class Entries(pa.DataFrameModel):
    """A desired journal entry of a ready document: what facts and rules say today. Releasing it is another stage's decision."""

    entry_key: str = key("stable business identity, e.g. amazon:settlement:1001:2026-10")
    document_id: str = key("document it belongs to")
    kind: str = one_of("what it books", *ENTRY_KINDS)
    posting_date: Day = plain("date it is booked on")
    memo: str = text("what a person reads in the ledger")
    body: str = plain("the entry as canonical JSON (retail_sync.schemas.journal.Entry.body)")
    body_hash: str = key("SHA-256 of body")
    facts_hash: str = key("SHA-256 of the deliveries under it")


class Lines(pa.DataFrameModel):
    """A leg of a desired entry. Debit positive, credit negative, minor units. Home amounts of an entry sum to zero."""

    entry_key: str = key("entry")
    line_no: Count = pa.Field(description="order within the entry", ge=1)
    account: str = key("account code of the chart")
    role: str = key("component, tax, payout, carried_forward, opening_debt, cleared_difference, ...")
    category: str = text("settlement category; empty for a leg of our own")
    transaction_minor: Count = plain("amount in minor units of transaction_currency")
    transaction_currency: str = currency()
    home_minor: Count = plain("amount in minor units of home_currency")
    home_currency: str = currency()
    rate: str = key("home units per transaction unit, as decimal text")
    channel: str = text("dimension")
    location: str = text("dimension: the marketplace")
    tax_code: str = text("dimension")
    document_id: str = text(
        "with posting_month, order_id, category and location it names the canonical rows under the leg"
    )
    posting_month: Day = plain("first day of their month; the day itself where rows are booked by day", nullable=True)
    order_id: str = text("order they belong to, where a settlement is booked by order; else empty")
    memo: str = text("what a person reads on the leg")
    rule: str = text("rule of posting_rules.csv behind its account: category|channel|marketplace|tax treatment@version")
