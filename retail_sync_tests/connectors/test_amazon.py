"""Amazon over its interface: what is asked, how reports are fetched, how fast and with which tokens."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from retail_sync.connectors.amazon import RATES, AmazonConnection
from retail_sync.connectors.intake import receive
from retail_sync.settings import Settings
from retail_sync_tests.connectors.amazon_bench import Made, fetched, pulled, rows, watched
from retail_sync_tests.connectors.amazon_models import Models
from retail_sync_tests.fakes.amazon import SECRETS
from retail_sync_tests.fakes.amazon_lists import Refused, settlement_file
from retail_sync_tests.fakes.server import Request
from retail_sync_tests.fakes.source import Expired, Knobs


def test_what_is_asked_and_answered_is_as_amazon_says(amazon: Made, official: Path) -> None:
    """Every request and every answer of the fake, over pages, fits the vendor's models; all six operations are used."""
    models, made = Models(official / "models"), amazon(rows=2)
    watched(made, models)
    pulled(made)
    made.fake.knobs = Knobs(rows=1)
    pulled(made)
    assert models.seen == {
        "getReports", "getReportDocument", "searchOrders", "getInventorySummaries", "listTransactions", "listPayouts",
    }  # fmt: skip


def test_rates_are_those_of_the_models(official: Path) -> None:
    """One that is too high is refused, one too low wastes half an hour of a first run."""
    said = Models(official / "models").rates
    assert {name: said[name] for name in RATES} == RATES


def test_persons_are_not_asked_for(amazon: Made) -> None:
    """No name, mail or address is in the archive, though Amazon has them."""
    made = amazon()
    pulled(made)
    archived = str(made.records())
    assert "Thing 1" in archived
    assert "A Person" not in archived
    assert "someone@" not in archived


def test_a_fetched_report_is_the_file_a_person_downloads(amazon: Made) -> None:
    """Packed on the way (odd numbers) or not: by hand into another home it is the same delivery with the same rows."""
    look = "select * from canonical.settlement_lines order by all"
    names = ("50000000001", "50000000002")
    by_run, by_hand = amazon(rows=2), amazon(rows=2)
    pulled(by_run)
    for name in names:
        path = by_hand.home.state / f"settlement_{name}.txt"
        path.write_bytes(settlement_file(name))
        receive(path, by_hand.source, by_hand.archive, by_hand.registry, "trace-1", by_hand.source.object)
    theirs = {d.delivery_id for d in by_run.registry.all() if d.object == "settlements"}
    assert theirs == {d.delivery_id for d in by_hand.registry.all()}
    assert fetched(by_run) == {name: settlement_file(name).decode() for name in names}
    assert rows(by_run, look) == rows(by_hand, look) != []


def test_a_report_in_the_making_comes_when_it_is_done(amazon: Made) -> None:
    """Days later, by the look-back; one that failed never comes, and none comes twice."""
    made = amazon()
    first, second, _ = made.fake.lists.reports
    first["processingStatus"], second["processingStatus"] = "FATAL", "IN_PROGRESS"
    pulled(made)
    assert set(fetched(made)) == {"50000000003"}
    made.fake.clock.sleep(5 * 86_400)
    second["processingStatus"] = "DONE"
    pulled(made)
    pulled(made)
    assert set(fetched(made)) == {"50000000002", "50000000003"}
    asked = [request.path for request in made.server.requests if request.path.startswith("/documents/")]
    assert len(asked) == 2


def test_an_address_that_expired_is_asked_for_again(amazon: Made) -> None:
    """It holds for five minutes. A passing 403 of the call for it is waited for as well."""
    made = amazon(rows=1)
    made.fake.stale_addresses, made.fake.passing_403 = 2, 2
    pulled(made)
    assert set(fetched(made)) == {"50000000001"}


def test_a_refusal_that_stays_is_told(amazon: Made) -> None:
    """Without the right for reports, everything else comes all the same."""
    made = amazon(rows=1)
    made.fake.passing_403 = 1_000
    problems = {item.object: item.problem for item in made.pull()}
    told = problems.pop("settlements")
    assert told is not None
    assert told.kind == "configuration"
    assert "403" in told.message
    assert set(problems.values()) == {None}


def test_access_tokens_last_an_hour(amazon: Made) -> None:
    """A new one is fetched before; one withdrawn (403, not 401) is replaced at once. None is on the disk."""
    made = amazon(rows=1)
    pulled(made)
    made.fake.expire_tokens()
    made.fake.clock.sleep(86_400)
    pulled(made)
    assert not list(made.home.state.rglob("*oauth*"))


