"""Breaks as sentences for a finance person: what differs, by how much, since when, and what to do."""

from __future__ import annotations

import duckdb

from retail_sync.operations.exceptions import Problem
from retail_sync.reconcile.stock_wordings import STOCK_WORDINGS
from retail_sync.reconcile.wording import Break, Wording


def _more_or_less(item: Break) -> str:
    return "more" if (item.amount or 0) > 0 else "less"


def _from_or_to(item: Break) -> str:
    return "from" if (item.amount or 0) > 0 else "to"


def _listed(item: Break) -> str:
    rows, payouts = item.counterpart.split("|", 1)
    return f"{rows} payout(s) and the payments name {payouts}"


_WORDINGS: dict[str, Wording] = {
    **STOCK_WORDINGS,
    "settlement_does_not_foot": Wording(
        "data", "finance",
        lambda b: f"The lines of settlement {b.subject} sum to {b.money} {_more_or_less(b)} than its total. Its entry is held.",
        lambda _: "download the settlement again: a line is missing, repeated or changed; if it stays, ask the marketplace",
    ),
    "settlement_header_missing": Wording(
        "data", "finance",
        lambda b: f"Payout {b.subject} is in no list of payouts; its payments sum to {b.amount:,.2f}. Its entry is held."
        if b.is_payout
        else f"Settlement {b.subject} states no total or currency; its lines sum to {b.amount:,.2f}. Its entry is held.",
        lambda b: "deliver the payouts export of that day; both sources must name the same account"
        if b.is_payout else "deliver the whole file, with the summary line that Amazon puts first",
    ),
    "payout_ambiguous": Wording(
        "data", "finance",
        lambda b: f"Which total is that of payout {b.subject} cannot be told: without ids, the list has {_listed(b)} of that day "
        f"and currency. Its entry is held.",
        lambda _: "deliver the transactions export of all payouts of that day, and a payouts export with their ids if there is one",
    ),
    "payout_failed": Wording(
        "business", "finance",
        lambda b: f"Payout {b.subject} of {b.money} is listed as {b.counterpart}: no money is on its way. Its entry is held.",
        lambda _: "see in the shop's admin which later payout takes it over; the entry follows when the list says paid",
    ),
    "payout_transactions_missing": Wording(
        "data", "operations",
        lambda b: f"A payout of {b.money} is listed ({b.subject}), and no payment names it.",
        lambda _: "deliver the transactions export that holds that payout; both sources must name the same account",
    ),
    "settlement_unclassified": Wording(
        "mapping", "finance",
        lambda b: f"{b.counterpart} line(s) of settlement {b.subject}, together {b.money}, are of a kind no rule knows: "
        f"{b.places}. Its entry is held.",
        lambda _: "add a rule for that combination to data/rules/settlement_categories.csv and have it approved",
    ),
    "rows_rejected": Wording(
        "data", "operations",
        lambda b: f"{b.counterpart} row(s) of settlement {b.subject} could not be read: {b.places}. Its entry is held.",
        lambda _: "download the settlement again, or have the damaged row corrected where it was made",
    ),
    "deposit_differs": Wording(
        "business", "finance",
        lambda b: f"The bank shows {b.money} {_more_or_less(b)} than settlement {b.subject} says it pays "
        f"(bank transaction {b.counterpart}).",
        lambda _: "ask the bank or the marketplace for the difference (bank fee, partial or corrected payout)",
    ),
    "deposit_overdue": Wording(
        "business", "finance",
        lambda b: f"The payout of {b.money} of settlement {b.subject}, due {b.since}, is not in the bank; "
        f"the statement reaches {b.counterpart}.",
        lambda _: "ask the marketplace for the transfer; check that the statement of the right account was delivered",
    ),
    "deposit_ambiguous": Wording(
        "business", "finance",
        lambda b: f"More than one bank deposit of {b.money} could be the payout of settlement {b.subject}"
        + (f", or of settlement {b.counterpart}" if b.counterpart else "") + ". None was chosen.",
        lambda _: "find the settlement ids in the marketplace's payout details; a bank reference naming them settles it",
    ),
    "deposit_unexplained": Wording(
        "business", "finance",
        lambda b: f"The bank shows {b.money} {_from_or_to(b)} {b.counterpart.capitalize()} on {b.since} "
        f"(transaction {b.subject}) "
        "and no settlement explains it.",
        lambda _: "download the settlement of that period and deliver it",
    ),
    "reserve_chain_broken": Wording(
        "business", "finance",
        lambda b: f"Settlement {b.subject} releases {b.money} {_more_or_less(b)} reserve than settlement "
        f"{b.counterpart or '(none found)'} held.",
        lambda _: "compare both settlements in the marketplace; a settlement in between may be missing",
    ),
    "failed_transfer_unexplained": Wording(
        "business", "finance",
        lambda b: f"Settlement {b.subject} takes back a payout of {b.money} that did not go through, and "
        + (f"more than one earlier settlement announced that payout ({b.counterpart}). None was chosen."
           if b.counterpart else "no earlier settlement announced one of that amount."),
        lambda _: "see the failed transfer in the marketplace's payments page; deliver the settlement it belongs to, "
        "or name it to finance",
    ),
    "opening_debt_unexplained": Wording(
        "business", "finance",
        lambda b: f"Settlement {b.subject} starts with a debt of {b.money} that no earlier settlement left.",
        lambda _: "find the settlement that the debt comes from and deliver it, or ask the marketplace",
    ),
    "tenders_differ": Wording(
        "business", "operations",
        lambda b: f"Receipts and tenders of store {b.subject} differ: the tenders are {b.money} {_more_or_less(b)}. "
        "Its day is held.",
        lambda _: "compare the till's receipts and payments of that day; export both again and deliver them",
    ),
    "tenders_missing": Wording(
        "data", "operations",
        lambda b: f"Nothing says how receipts of {b.money} of store {b.subject} were paid. Its day is held.",
        lambda _: "deliver the tenders of that day",
    ),
    "sales_missing": Wording(
        "data", "operations",
        lambda b: f"Store {b.subject} took {b.money} for which there is no receipt. Its day is held.",
        lambda _: "deliver the receipts of that day",
    ),
    "receipt_in_two_sources": Wording(
        "configuration", "operations",
        lambda b: f"Two sources ({b.counterpart.split('|')[1]}) deliver the same receipts of store {b.subject}: "
        f"{b.counterpart.split('|')[0]}. {b.money} would be booked twice. Its day is held.",
        lambda _: "if one was renamed: `retail-sync sources remove` takes the deliveries under the old name out; else declare "
        "each till in one source",
    ),
    "drawer_over_short": Wording(
        "business", "store",
        lambda b: f"The drawer of store {b.subject} held {b.money} {_more_or_less(b)} than its cash tenders. "
        "It is booked to over/short.",
        lambda _: "count again if the drawer is still there; look for a payment in or out that was not rung up",
    ),
    "drawer_not_counted": Wording(
        "data", "store",
        lambda b: f"The drawer of store {b.subject} took {b.money} in cash and was not counted. Its day is held.",
        lambda _: "close and count the drawer, deliver the shift",
    ),
    "card_payments_differ": Wording(
        "business", "finance",
        lambda b: f"The processor reports {b.money} {_more_or_less(b)} card payments than store {b.subject} rang up.",
        lambda _: "compare the till's card receipts with the processor's payments of that day",
    ),
    "card_payments_missing": Wording(
        "business", "finance",
        lambda b: f"The processor reports none of the card payments of {b.money} that store {b.subject} rang up.",
        lambda _: "ask the processor; deliver its payments of that day",
    ),
}  # fmt: skip


