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
