"""Real settlements cut by day and by order, from the file to the verified ledger, and a setting that is changed later.

Two of the files of `test_real_files.py`: both contain a month end, and the first owes what the second takes over.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from retail_sync.reports.approving import approve
from retail_sync.settings import Home
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    findings,
    hourly,
    new_home,
    nightly,
    opened,
    problems,
    waiting,
)
from retail_sync_tests.e2e.test_real_files import V1, files
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines


def by_month(home: Home) -> Counter[tuple[str, str, str]]:
    """What the ledger holds net, by account, currency and month."""
    found: Counter[tuple[str, str, str]] = Counter()
    for posted in opened(home).embedded_ledger.entries():
        for line in posted.entry.lines:
            found[line.account, line.home_currency, f"{posted.entry.posting_date:%Y-%m}"] += line.home_minor
    return Counter({place: minor for place, minor in found.items() if minor})


def set_granularity(home: Home, granularity: str) -> None:
    """Write the setting."""
    path = home.root / "retail_sync.toml"
    path.write_text(f'[ledger]\ngranularity = "{granularity}"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")


@pytest.fixture(scope="module")
def by_settlement(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Both files, booked as one entry per settlement and month."""
    home = new_home(tmp_path_factory.mktemp("granularity") / "home")
    drop(home, files(samples, V1[:2]))
    nightly(home)
    return home


@pytest.mark.parametrize("granularity", ["day", "order"])
def test_a_setting_changed_later_waits_and_ends_where_a_home_that_began_so_ends(
    by_settlement: Home, samples: Path, tmp_path: Path, granularity: str
) -> None:
    """Nothing is booked twice: the past waits as one exception, an approval turns it round, the accounts stay where they were."""
    began_so = new_home(tmp_path / "began_so", f'[ledger]\ngranularity = "{granularity}"')
    drop(began_so, files(samples, V1[:2]))
    nightly(began_so)
    wanted = {key.split("#")[0] for key in booked(began_so)}
    expected = days_and_orders(began_so)[granularity]
    assert wanted == expected
    assert by_month(began_so) == by_month(by_settlement)
    assert findings(began_so) == []

    changed = copied(by_settlement, tmp_path / "changed")
    before, keys = by_month(changed), booked(changed)
    set_granularity(changed, granularity)
    nightly(changed)
    assert (booked(changed), by_month(changed)) == (keys, before)
    assert problems(changed) == [("rule_change_waits", "granularity")]
    assert waiting(changed) == {"granularity": wanted | {key.split("#")[0] for key in keys}}
    (said,) = opened(changed).exceptions.open()
    approve(opened(changed), said.exception_id, by="Ann", reason="the auditor asks for it")
    hourly(changed)
    assert sorted(booked(changed)) == sorted([*keys, *(f"{key}R" for key in keys), *(f"{key}#1" for key in wanted)])
    assert by_month(changed) == before
    assert (problems(changed), findings(changed)) == ([], [])
    assert digest(changed) == digest(began_so)


def days_and_orders(home: Home) -> dict[str, set[str]]:
    """The keys to expect, from the lines: a day or an order of a month that has a line, and the part that has the payout."""
    with opened(home).warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)
        lines = connection.execute(
            "select settlement_id, least(business_date, closing_date), order_id, closing_date "
            "from canonical.settlement_lines join canonical.settlements using (settlement_id)"
        ).fetchall()
    found: dict[str, set[str]] = {"day": set(), "order": set()}
    for settlement_id, on, order_id, closing in lines:
        key = f"amazon:settlement:{settlement_id}"
        named = f"order:{order_id}" if order_id else "no-order"
        found["day"] |= {f"{key}:{on}", f"{key}:{closing}"}
        found["order"] |= {f"{key}:{on:%Y-%m}:{named}", f"{key}:{closing:%Y-%m}:no-order"}
    return found
