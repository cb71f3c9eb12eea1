"""Stock of a real Tryton server: what is pulled is what Tryton itself says, article by article and place by place."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from retail_sync.pipeline import Pipeline, Window
from retail_sync.settings import Home
from retail_sync_tests.ledger.tryton_server import PASSWORD, SERVER

pytestmark = pytest.mark.services
COMPANY = "Acme Retail BV"  # made with the server, with a warehouse WH and a store WH12


class OwnWords:
    """Tryton asked without any code of the product."""

    def __init__(self) -> None:
        address, _, self.database = SERVER.rpartition("/")
        scheme, _, rest = address.partition("://")
        self.user, _, host = rest.rpartition("@")
        self.url = f"{scheme}://{host}"
        self._session = requests.Session()
        try:
            told = self._post("common.db.login", self.user, {"password": PASSWORD})
        except requests.ConnectionError:
            pytest.skip(f"no Tryton answers at {SERVER}")
        self._session.auth = _Signed(f"{self.user}:{told[0]}:{told[1]}")
        self.article = ""
        self.context = {"company": 1, "companies": [1], "active_test": False}

    def __call__(self, method: str, *parameters: Any, **context: Any) -> Any:
        """Call a method of a model."""
        return self._post(f"model.{method}", *parameters, self.context | context)

    def _post(self, method: str, *parameters: Any) -> Any:
        body = {"id": 1, "method": method, "params": list(parameters)}
        answer = self._session.post(f"{self.url}/{self.database}/rpc/", json=body, timeout=60).json(parse_float=Decimal)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["result"]

    def stock(self, places: dict[str, int], day: date) -> dict[tuple[str, str], Decimal]:
        """Return the units by place and article at the end of a day, zeros included."""
        domain = [["type", "=", "goods"], ["consumable", "=", False]]
        ids = self("product.product.search", domain, 0, 10_000, None)
        at = {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
        found = {}
        for place, number in places.items():
            told = {"locations": [number], "with_childs": True, "stock_date_end": at}
            for row in self("product.product.read", ids, ["code", "quantity"], **told):
                found[place, row["code"]] = Decimal(row["quantity"])
        return found


class _Signed(requests.auth.AuthBase):
    def __init__(self, session: str) -> None:
        self._header = "Session " + base64.b64encode(session.encode()).decode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


@pytest.fixture(scope="module")
def tryton() -> OwnWords:
    """The server, with an article by weight that was counted, carried to the store and counted anew."""
    if SERVER == "none":
        pytest.skip("RETAIL_SYNC_TEST_TRYTON=none: there is no Tryton on this machine")
    server = OwnWords()
    code = f"KG-{uuid.uuid4().hex[:8]}"
    (kilo,) = server("product.uom.search", [["symbol", "=", "kg"]], 0, 1, None)
    (template,) = server(
        "product.template.create",
        [{"name": code, "type": "goods", "default_uom": kilo, "products": [["create", [{"suffix_code": code}]]]}],
    )
    (article,) = server("product.product.search", [["template", "=", template]], 0, 1, None)
    at = {row["code"]: row["id"] for row in server("stock.location.search_read", [], 0, 1000, None, ["code"])}
    for place, quantity in (("STO", 2.7), ("STO12", 0.3)):
        lines = [["create", [{"product": article, "quantity": quantity}]]]
        made = server("stock.inventory.create", [{"location": at[place], "empty_quantity": "keep", "lines": lines}])
        server("stock.inventory.confirm", made)
    move = {"product": article, "unit": kilo, "quantity": 0.13, "from_location": at["STO"], "to_location": at["STO12"]}
    shipment = {"from_location": at["STO"], "to_location": at["STO12"], "company": 1, "moves": [["create", [move]]]}
    made = server("stock.shipment.internal.create", [shipment | {"reference": f"carried {code}"}])
    for step in ("wait", "assign_try", "pack", "ship", "do"):
        server(f"stock.shipment.internal.{step}", made)
    server.article = code
    return server


@pytest.fixture
def pipeline(tmp_path: Path, tryton: OwnWords, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A home that asks this server."""
    monkeypatch.setenv("RETAIL_SYNC_ERP_PASSWORD", PASSWORD)
    (first,) = tryton("stock.move.search_read", [["state", "=", "done"]], 0, 1, [["id", "ASC"]], ["create_date"])
    begin = date(*(first["create_date"][part] for part in ("year", "month", "day")))
    (tmp_path / "retail_sync.toml").write_text(
        f'[[source]]\nname = "erp"\nconnector = "tryton"\ntime_zone = "Europe/Amsterdam"\nstart_date = "{begin}"\n'
        f'[source.connection]\nurl = "{tryton.url}"\ndatabase = "{tryton.database}"\nuser = "{tryton.user}"\n'
        f'company = "{COMPANY}"\nstores = ["WH12"]\n',
        encoding="utf-8",
    )
    return Pipeline(Home(tmp_path), "test")


