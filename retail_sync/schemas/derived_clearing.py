"""Contract of the clearing items: what the balance of every clearing account consists of."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Day, Money, currency, key, one_of, plain, text

ITEM_KINDS = (
    "settlement",
    "reserve",
    "opening_debt",
    "failed_transfer",
    "micro_deposit",
    "deferral",
    "processor_reserve",
    "receipt",
    "order",
    "drawer",
    "gift_card",
    "gift_cards_sold",
    "gift_cards_redeemed",
    "document",
    "unexplained",
)


class ClearingItems(pa.DataFrameModel):
    """What a clearing account (`is_clearing` in chart_of_accounts.csv) consists of, from the desired journal.

    An item is opened by one side and closed by the other, in whatever order they come. The items of an account and currency
    sum to its balance; what no row explains is an item of its own, `unexplained`.
    """

    account: str = key("account code of the chart")
    currency: str = currency()
    kind: str = one_of(
        "what the item is. settlement: payout, debt or carried-forward part; reserve, opening_debt, failed_transfer, "
        "micro_deposit: of the settlement named, the debt and the failed transfer where their own settlement is not known; "
        "deferral: of a seller account and month end; "
        "processor_reserve: of a channel; receipt, order: what names its payment; drawer: a till's day; gift_card: by card; "
        "gift_cards_sold, gift_cards_redeemed: a store's day, tills do not tell the card; document: what names nothing else; "
        "unexplained: a leg's difference to the rows under it",
        *ITEM_KINDS,
    )
    item: str = key(
        "its name: settlement, account and month, receipt, channel and order, store, till and day, card, document or entry"
    )
    store_day: str = text("store and day of a receipt, a drawer, gift cards; empty for the rest")
    opened_on: Day = plain("posting date of the first entry that has it")
    last_on: Day = plain("posting date of the last entry that has it")
    debit: Money = plain("what was debited")
    credit: Money = plain("what was credited, as a positive amount")
    balance: Money = plain("debit - credit")
    status: str = one_of("closed: the balance is zero", "open", "closed")
