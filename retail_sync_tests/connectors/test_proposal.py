"""`sources try`: a block proposed for a file nobody has declared yet, with what the file does not tell said in words."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retail_sync.cli import app
from retail_sync.connectors.declared_csv import complaint
from retail_sync.connectors.proposal import Proposal, propose
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.settings import PROJECT_ROOT, Settings

TILL = (
    "Filiale;Bon-Nr;Datum;Uhrzeit;Artikelnr;Bezeichnung;Menge;Betrag;MwSt-Satz;MwSt;Vorgang\n"
    "F01;1001;16.09.2026;10:15;A-1;Tasse grün;1;11,90;19;1,90;Verkauf\n"
    "F01;1001;16.09.2026;10:15;A-2;Brot;0,333;2,14;7;0,14;Verkauf\n"
    "F02;77;17.09.2026;11:00;A-1;Tasse grün;-1;-11,90;19;-1,90;Retoure\n"
)


@pytest.fixture
def proposed(tmp_path: Path) -> Any:
    """Propose a block for a text, written as a file."""

    def propose_for(text: str, encoding: str = "utf-8", wanted: str = "") -> Proposal:
        file = tmp_path / "sample.csv"
        file.write_bytes(text.encode(encoding))
        return propose(file, wanted)

    return propose_for


def block(proposal: Proposal) -> dict[str, Any]:
    """The block as its TOML says it; it must be one that the settings take."""
    content = tomllib.loads(proposal.toml)
    Settings.model_validate(content)
    (source,) = content["source"]
    return source


def told(proposal: Proposal) -> str:
    """All that could not be told."""
    return "\n".join(proposal.untold)


def test_a_german_till_export(proposed: Any) -> None:
    """Semicolons, decimal commas, days and times in two columns, tax inside the price, the till's own words."""
    found = proposed(TILL)
    source = block(found)
    assert (found.object, source["delimiter"], source["date_format"]) == ("pos_sales", ";", "%d.%m.%Y %H:%M")
    columns = source["columns"]
    assert columns["sold_at"] == "[Datum] [Uhrzeit]"
    assert (columns["store"], columns["receipt_id"], columns["sku"]) == ("Filiale", "Bon-Nr", "Artikelnr")
    assert columns["kind"] == {"from": "Vorgang", "values": {"Verkauf": "sale", "Retoure": "return"}}
    assert (columns["gross_amount"], columns["tax_amount"]) == ("Betrag", "MwSt")
    assert columns["currency"] == "=TODO XXX"
    assert "currency: no column says it" in told(found)
    assert "includes tax" not in told(found)
    assert (found.trial.accepted_count, found.trial.rejected_count) == (3, 0)
    first = dict(zip(found.trial.header, found.trial.rows[0], strict=True))
    assert [str(first[name]) for name in ("gross_amount", "tax_amount", "net_amount")] == [
        "11.9000",
        "1.9000",
        "10.0000",
    ]


def test_numbers_that_start_again_get_their_day(proposed: Any) -> None:
    """Till 1 begins each day with 0001: the number alone would let the second day displace the first."""
    lines = "Store,Till,Receipt,Date,Time,Qty,Total,Tax\n" + "".join(
        f"A,{till},{number},2026-09-{day},10:{number[2:]},1,11.90,1.90\n"
        for day in (16, 17) for till in (1, 2) for number in ("0001", "0002")
    )  # fmt: skip
    found = proposed(lines)
    assert block(found)["columns"]["receipt_id"] == "[Date]-[Receipt]"
    assert "4 of 4 occur on more than one day (0001 on 2026-09-16 and 2026-09-17)" in told(found)
    rows = [dict(zip(found.trial.header, row, strict=True)) for row in found.trial.rows]
    assert [row["receipt_id"] for row in rows][:2] == ["2026-09-16-0001", "2026-09-16-0002"]
    assert (found.trial.accepted_count, found.trial.rejected_count) == (8, 0)


def test_numbers_that_start_again_are_told_where_no_column_has_the_day(proposed: Any) -> None:
    """One column has day and time together, which may differ from line to line of a receipt: a person decides."""
    lines = "Store,Receipt,Tender,Time,Amount\nA,1,cash,2026-09-16 10:00,5.00\nA,1,cash,2026-09-17 10:00,5.00\n"
    found = proposed(lines, wanted="pos_tenders")
    assert block(found)["columns"]["receipt_id"] == "Receipt"
    assert 'receipt_id = "[Date]-[Receipt]"' in told(found)


