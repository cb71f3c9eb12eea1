"""Governed files: read whole or refused whole, with the line and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import HEADERS, read_rules

_HEADER = ",".join(HEADERS["bank_payers"])
_RULE = "amazon,AMZN%,finance,controller"


def write(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """Write the rule file `bank_payers` with these lines."""
    path = folder / "bank_payers.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_rows_are_read_as_text_with_the_version_of_the_file(tmp_path: Path) -> None:
    """Every entry names the version of the rules it was made with: the hash must follow the content, byte for byte."""
    write(tmp_path, _HEADER, _RULE, "")
    first = read_rules(tmp_path, "bank_payers")
    write(tmp_path, _HEADER, _RULE.replace("AMZN", "AMAZON"), "")
    second = read_rules(tmp_path, "bank_payers")
    assert first.rows == (
        {"channel": "amazon", "pattern": "AMZN%", "prepared_by": "finance", "approved_by": "controller"},
    )
    assert first.hash != second.hash


def test_a_byte_order_mark_from_excel_is_no_error(tmp_path: Path) -> None:
    """Finance edits rules in Excel, which puts a mark in front of the first column's name."""
    write(tmp_path, _HEADER, _RULE, encoding="utf-8-sig")
    assert len(read_rules(tmp_path, "bank_payers").rows) == 1


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("TRUE", "FALSE"), ("True", "False"), (" true ", " false")])
def test_a_flag_is_read_however_excel_writes_it(tmp_path: Path, yes: str, no: str) -> None:
    """Saved from Excel every account of the chart says TRUE: read as inactive, they would hold every entry."""
    line = f"1000,Bank,asset,debit,{yes},{no}\n2000,Old bank,asset,debit,{no},{yes}\n"
    (tmp_path / "chart_of_accounts.csv").write_text(f"{','.join(HEADERS['chart_of_accounts'])}\n{line}")
    assert [row["is_active"] for row in read_rules(tmp_path, "chart_of_accounts").rows] == ["true", "false"]


def test_a_flag_that_is_neither_is_refused_with_its_line(tmp_path: Path) -> None:
    """`yes` read as "not true" would close an account that nobody closed."""
    lines = "1000,Bank,asset,debit,true,false\n1010,Transit,asset,debit,yes,true\n"
    (tmp_path / "chart_of_accounts.csv").write_text(f"{','.join(HEADERS['chart_of_accounts'])}\n{lines}")
    with pytest.raises(RulesError, match="line 3: is_active 'yes' is neither true nor false"):
        read_rules(tmp_path, "chart_of_accounts")


BAD = {
    "other_columns": ((_HEADER.replace("pattern", "payer"), _RULE), "must have the columns"),
    "empty": ((), "must have the columns"),
    "cell_missing": ((_HEADER, "amazon,AMZN%,finance"), "line 2: wrong number of cells"),
    "cell_too_many": ((_HEADER, _RULE, f"{_RULE},x"), "line 3: wrong number of cells"),
    "same_person": ((_HEADER, "amazon,AMZN%,finance,finance"), "line 2: finance prepared and approved"),
    "nobody_approved": ((_HEADER, "amazon,AMZN%,finance,"), "line 2: .*approved"),
    "nobody_prepared": ((_HEADER, "amazon,AMZN%,,controller"), "line 2: .*prepared"),
    "open_quote": ((_HEADER, '"amazon,AMZN%,finance,controller'), "bank_payers.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_broken_rule_file_is_refused_as_a_whole(tmp_path: Path, case: str) -> None:
    """Half a rule file would book half the lines under other rules than anybody approved."""
    lines, words = BAD[case]
    write(tmp_path, *lines)
    with pytest.raises(RulesError, match=words) as caught:
        read_rules(tmp_path, "bank_payers")
    assert caught.value.remedy


def test_a_rule_file_in_another_encoding_is_refused_in_words(tmp_path: Path) -> None:
    """Saved as Latin-1 by a spreadsheet: an error a person can act on, not a traceback."""
    write(tmp_path, _HEADER, "amazon,BÜRO%,finance,controller", encoding="latin-1")
    with pytest.raises(RulesError, match="UTF-8"):
        read_rules(tmp_path, "bank_payers")


def test_a_missing_rule_file_is_named(tmp_path: Path) -> None:
    """Without the file there are no rules, which is not the same as an empty set of rules."""
    with pytest.raises(RulesError, match=r"bank_payers\.csv cannot be read"):
        read_rules(tmp_path, "bank_payers")


def test_a_file_of_the_home_takes_the_place_of_the_projects(tmp_path: Path) -> None:
    """As a whole; a file that the home does not have is the project's, so that it follows the project's new rules."""
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder in (own, shipped):
        folder.mkdir()
        write(folder, _HEADER, f"{folder.name},AMZN%,finance,controller")
    (shipped / "safety_stock.csv").write_text(f"{','.join(HEADERS['safety_stock'])}\n*,*,2,operations,controller\n")
    assert [row["channel"] for row in read_rules((own, shipped), "bank_payers").rows] == ["own"]
    assert [row["quantity"] for row in read_rules((own, shipped), "safety_stock").rows] == ["2"]


def test_a_slip_in_the_name_of_a_homes_file_is_refused(tmp_path: Path) -> None:
    """The project's rules would hold instead, and nobody would know. Where the right one is there, a copy beside it is none."""
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder in (own, shipped):
        folder.mkdir()
    write(shipped, _HEADER, _RULE)
    write(own, _HEADER, _RULE).rename(own / "bank_payer.csv")
    with pytest.raises(RulesError, match=r"no bank_payers\.csv, and bank_payer\.csv is no governed file"):
        read_rules((own, shipped), "bank_payers")
    write(own, _HEADER, _RULE)
    assert len(read_rules((own, shipped), "bank_payers").rows) == 1