def find_breaks(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Return every row of reconcile.breaks as a problem."""
    rows = connection.execute(
        """
        select break_class, subject, amount, currency, since_date, counterpart,
            case break_class
                when 'rows_rejected' then (
                    select string_agg(place, '; ' order by line_no) from (
                        select 'line ' || r.line_no || ', ' || r.column_name || ' "' || left(trim(r.value), 40) || '" ' || r.reason
                            as place, r.line_no
                        from canonical.rejected_rows as r join raw.deliveries as d using (delivery_id)
                        where r.document_id = subject and d.is_current order by r.line_no limit 5
                    )
                )
                when 'settlement_unclassified' then (
                    select string_agg(kind, '; ' order by kind) from (
                        select distinct l.transaction_type || ' / ' || l.amount_type || ' / ' || l.amount_description as kind
                        from canonical.settlement_lines as l
                        where l.settlement_id = subject and l.category = 'unclassified'
                    )
                )
            end as places
        from reconcile.breaks order by break_class, subject
        """
    ).fetchall()
    return [_problem(Break(*(*row[:-1], row[-1] or ""))) for row in rows]


def _problem(item: Break) -> Problem:
    wording = _WORDINGS[item.code]
    return Problem(
        code=item.code,
        subject=item.subject,
        kind=wording.kind,
        owner=wording.owner,
        message=wording.message(item),
        remedy=wording.remedy(item),
        amount_minor=item.minor,
        currency=item.currency if item.minor is not None else "",
        since_date=str(item.since),
    )
