"""The settings file: what a person mistypes is said in words before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.settings import Home, load_settings


def written(folder: Path, text: str) -> Path:
    """A settings file with this text."""
    path = folder / "retail_sync.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["50,000.00", "50000,00", "1e5", "NaN", "-1", "50 000", "50000.00 EUR", "٥٠"])
def test_a_limit_that_is_no_amount_is_refused_in_words(tmp_path: Path, text: str) -> None:
    """Found at posting it would be a traceback, with the entries already released."""
    with pytest.raises(SettingsError, match=r'ledger\.approval_above: .*write it like "50000\.00"'):
        load_settings(written(tmp_path, f'[ledger]\napproval_above = "{text}"\n'))


@pytest.mark.parametrize("text", ["", "50000", "50000.00", "0"])
def test_a_limit_is_plain_decimal_text(tmp_path: Path, text: str) -> None:
    """What is refused above is the writing, not the limit."""
    settings = load_settings(written(tmp_path, f'[ledger]\napproval_above = "{text}"\n'))
    assert settings.ledger.approval_above == text


def test_the_environment_says_how_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that other work needs gives one thread to a run without anybody editing the home's settings."""
    written(tmp_path, "[warehouse]\nthreads = 4\n")
    monkeypatch.delenv("RETAIL_SYNC_THREADS", raising=False)
    assert Home(tmp_path).threads == 4
    monkeypatch.setenv("RETAIL_SYNC_THREADS", "1")
    assert Home(tmp_path).threads == 1


@pytest.mark.parametrize("text", ["0", "257", "-1", "two", "1.5", "²"])
def test_no_number_of_threads_is_refused_in_words(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB would say it with a traceback, after the run has begun."""
    monkeypatch.setenv("RETAIL_SYNC_THREADS", text)
    with pytest.raises(SettingsError, match="RETAIL_SYNC_THREADS"):
        _ = Home(tmp_path).threads


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('adapter = "quickbooks"', r"needs \[ledger.quickbooks\] realm_id"),
        ('adapter = "xero"', r"needs \[ledger.xero\] tenant_id"),
        ('adapter = "quickbooks"\nstock = "journal"\n[ledger.quickbooks]\nrealm_id = "1"', "the embedded one does"),
        ('[ledger.xero]\nbase_url = "http://api.xero.com"', "credentials travel over https only"),
        ('[ledger.xero]\ntoken_url = "http://localhost.example.com/x"', "credentials travel over https only"),
        ('[ledger.quickbooks]\nrealm_id = "91 30"', "realm_id"),
        ('[ledger.quickbooks]\nclient_secret = "x"', "client_secret"),
    ],
)
def test_a_ledger_that_cannot_work_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    """Found when posting, the entries would be released already; a secret in the file would be in every backup."""
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, f"[ledger]\n{text}\n"))


def test_a_ledger_of_somebody_else_is_chosen_by_name(tmp_path: Path) -> None:
    """And its tracking categories are the two that a line can have."""
    text = '[ledger]\nadapter = "xero"\ndeposits = "bank_feed"\n[ledger.xero]\ntenant_id = "t"\nchannel_category = "Channel"\n'
    xero = load_settings(written(tmp_path, text)).ledger.xero
    assert (xero.channel_category, xero.location_category) == ("Channel", "")
    assert xero.base_url == "https://api.xero.com/api.xro/2.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('drop = "file://srv/statements"', r"source bank: drop: write it like .*file:///folder"),
        ('drop = "sftp://me:hunter2@bank.example/out"', r"source bank: drop: write it like sftp://user@host/folder"),
        ('start_date = "01.10.2026"', "source bank: start_date: it is no day; write it like 2026-10-01"),
        ('url = "https://bank.example"', "source bank: url: there is no such setting here"),
        ('password = "hunter2"', "source bank: password: secrets stand in the environment only"),
    ],
)
def test_a_wrong_line_of_a_source_is_told_in_words(tmp_path: Path, text: str, said: str) -> None:
    """By the source's name and with the right way to write it: no pattern, no number of a block, no secret."""
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings(written(tmp_path, f'[[source]]\nname = "bank"\nconnector = "camt053"\n{text}\n'))
    assert not any(word in str(caught.value) for word in ("hunter2", "pattern", "Extra inputs", "^("))
