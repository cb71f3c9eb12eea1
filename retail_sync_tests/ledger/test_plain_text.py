"""The text-file ledgers beyond the contract: the exact way back, other people's hands, and the judgement of the real tools.

`bean-check` and `hledger` are programs of their own, never imported: RETAIL_SYNC_TEST_BEAN_CHECK names the first,
both are also looked for on the path.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.ledger.embedded import Account
from retail_sync.ledger.plain_text import PlainTextLedger
from retail_sync.ledger.plain_text_format import ROOTS, Beancount, Dialect, Hledger, blocks
from retail_sync.schemas.journal import Entry, EntryLine, difference
from retail_sync_tests.ledger.bookkeeping import CHART, OCTOBER_14, leg, reversal, sale, token

DIALECTS = (Beancount(), Hledger())
ROOT_OF = {account.code: ROOTS[account.type] for account in CHART}

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_minor = st.integers(-(10**13), 10**13)
_lines = st.builds(
    EntryLine,
    account=st.sampled_from(["1000", "1120", "4000"]),
    transaction_minor=_minor,
    transaction_currency=st.sampled_from(["USD", "JPY", "KWD"]),
    home_minor=_minor,
    home_currency=st.sampled_from(["USD", "EUR", "JPY"]),
    rate=st.sampled_from(["1", "0.7300", "155.020000"]),
    role=st.sampled_from(["component", "payout"]) | _text,
    channel=_text,
    location=_text,
    tax_code=_text,
    memo=_text,
)
_printable = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
_entries = st.builds(
    Entry,
    key=_printable,
    posting_date=st.dates(date(1000, 1, 1)),
    memo=_text,
    lines=st.lists(_lines, min_size=2, max_size=4).map(tuple),
    reverses=st.none() | _printable,
)


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each format in turn."""
    found: Dialect = request.param
    return found


@pytest.fixture
def ledger(dialect: Dialect, tmp_path: Path) -> PlainTextLedger:
    """A ledger whose file does not exist yet."""
    return PlainTextLedger(dialect, tmp_path / f"books{dialect.suffix}", CHART)


@pytest.fixture
def file(ledger: PlainTextLedger, tmp_path: Path, dialect: Dialect) -> Path:
    """Its file, with settlements 1 and 2 booked."""
    for number in (1, 2):
        ledger.post(sale(number), token(sale(number)))
    return tmp_path / f"books{dialect.suffix}"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(entry=_entries, said=_printable)
