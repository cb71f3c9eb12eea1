"""Breaks as sentences for a finance person: what differs, by how much, since when, and what to do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.operations.exceptions import Problem
from retail_sync.reconcile.break_kinds import BreakKinds
from retail_sync.reconcile.missing_deliveries import find_causes
from retail_sync.reconcile.order_wordings import ORDER_WORDINGS
from retail_sync.reconcile.return_wordings import RETURN_WORDINGS
from retail_sync.reconcile.stock_wordings import STOCK_WORDINGS
from retail_sync.reconcile.store_wordings import STORE_WORDINGS
from retail_sync.reconcile.wording import (
    NO_EVIDENCE,
    Break,
    StoreEvidence,
    UnevenReceipt,
    Wording,
    in_minor_units,
    more_or_less,
)


def _from_or_to(item: Break) -> str:
    return "from" if (item.amount or 0) > 0 else "to"


def _listed(item: Break) -> str:
    rows, payouts = item.counterpart.split("|", 1)
    return f"{rows} payout(s) and the payments name {payouts}"


def _converted(item: Break) -> str:
    """Both amounts, the rate of the day and the one that the bank's amount implies, of `deposit_currency_differs`."""
    line, paid, currency, arrived, rate, day = item.counterpart.split("|")
    implied = (Decimal(arrived) / Decimal(paid)).quantize(Decimal("0.000001"))
    return (
        f"{Decimal(paid):,.2f} {currency} arrived as {Decimal(arrived):,.2f} {item.currency} (bank transaction {line}): a rate of "
        f"{implied:f}, where that of {day} is {Decimal(rate).normalize():f}"
    )


_WORDINGS: dict[str, Wording] = {
    **STOCK_WORDINGS,
    **ORDER_WORDINGS,
    **RETURN_WORDINGS,
    **STORE_WORDINGS,
    "settlement_does_not_foot": Wording(
        "data",
        lambda b: f"The lines of {b.document} sum to {b.money} {more_or_less(b)} than its total. Its entry is held.",
        lambda b: f"deliver {b.payments} of that payout again: one is missing, repeated or changed; if it stays, ask {b.payer}"
        if b.is_payout
        else "download the settlement again: a line is missing, repeated or changed; if it stays, ask the marketplace",
    ),
    "settlement_header_missing": Wording(
        "data",
        lambda b: f"Payout {b.subject} is in no list of payouts; its payments sum to {b.amount:,.2f}. Its entry is held."
        if b.is_payout
        else f"Settlement {b.subject} states no total or currency; its lines sum to {b.amount:,.2f}. Its entry is held.",
        lambda b: f"deliver {b.payouts} of that day; both sources must name the same account"
        if b.is_payout else "deliver the whole file, with the summary line that Amazon puts first",
    ),
    "payout_ambiguous": Wording(
        "data",
        lambda b: f"Which total is that of payout {b.subject} cannot be told: without ids, the list has {_listed(b)} of that day "
        f"and currency. Its entry is held.",
        lambda b: f"deliver {b.payments} of all payouts of that day, and {b.payouts} with their ids if there is one",
    ),
    "payout_failed": Wording(
        "business",
        lambda b: f"Payout {b.subject} of {b.money} is listed as {b.counterpart}: no money is on its way. Its entry is held.",
        lambda b: ("see in the shop's admin" if b.channel == "shopify" else f"ask {b.payer}")
        + " which later payout takes it over; the entry follows when the list says paid",
    ),
    "payout_transactions_missing": Wording(
        "data",
        lambda b: f"A payout of {b.money} is listed ({b.subject}), and no payment names it.",
        lambda b: f"deliver {b.payments} of that payout; both sources must name the same account",
    ),
    "settlement_unclassified": Wording(
        "mapping",
        lambda b: f"{b.counterpart} line(s) of {b.document}, together {b.money}, are of a kind no rule knows: "
        f"{b.places}. Its entry is held.",
        lambda _: "add a rule for that combination to data/rules/settlement_categories.csv and have it approved",
    ),
    "rows_rejected": Wording(
        "data",
        lambda b: f"{b.counterpart} row(s) of settlement {b.subject} could not be read: {b.places}. Its entry is held.",
        lambda _: "download the settlement again, or have the damaged row corrected where it was made",
    ),
    "deposit_differs": Wording(
        "business",
        lambda b: f"The bank shows {b.money} {more_or_less(b)} than {b.document} says it pays "
        f"(bank transaction {b.counterpart}).",
        lambda b: f"ask the bank or {b.payer} for the difference (bank fee, partial or corrected payout)",
    ),
    "deposit_currency_differs": Wording(
        "business",
        lambda b: f"The bank shows {b.money} {more_or_less(b)} than {b.document} comes to at the rate of the day: "
        f"{_converted(b)}. Where the settings name a home currency, the deposit is booked and this is exchange gain or loss.",
        lambda b: f"see the conversion in {'the payout details' if b.is_payout else 'the marketplace'} or at the bank; "
        "book the deposit and the difference of rates by hand",
    ),
    "deposit_awaits_rate": Wording(
        "data",
        lambda b: f"The bank shows {b.money} (transaction {b.subject}) for {b.counterpart.split('|')[0]}, which is paid in "
        f"another currency; no rate from {b.counterpart.split('|')[-1]} to {b.currency} of {b.since} or shortly before says what "
        "it comes to.",
        lambda b: f"deliver rates from {b.counterpart.split('|')[-1]} to {b.currency} (a source with the object fx_rates)",
    ),
    "deposit_overdue": Wording(
        "business",
        lambda b: (f"Payout {b.subject} of {b.money}" if b.is_payout else f"The payout of {b.money} of settlement {b.subject}")
        + f", due {b.since}, is not in the bank; the statement reaches {b.counterpart}.",
        lambda b: f"ask {b.payer} for the transfer; check that the statement of the right account was delivered",
    ),
    "deposit_ambiguous": Wording(
        "business",
        lambda b: f"More than one bank deposit of {b.money} could be "
        + (f"payout {b.subject}" + (f", or payout {b.counterpart}" if b.counterpart else "") if b.is_payout
           else f"the payout of settlement {b.subject}" + (f", or of settlement {b.counterpart}" if b.counterpart else ""))
        + ". None was chosen.",
        lambda b: f"find which is which in the payout details, or ask {b.payer}; then `retail-sync matches list` and "
        f"`retail-sync matches confirm {b.subject} BANK_LINE --by WHO --reason WHY`",
    ),
    "deposit_unexplained": Wording(
        "business",
        lambda b: f"The bank shows {b.money} {_from_or_to(b)} {b.counterpart.capitalize()} on {b.since} "
        f"(transaction {b.subject}) "
        f"and no {'payout' if b.is_payout else 'settlement'} explains it.",
        lambda b: f"deliver {b.payments} and {b.payouts} of that period" if b.is_payout
        else "download the settlement of that period and deliver it",
    ),
    "deposit_repeated": Wording(
        "business",
        lambda b: f"The bank shows {b.money} for settlement {b.counterpart} once more (transaction {b.subject}): "
        "it was paid already.",
        lambda _: "ask the bank whether it is a repeated line, else the payer, who will want it back",
    ),
    "reserve_chain_broken": Wording(
        "business",
        lambda b: f"Settlement {b.subject} releases {b.money} {more_or_less(b)} reserve than settlement "
        f"{b.counterpart or '(none found)'} held.",
        lambda _: "compare both settlements in the marketplace; a settlement in between may be missing",
    ),
    "failed_transfer_unexplained": Wording(
        "business",
        lambda b: f"Settlement {b.subject} takes back a payout of {b.money} that did not go through, and "
        + (f"more than one earlier settlement announced that payout ({b.counterpart}). None was chosen."
           if b.counterpart else "no earlier settlement announced one of that amount."),
        lambda _: "see the failed transfer in the marketplace's payments page; deliver the settlement it belongs to, "
        "or name it to finance",
    ),
    "opening_debt_unexplained": Wording(
        "business",
        lambda b: f"Settlement {b.subject} starts with a debt of {b.money} that no earlier settlement left.",
        lambda _: "find the settlement that the debt comes from and deliver it, or ask the marketplace",
    ),
}  # fmt: skip