def _rows(pipeline: Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.writing("look") as connection:
        return connection.execute(query).fetchall()


def test_stock_and_moves_are_what_tryton_says(
    pipeline: Pipeline, tryton: OwnWords, capsys: pytest.CaptureFixture[str]
) -> None:
    """Now and a day ago, for every article and place; and the moves add up to it."""
    today = datetime.now(UTC).date()
    assert [item.problem for item in pipeline.pull() if item.problem] == []
    past = [item for item in pipeline.pull(Window(today - timedelta(days=2), today)) if item.problem]
    assert past == []
    report = pipeline.load()
    assert (report.refused, report.rejected_count) == ((), 0)

    ids = {
        row["id"]: row
        for row in tryton("stock.location.search_read", [], 0, 1000, None, ["code", "name", "type", "parent"])
    }
    places = {row["code"] or row["name"]: number for number, row in ids.items()
              if row["type"] == "warehouse" or (row["type"] == "storage" and row["parent"] is None)}  # fmt: skip
    assert dict(_rows(pipeline, "select location_id, kind from canonical.locations")) == {
        place: "store" if place == "WH12" else "warehouse" for place in places
    }
    compared = 0
    for (day,) in _rows(pipeline, "select distinct snapshot_date from canonical.stock_snapshots order by 1"):
        pulled = _rows(
            pipeline,
            f"select location_id, sku, quantity_on_hand from canonical.stock_snapshots where snapshot_date = '{day}'",
        )
        assert {(place, sku): quantity for place, sku, quantity in pulled} == tryton.stock(places, day)
        compared += len(pulled)
    moved = _rows(pipeline, "select location_id, sku, sum(quantity) from canonical.stock_movements group by all")
    assert {(p, s): q for p, s, q in moved if q} == {k: q for k, q in tryton.stock(places, today).items() if q}
    kinds = dict(
        _rows(pipeline, "select kind, count(*) from canonical.stock_movements "
                        f"where sku = '{tryton.article}' group by 1")
    )  # fmt: skip
    assert kinds == {"adjustment": 2, "transfer": 4}  # over the place of goods in transit
    carried = _rows(pipeline, "select quantity, reference from canonical.stock_movements where kind = 'transfer' "
                              f"and sku = '{tryton.article}' order by 1")  # fmt: skip
    name = f"carried {tryton.article}"
    assert carried == [(Decimal("-0.13"), name)] * 2 + [(Decimal("0.13"), name)] * 2
    with capsys.disabled():
        print(f"\nTryton: {compared} quantities by place and day and {len(moved)} sums of moves are its own")


def test_the_same_again_is_nothing_new(pipeline: Pipeline) -> None:
    """An hourly run over a quiet server."""
    pipeline.pull()
    again = [received for item in pipeline.pull() for received in item.received if received.is_new]
    assert again == []
