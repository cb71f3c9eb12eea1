"""Contract of the residual proofs: that the breaks of a reconciliation explain the difference of its totals, by day."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Total, currency, key, plain


class Proofs(pa.DataFrameModel):
    """What both sides of a comparison sum to on a day, and what explains the difference: right - left = breaks + carried.

    Each side counts on its own day. What is matched with an item of another day is carried there: negative on the day of the
    left item, positive on that of the right, so it is nothing over all days. A break counts on the day of its left item, or of
    the right one where there is no left.
    """

    reconciliation: str = key("which reconciliation, as in breaks; or clearing_items, order_traces")
    comparison: str = key(
        "which two sides of it: stated_lines, stated_bank, expected_settled, a chain, a question of goods, an account, ..."
    )
    business_date: Day = plain(
        "day; null where only the total is proved: chains of debts, reserves and failed transfers, transfers of goods, "
        "availability, clearing accounts, what documents say beside what stands of them (documents_...)",
        nullable=True,
    )
    currency: str = currency("currency of the totals; XXX for units of goods and for counts")
    compared_count: Count = plain("items that are matched or differ; awaited ones are not compared yet")
    matched_count: Count = plain("of these, the matched")
    compared_value: Total = plain("sum of their amounts, each without its sign")
    matched_value: Total = plain("of this, the matched")
    left_total: Total = plain("sum of the left side, from its own rows")
    right_total: Total = plain("sum of the right side, from its own rows")
    breaks_total: Total = plain("sum of the breaks; of goods, of the variances in units")
    carried_total: Total = plain(
        "what is no break: awaited, open, within a tolerance, or matched with another day's item"
    )
    unexplained: Total = plain("right_total - left_total - breaks_total - carried_total: must be 0, or the run stops")
