"""How a sale is taxed, from what is known of it: where it left, where it went, who bought, who owes the tax.

A pure function of facts (worked example H2 of reference/ledgers.md section 6). What the facts do not tell is no treatment, and
the posting rules for any treatment hold. Which account and tax code a treatment has is theirs to say. No rate is known here,
nor are thresholds, registrations and territories outside the VAT area: a seller who has not opted for OSS says so in the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
"""ISO 3166 codes of the member states of the European Union."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """`name` is domestic, oss, marketplace_liable, export, b2b_reverse_charge or empty; `country` is the one that taxes."""

    name: str = ""
    country: str = ""


UNKNOWN = Treatment()


def tax_treatment(departure: str, destination: str, tax_status: str, owed_by: str, *, is_taxed: bool) -> Treatment:
    """Return how a sale is taxed. Countries are ISO 3166; empty texts are unknown.

    A sale that should bear no tax and bears some is not what it seems: no treatment.
    """
    if owed_by == "marketplace":
        return Treatment("marketplace_liable", destination)
    if not departure or not destination:
        return UNKNOWN
    if departure == destination:
        return Treatment("domestic", departure)
    if not {departure, destination} <= EU:
        return UNKNOWN if is_taxed else Treatment("export", destination)
    if tax_status == "consumer":
        return Treatment("oss", destination)
    if tax_status == "business" and not is_taxed:
        return Treatment("b2b_reverse_charge", destination)
    return UNKNOWN