def test_a_first_sign_in_says_what_lacks_and_what_is_wrong(amazon: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """All missing variables at once, then which one Amazon does not take, each once for the whole source."""
    made = amazon(rows=1)
    for name in ("CLIENT_SECRET", "REFRESH_TOKEN"):
        monkeypatch.delenv(f"RETAIL_SYNC_SHOP_{name}")
    [told] = made.pull()
    assert told.problem is not None
    assert "RETAIL_SYNC_SHOP_CLIENT_SECRET, RETAIL_SYNC_SHOP_REFRESH_TOKEN are not set" in told.problem.message
    monkeypatch.setenv("RETAIL_SYNC_SHOP_CLIENT_SECRET", SECRETS["CLIENT_SECRET"])
    monkeypatch.setenv("RETAIL_SYNC_SHOP_REFRESH_TOKEN", "Atzr|of another app")
    [told] = made.pull()
    assert told.problem is not None
    assert told.problem.subject == "shop/*"
    assert (
        "Login with Amazon does not accept our connection: the refresh token was copied wrongly" in told.problem.message
    )
    assert "Atzr" not in str(told)
    assert made.registry.all() == []


def test_the_rate_that_amazon_says_is_kept(amazon: Made) -> None:
    """A seller with a tenth of the usual rate is throttled once at most: the header takes the place of the default."""
    made = amazon(rows=30)
    made.home.settings = Settings(source=(made.source.model_copy(update={"objects": ("payouts",)}),))
    made.fake.knobs = Knobs(rows=1)
    made.fake.rates["listPayouts"] = (0.05, 10)
    began = made.fake.clock.time()
    pulled(made)
    assert len(made.server.requests) - made.fake.throttled == 1 + 30
    assert made.fake.throttled <= 1
    assert made.fake.clock.time() - began == pytest.approx(20 / 0.05, rel=0.1)


def test_what_is_held_back_is_asked_for_once_a_day(amazon: Made) -> None:
    """The first answer of the first of a month is what the month end is booked from: later ones must not replace it."""
    made = amazon(rows=1)
    pulled(made)
    made.fake.lists.transactions[0]["transactionStatus"] = "DEFERRED_RELEASED"
    made.fake.clock.sleep(3_600)
    pulled(made)
    look = "select snapshot_date, count(*) from canonical.deferred_transactions group by all order by 1"
    assert rows(made, look) == [(date(2026, 11, 20), 3)]
    made.fake.clock.sleep(86_400)
    pulled(made)
    assert len([d for d in made.registry.all() if d.object == "unsettled"]) == 1  # nothing is held back any more


def test_a_place_for_stock_is_a_pair() -> None:
    """A marketplace alone would be counted nowhere."""
    with pytest.raises(ValueError, match="is not MARKETPLACE_ID=location"):
        AmazonConnection(region="eu", marketplaces=("A1PA6795UKMFR9",), fba_locations=("A1PA6795UKMFR9",))


def test_the_fake_refuses_what_amazon_refuses(amazon: Made) -> None:
    """A fake that takes everything would let everything pass."""
    made = amazon(rows=2)
    fake, lists = made.fake, made.fake.lists
    fake.knobs = Knobs(rows=1)
    asked = {"reportTypes": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"}
    token = lists.page("getReports", asked)["nextToken"]
    with pytest.raises(Refused, match="only parameter"):
        lists.page("getReports", {**asked, "nextToken": token})
    assert len(lists.page("getReports", {"nextToken": token})["reports"]) == 1
    stock = {"granularityType": "Marketplace", "granularityId": "M"}
    token = lists.page("getInventorySummaries", stock)["pagination"]["nextToken"]
    fake.clock.sleep(31)
    with pytest.raises(Expired):
        lists.page("getInventorySummaries", {**stock, "nextToken": token})
    held = {"postedAfter": "2026-01-01T00:00:00Z", "postedBefore": "2026-11-20T00:00:00Z"}
    assert lists.page("listTransactions", held)["payload"]["transactions"] == []
    with_token = Request("GET", "/documents/x", {}, {"x-amz-access-token": "t"}, b"")
    assert fake.answer(with_token).status == 400
    assert fake.answer(Request("GET", "/orders/2026-01-01/orders", {}, {}, b"")).status == 403