@settings(max_examples=150, deadline=None)
def test_every_field_of_every_entry_comes_back(dialect: Dialect, entry: Entry, said: str) -> None:
    """A field that the format loses would be drift for ever; quotes, line ends and odd amounts are the ways to lose one."""
    read = [dialect.read(block) for block in blocks(dialect.write(entry, said, ROOT_OF))]
    assert [(posted.entry, posted.token) for posted in read if posted] == [(entry, said)]


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("10.00 USD", "11.00 USD", "line 2 transaction_minor: 1100 in the ledger"),
        ("Settlement 1", "Settlement one", "memo: Settlement one in the ledger"),
        ("2026-10-14 *", "2026-10-15 *", "posting_date: 2026-10-15 in the ledger"),
        ("Expenses:6000  10", "Expenses:6999  10", "line 2 account: 6999 in the ledger"),
        ("10.00 USD", "10.00 USD\n  Assets:1000  1,000.00 USD", "in the ledger"),
        ("payout", "bank", "line 3 role: bank in the ledger"),
    ],
)
def test_what_somebody_changed_is_a_difference(
    ledger: PlainTextLedger, file: Path, was: str, becomes: str, named: str
) -> None:
    """The file is open to every editor, so the drift watch is what protects it."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    assert named in difference(ledger.find([sale(1).key])[sale(1).key].entry, sale(1))
    assert difference(ledger.find([sale(2).key])[sale(2).key].entry, sale(2)) == ""


def test_what_people_add_stays_and_does_not_matter(ledger: PlainTextLedger, file: Path, dialect: Dialect) -> None:
    """A journal is shared: opening balances, notes and tags of other people stand between our entries."""
    mine = '\n2026-10-20 * "Rent"\n  Expenses:6000  900.00 USD ; paid late\n  Assets:1000\n\n; a note\n   \n'
    note = '  reviewed: "Ann"' if dialect.name == "beancount" else "  ; reviewed:Ann"
    key_line = next(line for line in file.read_text(encoding="utf-8").split("\n") if sale(1).key in line)
    text = mine + file.read_text(encoding="utf-8").replace(key_line, f"{key_line}\n{note}\n  ; looked at") + mine
    file.write_text(text.rstrip("\n"), encoding="utf-8")
    ledger.post(sale(3), token(sale(3)))
    found = ledger.find([sale(n).key for n in (1, 2, 3)])
    assert [posted.entry for posted in found.values()] == [sale(1), sale(2), sale(3)]
    assert file.read_text(encoding="utf-8").startswith(text.rstrip("\n"))
    assert {b.account: b.home_minor for b in ledger.balances()}["6000"] == 3_000
    assert list(ledger.verify()) == []


def test_an_entry_taken_out_is_gone_and_one_copied_is_told(
    ledger: PlainTextLedger, file: Path, dialect: Dialect
) -> None:
    """Gone is drift; twice is what only a look at the whole file can tell."""
    text = file.read_text(encoding="utf-8")
    first, second = text.rstrip("\n").split("\n\n")[-2:]
    file.write_text(text.replace(first, "") + "\n" + second + "\n", encoding="utf-8")
    assert set(ledger.find([sale(1).key, sale(2).key])) == {sale(2).key}
    assert [(finding.check, finding.message) for finding in ledger.verify()] == [
        ("key_twice", f"{sale(2).key} stands in books{dialect.suffix} 2 times")
    ]


def test_a_month_is_closed_and_opened_by_a_line(ledger: PlainTextLedger, file: Path) -> None:
    """The line is read where it stands, and closes what is posted from then on."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write("; retail-sync closed 2026-10\n; retail-sync closed 2026-11\n")
    assert ledger.first_open_date(OCTOBER_14) == date(2026, 12, 1)
    file.write_text(file.read_text(encoding="utf-8").replace("closed 2026-10", "opened 2026-10"), encoding="utf-8")
    assert ledger.first_open_date(OCTOBER_14) == OCTOBER_14


def test_a_write_that_fails_books_nothing(ledger: PlainTextLedger, file: Path) -> None:
    """The answer is "uncertain", and looking the key up tells that nothing was booked; a next try books it."""
    before = file.read_bytes()
    in_the_way = file.with_name(file.name + ".new")
    in_the_way.mkdir()
    with pytest.raises(LedgerUncertain):
        ledger.post(sale(3), token(sale(3)))
    assert ledger.find([sale(3).key]) == {}
    assert file.read_bytes() == before
    in_the_way.rmdir()
    in_the_way.write_text("half an ent")  # what a killed process leaves
    ledger.post(sale(3), token(sale(3)))
    assert ledger.find([sale(3).key])[sale(3).key].entry == sale(3)


def test_writers_take_turns(dialect: Dialect, tmp_path: Path) -> None:
    """Two runs at once: each entry stands there once, whoever wrote it."""
    path = tmp_path / "books"
    entries = [sale(number) for number in range(40)]

    def write(seed: int) -> None:
        mine = random.Random(seed).sample(entries, len(entries))
        ledger = PlainTextLedger(dialect, path, CHART)
        for start in range(0, len(mine), 4):
            ledger.post_many([(entry, token(entry)) for entry in mine[start : start + 4]])

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ledger = PlainTextLedger(dialect, path, CHART)
    found = ledger.find([entry.key for entry in entries])
    assert [posted.entry for posted in found.values()] == entries
    assert list(ledger.verify()) == []


def test_a_code_that_is_no_account_name_is_refused_at_once(dialect: Dialect, tmp_path: Path) -> None:
    """An account written in another way than it is called would be two accounts to the tools."""
    with pytest.raises(SettingsError, match="12 34"):
        PlainTextLedger(dialect, tmp_path / "books", [Account("12 34", "Odd", "asset", "debit")])


def _bean_check(path: Path) -> None:
    subprocess.run([_program("bean-check", "RETAIL_SYNC_TEST_BEAN_CHECK"), "--no-cache", path], check=True)


def _hledger_check(path: Path) -> None:
    hledger = _program("hledger", "RETAIL_SYNC_TEST_HLEDGER")
    subprocess.run([hledger, "-f", path, "check", "accounts", "commodities", "--strict"], check=True)
    shown = subprocess.run([hledger, "-f", path, "balance", "-N", "--flat"], check=True, capture_output=True, text=True)
    assert "1120" in shown.stdout