def test_a_number_used_by_two_tills_does_not_start_again(proposed: Any) -> None:
    """Each till counts for itself; across midnight of one receipt nothing else is known."""
    lines = "Store,Till,Receipt,Date,Qty,Total,Tax\nA,1,1,2026-09-16,1,11.90,1.90\nA,2,1,2026-09-17,1,11.90,1.90\n"
    found = proposed(lines)
    assert block(found)["columns"]["receipt_id"] == "Receipt"
    assert "start again" not in told(found)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_other_encodings(proposed: Any, encoding: str) -> None:
    """A Windows file is read with its umlauts and told of; UTF-16 is declared."""
    found = proposed(TILL, encoding)
    assert found.trial.accepted_count == 3
    assert "Tasse grün" in str(found.trial.rows)
    assert block(found).get("encoding", "auto") == ("utf-16" if encoding == "utf-16" else "auto")
    assert ("cp1252" in told(found)) == (encoding == "cp1252")


def test_prices_without_tax_are_told_by_the_figures(proposed: Any) -> None:
    """10.00 with 1.90 tax at 19 percent: the tax came on top. Rate and tax decide, not the header."""
    lines = "Store,Receipt,Date,Qty,Total,Tax Rate,Tax\nA,1,2026-09-16,1,10.00,19,1.90\nA,2,2026-09-16,1,20.00,7,1.40\n"
    columns = block(proposed(lines))["columns"]
    assert (columns["net_amount"], columns["tax_amount"]) == ("Total", "Tax")
    assert "gross_amount" not in columns


def test_a_rate_alone_is_a_fraction(proposed: Any) -> None:
    """19 and 19 % are 0.19; whether the price includes it is a guess and said to be one."""
    for cell, written in (("19", "[VAT rate] * 0.01"), ("19 %", {"from": "VAT rate", "values": {"19 %": "0.19"}})):
        found = proposed(f"Store,Receipt,Date,Qty,Total,VAT rate\nA,1,2026-09-16,1,11.90,{cell}\n")
        assert block(found)["columns"]["tax_rate"] == written
        assert "whether 'Total' includes tax" in told(found)
        assert "1.9000" in str([str(value) for value in found.trial.rows[0]])


@pytest.mark.parametrize(
    ("days", "date_format", "is_told"),
    [
        (("03/04/2026", "05/04/2026"), "%d/%m/%Y", False),
        (("03/04/2026", "25/04/2026"), "%d/%m/%Y", True),
        (("04/03/2026", "04/25/2026"), "%m/%d/%Y", True),
        (("2026-04-03", "2026-04-25"), "%Y-%m-%d", True),
    ],
)
def test_day_and_month_are_decided_from_all_values(
    proposed: Any, days: tuple[str, ...], date_format: str, is_told: bool
) -> None:
    """One value above 12 decides; without one both orders are named."""
    found = proposed("Date,Account,Amount,Currency,Description\n" + "".join(f"{d},DE1,-1.50,EUR,Fee\n" for d in days))
    assert found.object == "bank_transactions"
    assert block(found)["date_format"] == date_format
    assert ("order of day and month" not in told(found)) == is_told
    assert ("%m/%d/%Y" in found.toml) == (not is_told or date_format == "%m/%d/%Y")


def test_a_stock_list(proposed: Any) -> None:
    """Tabs, German headers, a currency column."""
    found = proposed("Stichtag\tLager\tArtikelnr\tBestand\tEK-Preis\tWährung\n2026-09-30\tL1\tA-1\t5\t1.25\tEUR\n")
    source = block(found)
    assert (found.object, source["delimiter"], found.trial.accepted_count) == ("stock_snapshots", "\t", 1)
    assert source["columns"]["quantity_on_hand"] == "Bestand"


def test_a_gift_card_report(proposed: Any) -> None:
    """Its words are translated; the card's number goes into the hash and is not among the rows shown."""
    lines = (
        "Date,Gift Card Number,Type,Amount,Currency\n"
        "2026-10-20,6006491277001234,Issued,25.00,USD\n"
        "2026-12-31,6006491277005678,Expired,40.00,USD\n"
    )
    found = proposed(lines)
    assert found.object == "gift_card_events"
    columns = block(found)["columns"]
    assert (columns["gift_card_number"], columns["occurred_at"]) == ("Gift Card Number", "Date")
    assert columns["amount"] == {"from": "Amount", "negate": ["expired"]}
    assert columns["kind"] == {"from": "Type", "values": {"Issued": "issued", "Expired": "expired"}}
    assert "6006491277" not in str(found.trial.rows)


