"""Random settlements of a simulated seller, from file to journal: what must hold whatever was sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.facts import held, statuses
from retail_sync_tests.reconcile.files import deliver, looking, new_pipeline, run_to_journal
from retail_sync_tests.reconcile.residuals import assert_breaks_explain_the_totals
from retail_sync_tests.simulator import CA, DE, US, Settlement, random_settlement, write_v1, write_v2

_FIRST_DAY = datetime(2026, 8, 1, 7, 30, tzinfo=UTC)


def _settlement(seed: int, lines: int, start_day: int, days: int) -> Settlement:
    start_at = _FIRST_DAY + timedelta(days=start_day)
    market = (US, DE, CA)[seed % 3]
    return random_settlement(seed, lines, market=market, start_at=start_at, end_at=start_at + timedelta(days=days))


SETTLEMENTS = st.lists(
    st.builds(_settlement, st.integers(1, 10_000), st.integers(1, 45), st.integers(0, 60), st.integers(1, 45)),
    min_size=2,
    max_size=4,
    unique_by=lambda settlement: settlement.settlement_id,
)


@pytest.mark.long
@settings(max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(made=SETTLEMENTS)
def test_what_foots_is_booked_to_the_cent(tmp_path_factory: pytest.TempPathFactory, made: list[Settlement]) -> None:
    """Balanced entries, payout legs = total, and per category the lines' sum: for any files, in either layout.

    The totals are the simulator's, not the product's; its sellers owe no tax of their own.
    """
    pipeline = new_pipeline(tmp_path_factory.mktemp("random"))
    deliver(pipeline, *((write_v1 if one.currency == "CAD" else write_v2)(one) for one in made))
    run_to_journal(pipeline)
    with looking(pipeline) as connection:
        assert held(connection) == {}
        assert set(statuses(connection)) == {one.settlement_id for one in made}
        payouts = connection.execute(
            "select document_id, sum(home_minor) filter (role = 'payout') from journal.lines group by 1"
        ).fetchall()
        assert {key: Decimal(int(paid or 0)).scaleb(-2) for key, paid in payouts} == {
            one.settlement_id: one.lines_sum for one in made
        }
        unbalanced = connection.execute(
            "select entry_key from journal.lines group by 1 having sum(home_minor) <> 0 or sum(transaction_minor) <> 0"
        ).fetchall()
        assert unbalanced == []
        kept = connection.execute(
            "select document_id, account, sum(home_minor) from journal.lines "
            "where account in ('1140', '2210', '2200') group by all having sum(home_minor) <> 0"
        ).fetchall()
        assert kept == []
        assert_legs_trace_to_their_lines(connection)
        assert_breaks_explain_the_totals(connection)