def _program(name: str, variable: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if found is None:
        reason = f"no {name} on this machine: {variable} may name it"
        if os.environ.get("RETAIL_SYNC_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


CHECKS: dict[str, Callable[[Path], None]] = {"beancount": _bean_check, "hledger": _hledger_check}


def year_of_entries(seed: int = 7, count: int = 400) -> list[Entry]:
    """Settlements in five currencies at rates of six digits, some taken back, some revalued."""
    draw = random.Random(seed)
    entries: list[Entry] = []
    for number in range(count):
        currency = draw.choice(["USD", "CAD", "JPY", "KWD", "EUR"])
        home = draw.choice(["USD", "JPY"]) if currency == "EUR" else "USD"
        gross, fee = draw.randint(100, 10**7), draw.randint(1, 99)
        rate = f"{draw.uniform(0.01, 150):.6f}" if currency != home else "1"
        homes = [-round(gross * float(rate)) or -1, round(fee * float(rate))]
        homes.append(-sum(homes))
        shared = {"transaction_currency": currency, "home_currency": home, "rate": rate}
        lines = (
            leg("4000", homes[0], transaction_minor=-gross, channel="amazon_ca", **shared),
            leg("6000", homes[1], transaction_minor=fee, memo='quotes " and ; | 日本', **shared),
            leg("1120", homes[2], transaction_minor=gross - fee, role="payout", **shared),
        )
        on = date(2026, 1, 1) + timedelta(days=draw.randrange(365))
        entry = Entry(f"amazon:settlement:{number}#1", on, f"Settlement {number}; naïve | 日本", lines)
        entries.append(entry)
        if number % 10 == 0:
            entries.append(reversal(entry, on))
        if number % 10 == 5:
            revalued = (leg("1120", 5, transaction_minor=0, **shared), leg("6000", -5, transaction_minor=0, **shared))
            entries.append(Entry(f"revaluation:{number}#1", on, "Revaluation", revalued))
    return entries


@pytest.mark.services
def test_the_tools_agree_with_the_file(dialect: Dialect, tmp_path: Path) -> None:
    """A second opinion on 480 entries, written in batches: every account and currency is declared, every entry balances."""
    path = tmp_path / f"year{dialect.suffix}"
    ledger = PlainTextLedger(dialect, path, CHART)
    entries = year_of_entries()
    for start in range(0, len(entries), 100):
        answers = ledger.post_many([(entry, token(entry)) for entry in entries[start : start + 100]])
        assert list(answers.values()) == list(answers)
    CHECKS[dialect.name](path)
    again = PlainTextLedger(dialect, path, CHART)
    assert [posted.entry for posted in again.find([entry.key for entry in entries]).values()] == entries


@pytest.mark.services
def test_the_tools_see_an_entry_that_does_not_balance(dialect: Dialect, tmp_path: Path) -> None:
    """A check that never fails proves nothing."""
    path = tmp_path / f"year{dialect.suffix}"
    ledger = PlainTextLedger(dialect, path, CHART)
    ledger.post(sale(1), token(sale(1)))
    CHECKS[dialect.name](path)
    path.write_text(path.read_text(encoding="utf-8").replace("90.00 USD", "90.01 USD"), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        CHECKS[dialect.name](path)


@pytest.mark.services
def test_hledger_finds_both_currencies_in_balance(tmp_path: Path) -> None:
    """The foreign side balances by itself and the home side by the prices, as in the ledger we ship."""
    path = tmp_path / "year.journal"
    ledger = PlainTextLedger(Hledger(), path, CHART)
    lines = tuple(
        replace(leg(code, minor), transaction_minor=foreign, transaction_currency="CAD", rate="0.73")
        for code, minor, foreign in (("4000", -7_300, -10_000), ("6000", 730, 1_000), ("1120", 6_570, 9_000))
    )
    entry = replace(sale(1), lines=lines)
    ledger.post(entry, token(entry))
    hledger = [_program("hledger", "RETAIL_SYNC_TEST_HLEDGER"), "-f", str(path), "balance", "--flat", "-O", "csv"]
    foreign = subprocess.run([*hledger, "1120"], check=True, capture_output=True, text=True).stdout
    home = subprocess.run([*hledger, "--cost", "1120"], check=True, capture_output=True, text=True).stdout
    assert '"90.00 CAD"' in foreign
    assert '"65.70 USD"' in home