def test_a_list_of_vouchers(proposed: Any) -> None:
    """Its day is no point in time; categories are the posting rules' own words, so none is translated."""
    lines = (
        "Voucher No,Posting Date,Category,Amount,Currency,Memo\n"
        "T-10,2026-10-15,tips_paid,120.00,USD,Tips\n"
        "T-10,2026-10-15,payroll_clearing,-120.00,USD,Tips\n"
    )
    found = proposed(lines)
    source = block(found)
    assert (found.object, source["date_format"]) == ("vouchers", "%Y-%m-%d")
    assert source["columns"] == {
        "voucher_id": "Voucher No", "business_date": "Posting Date", "category": "Category", "amount": "Amount",
        "currency": "Currency", "memo": "Memo",
    }  # fmt: skip
    assert "time zone" not in told(found)
    assert (found.trial.accepted_count, found.trial.rejected_count) == (2, 0)


def test_a_report_of_deferred_transactions(proposed: Any) -> None:
    """Which marketplace it is no column says; of its two days the snapshot's is named so."""
    lines = (
        "Snapshot date,Transaction ID,Transaction date,Order ID,Category,Amount,Currency\n"
        "2026-11-01,T1,2026-10-28,114-1,product_sales,1000.00,USD\n"
        "2026-11-01,T1,2026-10-28,114-1,referral_fee,-150.00,USD\n"
    )
    found = proposed(lines)
    assert found.object == "deferred_transactions"
    columns = block(found)["columns"]
    assert (columns["snapshot_date"], columns["transaction_date"]) == ("Snapshot date", "Transaction date")
    assert columns["channel"] == "=TODO shop"
    assert (found.trial.accepted_count, found.trial.rejected_count) == (2, 0)


def test_words_nobody_knows_are_named(proposed: Any) -> None:
    """A tender that is in no list is not guessed: its row is rejected and its word named."""
    lines = "Filiale;Bon;Datum;Zahlart;Betrag;Währung\nA;1;16.09.2026;Bar;5,00;EUR\nA;2;16.09.2026;Taler;6,00;EUR\n"
    found = proposed(lines)
    assert found.object == "pos_tenders"
    assert "'Taler'" in told(found)
    (rejected,) = found.trial.rejected
    assert (rejected.column, rejected.value, rejected.line_no) == ("tender", "Taler", 3)


def test_rejected_rows_are_shown_with_their_reason(proposed: Any) -> None:
    """A damaged figure does not hide that its column is the amount."""
    good = "".join(f"2026-09-{day},DE1,{day}.50,EUR,Fee\n" for day in range(10, 25))
    found = proposed(f"Date,Account,Amount,Currency,Description\n{good}2026-09-26,DE1,12.5a,EUR,Fee\n")
    assert (found.trial.accepted_count, found.trial.rejected_count) == (15, 1)
    assert found.trial.rejected[0].value == "12.5a"


def test_a_last_line_without_end_is_named(proposed: Any) -> None:
    """It may be cut off: the block takes it, and says so."""
    found = proposed(TILL.rstrip("\n"))
    assert block(found)["last_line_ended"] is False
    assert "last line has no line end" in told(found)
    assert found.trial.accepted_count == 3


def test_an_object_that_is_given_is_taken(proposed: Any) -> None:
    """--object overrules the guess; one that does not exist is refused with the list."""
    assert proposed(TILL, wanted="stock_movements").object == "stock_movements"
    with pytest.raises(SettingsError, match="pos_sales"):
        proposed(TILL, wanted="shoes")


@pytest.mark.parametrize("content", ["", "{}", "one column\n1\n", 'a,b\n"1,2\n'])
def test_what_is_no_table_is_refused_in_words(proposed: Any, content: str) -> None:
    """Nothing is proposed for what cannot be read."""
    with pytest.raises(DeliveryRefused):
        proposed(content)