def find_breaks(connection: duckdb.DuckDBPyConnection, kinds: BreakKinds) -> list[Problem]:
    """Return every row of reconcile.breaks as a problem, and what one missing delivery makes (`missing_deliveries.py`) as one."""
    rows = connection.execute(
        """
        select b.break_class, b.subject, b.amount, b.currency, b.since_date, b.counterpart,
            coalesce(t.channel, case b.break_class
                -- No payment names this payout, so there is no verdict on it: only its row in the list knows its channel.
                when 'payout_transactions_missing' then (
                    select max(p.channel) from canonical.payouts as p
                    where concat_ws(' ', p.account, p.payout_date, p.currency) = b.subject
                )
            end, '') as channel,
            case b.break_class
                when 'rows_rejected' then (
                    select string_agg(place, '; ' order by line_no) from (
                        select 'line ' || r.line_no || ', ' || r.column_name || ' "' || left(trim(r.value), 40) || '" ' || r.reason
                            as place, r.line_no
                        from canonical.rejected_rows as r join raw.deliveries as d using (delivery_id)
                        where r.document_id = b.subject and d.is_current order by r.line_no limit 5
                    )
                )
                when 'settlement_unclassified' then (
                    select string_agg(kind, '; ' order by kind) from (
                        select distinct l.transaction_type || ' / ' || l.amount_type || ' / ' || l.amount_description as kind
                        from canonical.settlement_lines as l
                        where l.settlement_id = b.subject and l.category = 'unclassified'
                    )
                )
            end as places
        from reconcile.breaks as b
        left join reconcile.settlement_totals as t
            on t.settlement_id = case b.break_class when 'deposit_unexplained' then 'bank:' || b.subject else b.subject end
        order by b.break_class, b.subject
        """
    ).fetchall()
    evidence = _store_evidence(connection)
    breaks = [Break(*(*row[:-1], row[-1] or "", evidence.get((row[0], row[1], row[3]), NO_EVIDENCE))) for row in rows]
    told, causes = find_causes(connection, kinds)
    return [*(_problem(item, kinds) for item in breaks if (item.code, item.subject) not in told), *causes]


def _store_evidence(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], StoreEvidence]:
    rows = connection.execute(sql.statement(__package__, "store_day_evidence")).fetchall()
    return {
        (code, subject, currency): StoreEvidence([UnevenReceipt(**receipt) for receipt in receipts or ()], *sums)
        for code, subject, currency, receipts, *sums in rows
    }


def _problem(item: Break, kinds: BreakKinds) -> Problem:
    wording = _WORDINGS[item.code]
    item = replace(
        item,
        subject=in_minor_units(item.subject, item.currency),
        counterpart=in_minor_units(item.counterpart, item.currency),
    )
    return Problem(
        code=item.code,
        subject=item.subject,
        kind=wording.kind,
        owner=kinds[item.code].owner,
        message=wording.message(item),
        remedy=wording.remedy(item),
        amount_minor=item.minor,
        currency=item.currency if item.minor is not None else "",
        since_date=str(item.since),
    )
