"""What the simulated retailer sells, and where: articles, stores, locations. Money is integer cents.

What does not belong here: anything that happens (see `simulated_stores`, `simulated_stock`).
"""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "USD"
WAREHOUSE = "W01"
FBA = "FBA"


@dataclass(frozen=True, slots=True)
class Article:
    """A thing that is sold. `pack` is how many the supplier puts in a carton."""

    sku: str
    title: str
    cost_cents: int
    price_cents: int
    pack: int
    gtin: str
    on_amazon: bool = True


# The twelve that Amazon sells have the codes and prices of the simulated settlements (`simulator.CATALOGUE`).
ARTICLES = (
    Article("FW-CANDLE-AMBER", "Candle Amber", 512, 1895, 12, "4006381001014"),
    Article("FW-CANDLE-CEDAR", "Candle Cedar", 512, 1895, 12, "4006381001021"),
    Article("FW-MUG-STONE-2PK", "Stone mugs, pair", 740, 2450, 6, "4006381001038"),
    Article("FW-TEAPOT-MOSS", "Teapot Moss", 1365, 3990, 4, "4006381001045"),
    Article("FW-APRON-LINEN", "Linen apron", 980, 2995, 10, "4006381001052"),
    Article("FW-RUNNER 140_NAT", "Table runner 140, natural", 1120, 3450, 10, "4006381001069"),
    Article("FW-BOARD-OAK-L", "Oak board, large", 1610, 4490, 4, "4006381001076"),
    Article("FW-VASE-FERN-M", "Vase Fern, medium", 1190, 3275, 6, "4006381001083"),
    Article("FW-THROW-HEATHER", "Throw Heather", 2480, 6900, 5, "4006381001090"),
    Article("FW-PLANTER-3SET", "Planters, set of three", 1925, 5480, 3, "4006381001106"),
    Article("FW-LAMP-PAPER", "Paper lamp", 2740, 7650, 2, "4006381001113"),
    Article("FW-SOAP-BAR-4PK", "Soap bars, four", 465, 1590, 12, "4006381001120"),
    Article("FW-COASTER-CORK", "Cork coasters", 210, 850, 24, "4006381001137", on_amazon=False),
    Article("FW-MATCHES-LONG", "Long matches", 95, 450, 48, "4006381001144", on_amazon=False),
    Article("FW-CARD-BOTANIC", "Greeting card Botanic", 60, 395, 50, "4006381001151", on_amazon=False),
    Article("FW-TEA-CHAMOMILE", "Chamomile tea, tin", 385, 1275, 12, "4006381001168", on_amazon=False),
    Article("FW-TOWEL-WAFFLE", "Waffle towel", 620, 1990, 10, "4006381001175", on_amazon=False),
    Article("FW-BASKET-SEAGR", "Seagrass basket", 1480, 4250, 4, "4006381001182", on_amazon=False),
    Article("FW-DIFFUSER-FIG", "Diffuser Fig", 890, 2650, 6, "4006381001199", on_amazon=False),
    Article("FW-NOTEBOOK-A5", "Notebook A5", 275, 1150, 20, "4006381001205", on_amazon=False),
)
BY_SKU = {article.sku: article for article in ARTICLES}


@dataclass(frozen=True, slots=True)
class Store:
    """A store with its tills. `pace` is how many receipts each till rings up on an ordinary day."""

    store: str
    title: str
    time_zone: str
    opens: int
    closes: int
    tax_per_100000: int
    pace: tuple[tuple[str, int], ...]

    @property
    def receipts_per_day(self) -> int:
        """Receipts of all tills on an ordinary day."""
        return sum(count for _, count in self.pace)


STORES = (
    Store("S01", "Fernway New York", "America/New_York", 10, 20, 8875, (("T1", 8), ("T2", 5))),
    Store("S02", "Fernway Los Angeles", "America/Los_Angeles", 10, 21, 9500, (("T1", 9),)),
)
BY_STORE = {store.store: store for store in STORES}

# location, title, kind, time zone
LOCATIONS = (
    *((store.store, store.title, "store", store.time_zone) for store in STORES),
    (WAREHOUSE, "Warehouse Newark", "warehouse", "America/New_York"),
    (FBA, "Fulfilment by Amazon", "marketplace_fulfilment", "America/Los_Angeles"),
)
