"""Statements in the formats that banks have: the same entries from each, proved by their balances, or nothing and a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.connectors.proposal import propose
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home, Source
from retail_sync_tests import simulator
from retail_sync_tests.connectors.conftest import Look
from retail_sync_tests.connectors.loading_bench import LoadBench, row, settlement
from retail_sync_tests.connectors.statements import (
    ACCOUNT,
    BALANCES,
    ENTRIES,
    MT940,
    OFX1,
    REFERENCES,
    SAMPLES,
    balance,
    camt,
    entry,
)


def bank(connector: str) -> Source:
    """A source that reads this format."""
    return Source(name="bank", connector=connector)


def refusal(bench: LoadBench, connector: str, content: bytes) -> str:
    """Deliver what must be refused, and return why."""
    outcome = bench.deliver(content, bank(connector))
    assert (outcome.status, bench.bank(outcome, "amount")) == ("refused", [])
    return outcome.reason


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_format_tells_the_same_entries(bench: LoadBench, sample: str) -> None:
    """Days, signs, amounts, account and what the payer wrote; what is pending is no entry."""
    connector, content = SAMPLES[sample]
    outcome = bench.deliver(content, bank(connector))
    assert outcome.reason == ""
    assert bench.rejected(outcome) == []
    assert bench.bank(outcome, "value_date", "amount") == ENTRIES
    assert set(bench.bank(outcome, "account", "currency")) == {(ACCOUNT, "EUR")}
    references = [text for (text,) in bench.bank(outcome, "reference")]
    assert all(found in text for found, text in zip(REFERENCES, references, strict=True)), references
    assert "AMAZON" in references[0]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_statement_that_comes_again_adds_nothing(bench: LoadBench, sample: str) -> None:
    """A statement of the month after those of its days: an entry is known by the bank's id, day and amount, or its content."""
    connector, content = SAMPLES[sample]
    earlier = bench.deliver(content, bank(connector))
    first = bench.bank(earlier, "transaction_id")
    again = bench.deliver(content + (b"\n" if connector != "ofx" else b"\r\n"), bank(connector))
    assert bench.bank(again, "transaction_id") == first
    assert bench.bank(earlier, "transaction_id") == []


@pytest.mark.long
@pytest.mark.parametrize("sample", ["ofx sgml", "ofx xml", "mt940", "camt.053.001.08"])
def test_a_file_cut_anywhere_gives_no_wrong_row(look: Look, sample: str) -> None:
    """A download that stopped at any byte is refused, or all its entries are there."""
    connector, content = SAMPLES[sample]
    whole = look(connector, content)
    assert len(whole) == len(ENTRIES)
    wrong = [
        n for n in range(len(content)) if not isinstance(found := look(connector, content[:n]), str) and found != whole
    ]
    assert wrong == []


@pytest.mark.parametrize("sample", ["mt940", "mt940 in its envelope", "camt.053.001.02", "camt.053.001.08"])
def test_an_entry_lost_doubled_or_turned_round_is_noticed(bench: LoadBench, sample: str) -> None:
    """Every line stays readable then: only the balances tell."""
    connector, content = SAMPLES[sample]
    if connector == "mt940":
        fee = content[content.index(b":61:260915") : content.index(b":61:260916")]
        turned = fee.replace(b"D14,5", b"C14,5")
    else:
        fee = content[content.index(b"<Ntry><Amt Ccy='EUR'>14.50") : content.index(b"<Ntry><Amt Ccy='EUR'>5.25")]
        turned = fee.replace(b"DBIT", b"CRDT")
    for damaged in (b"", fee + fee, turned, fee.replace(b"14", b"41")):
        assert "does not foot" in refusal(bench, connector, content.replace(fee, damaged))


def test_without_a_balance_nothing_proves_the_entries(bench: LoadBench) -> None:
    """A statement must say both; a balance with its credit line, or one that is available only, is none."""
    lone = balance("CLBD", "1084.75", "2026-09-16")
    assert "no opening balance" in refusal(bench, "camt053", camt("02", balances=lone))
    assert "no closing balance" in refusal(
        bench, "camt053", camt("02", balances=balance("OPBD", "1000.00", "2026-09-13"))
    )
    assert "no closing balance" in refusal(bench, "mt940", MT940.replace(b":62F:C260916EUR1084,75\n", b""))
    line = balance("OPBD", "6000.00", "2026-09-13").replace("<Amt", "<CdtLine><Incl>true</Incl></CdtLine><Amt")
    outcome = bench.deliver(camt("02", balances=line + BALANCES), bank("camt053"))
    assert bench.bank(outcome, "value_date", "amount") == ENTRIES