@pytest.mark.parametrize("hostile", ['x"]\n[evil]\n', "a'b", "tab\\u0009", "=1+1", "[a", "ü{}"])
def test_headers_cannot_break_out_of_the_block(proposed: Any, hostile: str) -> None:
    """A header is data: whatever it says, the block stays one source and the SQL stays ours."""
    quoted = hostile.replace('"', '""')
    found = proposed(f'"Date {quoted}",Amount,Currency,Text\n2026-09-16,1.50,EUR,"{quoted}"\n')
    assert block(found)["connector"] == "declared_csv"


# File, object, a few columns, rows that load and rows that do not: read in the files by hand.
REAL = {
    "uci": ("uci_online_retail/2010-12-01.csv", "pos_sales",
            {"receipt_id": "InvoiceNo", "sku": "StockCode", "gross_amount": "[Quantity] * [UnitPrice]"}, (3108, 0)),
    "amazon_orders": ("amazon_fba/orders.csv", "orders", {"ordered_at": "purchase_date"}, (99, 1)),
    "amazon_items": ("amazon_fba/order_item.csv", "order_lines", {"unit_price": "item_price_amount"}, (95, 5)),
    "amazon_stock": ("amazon_fba/fba_inventory_summary.csv", "stock_counts", {"quantity": "fulfillable_quantity"}, (100, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_files(samples: Path, name: str) -> None:
    """Files that nobody here wrote are recognised, and every row is accounted for."""
    path, wanted, columns, counts = REAL[name]
    found = propose(samples / path)
    assert found.object == wanted
    assert columns.items() <= block(found)["columns"].items()
    assert (found.trial.accepted_count, found.trial.rejected_count) == counts


def test_what_an_etsy_statement_cannot_give_is_said(samples: Path) -> None:
    """Ten headers over rows of eight cells, and dashes for most amounts: said in words, nothing invented."""
    found = propose(samples / "etsy" / "statement.csv")
    assert found.object == "payments"
    assert block(found)["date_format"] == "%B %d, %Y"
    assert "29 rows" in told(found)
    assert "a use for these columns: Title, Info, Amount" in told(found)
    assert "gross_amount" in found.trial.refused


@pytest.mark.parametrize(
    "path", ["erp/businesscentral_itemLedgerEntry_v2.json", "square/square_ListPayoutsResponse.example.json"]
)
def test_payloads_are_no_tables(samples: Path, path: str) -> None:
    """An API's answer is not a CSV; the message says what it is."""
    with pytest.raises(DeliveryRefused, match="JSON"):
        propose(samples / path)


REFUSED = {
    "lines_above": ("amazon_settlement_v2/amazon_us_date_range_report.csv", "7 lines stand above the header"),
    "no_table_of_ours": ("amazon_fba/fba_inventory_researching_quantity_entry.csv", "cannot be told from its columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_guess_without_ground_is_not_made(samples: Path, case: str) -> None:
    """Nothing but constants would be no proposal; a report with a preamble is named as one."""
    path, words = REFUSED[case]
    with pytest.raises(DeliveryRefused, match=words):
        propose(samples / path)


def test_the_command_writes_nothing(tmp_path: Path) -> None:
    """It prints a block that can be pasted, as TOML first, and leaves the folder as it was."""
    file = tmp_path / "till.csv"
    file.write_text(TILL, encoding="utf-8")
    result = CliRunner().invoke(app, ["sources", "try", str(file)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("[[source]]\n")
    assert "3 rows would load, 0 would be rejected." in result.output
    as_json = CliRunner().invoke(app, ["sources", "try", str(file), "--object", "pos_sales", "--json"])
    assert json.loads(as_json.output)["accepted_count"] == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["till.csv"]


def test_sources_are_listed_with_what_is_wrong(tmp_path: Path) -> None:
    """A block that cannot work is named before any file comes."""
    (tmp_path / "retail_sync.toml").write_text(
        '[[source]]\nname = "tills"\nconnector = "declared_csv"\nobject = "pos_sales"\n', encoding="utf-8"
    )
    result = CliRunner().invoke(app, ["sources", "list", "--home", str(tmp_path), "--json"])
    assert result.exit_code == 1
    (source,) = json.loads(result.output)
    assert "lacks store" in source["problem"]


# File of the sample company, connector that reads it, table shown.
KNOWN = {
    "amazon": ("amazon/settlement_de_2026-10-07_40718226013.txt", "amazon_settlement", "settlement_lines"),
    "transactions": ("shopify_sales/*.csv", "shopify_transactions", "payments"),
    "payouts": ("shopify_payouts/*.csv", "shopify_payouts", "payouts"),
    "orders": ("shopify_orders/*.csv", "shopify_orders", "order_lines"),
}


@pytest.mark.parametrize("case", KNOWN)
def test_a_file_that_a_connector_reads_needs_no_columns(case: str) -> None:
    """The project's own readers come first; what they would load is shown, and nothing of these files is rejected."""
    pattern, connector, shown = KNOWN[case]
    file = sorted((PROJECT_ROOT / "data" / "sample" / "inbox").glob(pattern))[0]
    found = propose(file)
    source = block(found)
    assert (source["connector"], found.object) == (connector, shown)
    assert "columns" not in source
    assert ("account" in source) == connector.startswith("shopify")
    assert found.trial.rows
    assert (found.trial.rejected_count, found.trial.refused) == (0, "")
    assert "time zone" in told(found)


def test_an_object_that_is_given_overrules_the_connector() -> None:
    """Somebody may want the file as another table."""
    file = next((PROJECT_ROOT / "data" / "sample" / "inbox" / "shopify_payouts").glob("*.csv"))
    assert block(propose(file, "payouts"))["connector"] == "declared_csv"


def test_a_discount_is_no_tax(proposed: Any) -> None:
    """20.00 less 2.00 is 18.00 in every row: gross is before discount, and 1.44 tax comes on top of 18.00."""
    header = "Store,Receipt,Date,Qty,Gross sales,Discounts,Net sales"
    row = "A,1,2026-09-16,1,20.00,{discount},18.00"
    for discount, written in (("2.00", "Discounts"), ("-2.00", "-[Discounts]")):
        found = proposed(f"{header},Tax\n{row.format(discount=discount)},1.44\n")
        columns = block(found)["columns"]
        assert (columns["net_amount"], columns["tax_amount"]) == ("Net sales", "Tax")
        assert columns["discount_amount"] == written
        assert "gross_amount" not in columns
        assert "whether 'Net sales' is without tax" in told(found)
        shown = dict(zip(found.trial.header, found.trial.rows[0], strict=True))
        assert str(shown["gross_amount"]) == "19.4400"
    found = proposed(f"{header}\n{row.format(discount='2.00')}\n")
    assert block(found)["columns"]["tax_amount"] == "=TODO 0"
    assert "says what tax there is" in told(found)


@pytest.mark.parametrize("bad", ["abc", "2.5x"])
def test_one_bad_cell_does_not_hide_a_column_of_few_figures(proposed: Any, bad: str) -> None:
    """Nine rows of 1 or 2 and one that is neither: of three different cells one is bad, of ten rows too."""
    rows = "".join(f"A,{n},2026-09-16,{bad if n == 4 else n % 2 + 1},10.00,0.00\n" for n in range(10))
    found = proposed(f"Store,Receipt,Date,Qty,Gross,Tax\n{rows}")
    assert block(found)["columns"]["quantity"] == "Qty"
    (rejected,) = found.trial.rejected
    assert (rejected.column, rejected.value) == ("quantity", bad)


def test_a_file_that_is_only_looked_at_is_kept_nowhere(proposed: Any) -> None:
    """So its refusal does not speak of the raw archive."""
    with pytest.raises(DeliveryRefused) as refusal:
        proposed('{"a": 1}')
    assert "raw archive" not in refusal.value.remedy


def test_the_help_says_what_is_proposed() -> None:
    """Square brackets are markup there and would be swallowed."""
    assert "Propose a source block" in CliRunner().invoke(app, ["sources", "try", "--help"]).output


def test_a_folder_that_is_no_home_has_no_sources(tmp_path: Path) -> None:
    """An amazon source that nobody declared would look like one."""
    result = CliRunner().invoke(app, ["sources", "list", "--home", str(tmp_path)])
    assert isinstance(result.exception, SettingsError)
    assert "is no home" in result.exception.message


def test_what_is_to_be_filled_in_stops_its_source(proposed: Any) -> None:
    """A block pasted as it was proposed: currency is open, and the source says so before any row is booked in XXX."""
    source = Settings.model_validate(tomllib.loads(proposed(TILL).toml)).source[0]
    assert complaint(source).startswith("currency still to be filled in: replace =TODO")
    columns = {**source.columns, "currency": "=EUR"}
    assert complaint(source.model_copy(update={"columns": columns})) == ""