def test_pages_of_a_statement_foot_each_for_itself(bench: LoadBench) -> None:
    """Interim balances carry from page to page."""
    first = balance("OPBD", "10.00", "2026-09-13") + balance("ITBD", "12.00", "2026-09-14")
    middle = balance("ITBD", "12.00", "2026-09-14") + balance("ITBD", "15.00", "2026-09-14")
    pages = [
        camt("02", entry("2.00", "CRDT", "2026-09-14"), first),
        camt("02", entry("3.00", "CRDT", "2026-09-14"), middle),
        MT940.replace(b":60F:", b":60M:").replace(b":62F:", b":62M:"),
    ]
    outcomes = [
        bench.deliver(page, bank(name)) for page, name in zip(pages, ("camt053", "camt053", "mt940"), strict=True)
    ]
    assert [len(bench.bank(outcome, "amount")) for outcome in outcomes] == [1, 1, 4]


def test_a_batch_is_one_entry_with_the_texts_of_all_its_payments(bench: LoadBench) -> None:
    """The account moved once; what is too long for a text ends in [...]."""
    detail = "<TxDtls><RmtInf><Ustrd>invoice {:04}, which was due long ago and is paid now</Ustrd></RmtInf></TxDtls>"
    batch = "<NtryDtls>" + "".join(detail.format(n) for n in range(60)) + "</NtryDtls>"
    content = camt("08", entry("84.75", "CRDT", "2026-09-16", batch, "<Sts><Cd>BOOK</Cd></Sts>"))
    ((amount, reference),) = bench.bank(bench.deliver(content, bank("camt053")), "amount", "reference")
    assert amount == Decimal("84.75")
    assert reference.startswith("invoice 0000, which")
    assert (len(reference), reference[-5:]) == (1000, "[...]")


def test_an_id_that_the_bank_uses_again_hides_no_entry(bench: LoadBench) -> None:
    """One number for two entries, in one file or in two: all are there. Equal to the last letter, they are numbered."""
    both = OFX1.replace(b"<FITID>B3", b"<FITID>B2").replace(b"<FITID>B4", b"<FITID>B2")
    fee = both[both.index(b"<STMTTRN><TRNTYPE>FEE") : both.index(b"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260916")]
    twice = both.replace(b"</BANKTRANLIST>", fee + b"</BANKTRANLIST>")
    rows = bench.bank(bench.deliver(twice, bank("ofx")), "transaction_id", "amount")
    assert [name for name, _ in rows] == [
        "B1 2026-09-14 100.0000", "B2 2026-09-15 -14.5000", "B2 2026-09-16 5.2500", "B2 2026-09-16 -6.0000",
        "B2 2026-09-15 -14.5000 #2",
    ]  # fmt: skip


def test_an_entry_that_cannot_be_told_in_the_account_currency_is_rejected(bench: LoadBench) -> None:
    """And one that corrects an earlier one: each with its place, the others load."""
    content = OFX1.replace(b"<FITID>B2", b"<FITID>B2<CORRECTFITID>A9<CORRECTACTION>DELETE").replace(
        b"RETURNED DEBIT", b"RETURNED DEBIT<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY>"
    )
    outcome = bench.deliver(content.replace(b"-6.00", b"-6.005"), bank("ofx"))
    assert bench.bank(outcome, "amount") == [(Decimal("100.00"),)]
    assert [(line, column, value) for line, column, value, _ in bench.rejected(outcome)] == [
        (2, "transaction_id", "A9"),
        (3, "currency", "USD"),
        (4, "amount", "-6.005"),
    ]


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "the bank answered with an error": ("ofx", OFX1.replace(b"<CODE>0", b"<CODE>15500"), "error 15500"),
    "an element that is not closed": ("ofx", OFX1.replace(b"<NAME>ACCOUNT FEE", b"<MEMO>"), "damaged"),
    "no OFX at all": ("ofx", MT940, "no OFX"),
    "no MT940 at all": ("mt940", b"Date,Amount\n2026-09-14,1\n", "no MT940"),
    "a statement whose beginning is lost": ("mt940", MT940 + MT940.removeprefix(b":20:STARTUMSE\n"), "more fields :25:"),
    "a day that there is not": ("mt940", MT940.replace(b":61:2609140914", b":61:2609310931"), "cannot be read"),
    "an older version": ("camt053", camt("02").replace(b"001.02", b"001.01"), "no camt.053"),
    "an account report": ("camt053", camt("02").replace(b"camt.053", b"camt.052"), "no camt.053"),
    "a status of the bank's own": ("camt053", camt("02").replace(b"<Sts>BOOK", b"<Sts>XYZ"), "'XYZ'"),
    "an amount without a sign": ("camt053", camt("02").replace(b"DBIT", b"BOTH"), "no amount with a sign"),
    "an entry in another currency": ("camt053", camt("02").replace(b"'EUR'>5.25", b"'USD'>5.25"), "is in USD"),
    "two closings of one day": (
        "camt053", camt("02", balances=BALANCES + balance("CLBD", "1.00", "2026-09-16")), "different balances CLBD"),
    "an entity bomb": (
        "camt053",
        camt("02").replace(b"<Document", b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Document'),
        "declares a document type",
    ),
    "an external entity": (
        "camt053", camt("02").replace(b"<Document", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Document'), "document type"),
    "elements without end": ("camt053", camt("02").replace(b"<Stmt>", b"<Stmt>" + b"<a>" * 100), "nested"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trusted_is_refused_in_words(bench: LoadBench, case: str) -> None:
    """As a whole: nothing of it is loaded."""
    connector, content, words = REFUSED[case]
    assert words in refusal(bench, connector, content)


@pytest.mark.parametrize("sample", SAMPLES)
def test_sources_try_knows_the_format(tmp_path: Path, sample: str) -> None:
    """No column has to be declared."""
    connector, content = SAMPLES[sample]
    path = tmp_path / "statement.dat"
    path.write_bytes(content)
    proposal = propose(path)
    assert f'connector = "{connector}"' in proposal.toml
    assert 'name = "bank"' in proposal.toml


def test_a_later_statement_of_the_same_name_makes_no_refused_one_good(pipeline: Pipeline) -> None:
    """Banks call every month's file alike: September's stays open though October's came."""
    settings = pipeline.home.root / "retail_sync.toml"
    settings.write_text('[[source]]\nname = "bank"\nconnector = "mt940"\n')
    pipeline = Pipeline(type(pipeline.home)(pipeline.home.root), "test")
    file = pipeline.home.root / "account.sta"
    for content in (MT940.replace(b"D14,5", b"D15,5"), MT940):
        file.write_bytes(content)
        pipeline.ingest([str(file)], "bank")
    pipeline.load()
    (problem,) = pipeline.exceptions.open()
    assert problem.code == "delivery_refused"
    assert "does not foot" in problem.message


@pytest.mark.long
@pytest.mark.parametrize("sample", ["ofx sgml", "mt940", "camt.053.001.08"])
def test_a_deposit_meets_its_settlement(make_home: Callable[..., Home], sample: str) -> None:
    """The reference names the settlement and the payer, as an export as CSV does."""
    connector, content = SAMPLES[sample]
    bank_block = f'[[source]]\nname = "bank"\nconnector = "{connector}"\n'
    home = make_home(settings=f'[[source]]\nname = "amazon"\nconnector = "amazon_settlement"\n{bank_block}')
    paid = settlement(row("100.00"), settlement_id="31000001", deposit_at=datetime(2026, 9, 14, tzinfo=UTC),
                      start_at=datetime(2026, 8, 28, tzinfo=UTC), end_at=datetime(2026, 9, 11, tzinfo=UTC))  # fmt: skip
    (home.root / "settlement.txt").write_bytes(simulator.write_v2(paid))
    (home.root / "statement").write_bytes(content)
    pipeline = Pipeline(home, "test")
    pipeline.ingest([str(home.root / "settlement.txt")], "amazon")
    pipeline.ingest([str(home.root / "statement")], "bank")
    pipeline.load()
    pipeline.reconcile()
    with pipeline.writing("look") as connection:
        found = connection.execute("select settlement_id, status from reconcile.settlement_totals").fetchall()
    assert found == [("31000001", "matched")]
