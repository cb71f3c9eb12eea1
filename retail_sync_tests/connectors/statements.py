"""Bank statements made by hand after the published formats: no file of a real bank. All tell the same four entries.

Account DE89370400440532013000 in euro: 1000.00 before; a settlement of Amazon comes in, a fee goes out, a debit is given back, a
deposit is taken back; 1084.75 after.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

ACCOUNT = "DE89370400440532013000"
# Value date, amount; the references hold REFERENCES in this order.
ENTRIES = [
    (date(2026, 9, 14), Decimal("100.00")),
    (date(2026, 9, 15), Decimal("-14.50")),
    (date(2026, 9, 16), Decimal("5.25")),
    (date(2026, 9, 16), Decimal("-6.00")),
]
REFERENCES = ["31000001", "ACCOUNT FEE", "RETURNED DEBIT", "DEPOSIT TAKEN BACK"]

OFX1 = b"""OFXHEADER:100\r
DATA:OFXSGML\r
VERSION:102\r
SECURITY:NONE\r
ENCODING:USASCII\r
CHARSET:1252\r
COMPRESSION:NONE\r
OLDFILEUID:NONE\r
NEWFILEUID:NONE\r
\r
<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260917120000[-5:EST]<LANGUAGE>ENG</SONRS>
</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>37040044<ACCTID>DE89370400440532013000<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260914<DTEND>20260917
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260914233000[-5:EST]<TRNAMT>+100,00<FITID>B1<NAME>AMAZON &amp; CO
<MEMO>SETTLEMENT 31000001</STMTTRN>
<STMTTRN><TRNTYPE>FEE<DTPOSTED>20260915<TRNAMT>-14.5<FITID>B2<NAME>ACCOUNT FEE</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260916<TRNAMT>5.25<FITID>B3<NAME>RETURNED DEBIT</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260916<TRNAMT>-6.00<FITID>B4<NAME>DEPOSIT TAKEN BACK</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1084.75<DTASOF>20260917</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""

OFX2 = b"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS></SONRS></SIGNONMSGSRSV1>
<CREDITCARDMSGSRSV1><CCSTMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS><CCSTMTRS>
<CURDEF>EUR</CURDEF><CCACCTFROM><ACCTID>DE89370400440532013000</ACCTID></CCACCTFROM><BANKTRANLIST>
<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260914</DTPOSTED><TRNAMT>100.00</TRNAMT><FITID>B1</FITID>\
<NAME>AMAZON &amp; CO</NAME><MEMO>SETTLEMENT 31000001</MEMO></STMTTRN>
<STMTTRN><TRNTYPE>FEE</TRNTYPE><DTPOSTED>20260915</DTPOSTED><TRNAMT>-14.50</TRNAMT><FITID>B2</FITID>\
<NAME>ACCOUNT FEE</NAME></STMTTRN>
<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260916</DTPOSTED><TRNAMT>5.25</TRNAMT><FITID>B3</FITID>\
<NAME>RETURNED DEBIT</NAME></STMTTRN>
<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260916</DTPOSTED><TRNAMT>-6.00</TRNAMT><FITID>B4</FITID>\
<NAME>DEPOSIT TAKEN BACK</NAME></STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1084.75</BALAMT><DTASOF>20260917</DTASOF></LEDGERBAL>
</CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>
"""

MT940 = b""":20:STARTUMSE
:25:DE89370400440532013000
:28C:00001/001
:60F:C260913EUR1000,00
:61:2609140914CR100,00NTRFNONREF//B1
:86:166?00GUTSCHRIFT?109310?20EREF+AMZ-1?21SVWZ+AMAZON SETTLEMENT 3100?220001?30DEUTDEFF?32AMAZON PAYMENTS
:61:2609150915D14,5NCHGNONREF//B2
:86:ACCOUNT FEE
:61:2609160916RD5,25NRTINONREF//B3
:86:RETURNED DEBIT
:61:2609160916RC6,NRTINONREF//B4
:86:DEPOSIT TAKEN BACK
:62F:C260916EUR1084,75
-
"""

# The same in the envelope of SWIFT.
MT940_FIN = (
    b"{1:F01DEUTDEFFAXXX0000000000}{2:I940DEUTDEFFXXXXN}{4:\r\n"
    + MT940.removesuffix(b"-\n").replace(b"\n", b"\r\n")
    + b"-}{5:}\r\n"
)


def camt(version: str, entries: str | None = None, balances: str = "") -> bytes:
    """A camt.053 of one statement, in the shape of its version."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-09-17T06:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{balances or BALANCES}
{_entries(version) if entries is None else entries}
</Stmt></BkToCstmrStmt></Document>
""".encode()


def balance(code: str, amount: str, day: str) -> str:
    """One balance of a statement, in credit."""
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


BALANCES = balance("PRCD", "1000.00", "2026-09-13") + balance("CLBD", "1084.75", "2026-09-16")


def entry(amount: str, direction: str, day: str, details: str = "", status: str = "<Sts>BOOK</Sts>") -> str:
    """One entry of a statement."""
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{status}"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>{details}</Ntry>"
    )


def _entries(version: str) -> str:
    is_new = version >= "08"
    status = "<Sts><Cd>BOOK</Cd></Sts>" if is_new else "<Sts>BOOK</Sts>"
    name = "<Nm>AMAZON PAYMENTS</Nm>"
    details = (
        "<AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>AMZ-1</EndToEndId></Refs><RltdPties><Dbtr>"
        + (f"<Pty>{name}</Pty>" if is_new else name)
        + "</Dbtr></RltdPties><RmtInf><Ustrd>SETTLEMENT 31000001</Ustrd></RmtInf></TxDtls></NtryDtls>"
    )
    return "\n".join(
        (
            entry("100.00", "CRDT", "2026-09-14", details, status),
            entry("14.50", "DBIT", "2026-09-15", "<AddtlNtryInf>ACCOUNT FEE</AddtlNtryInf>", status),
            entry("5.25", "CRDT", "2026-09-16", "<AddtlNtryInf>RETURNED DEBIT</AddtlNtryInf>", f"<RvslInd>true</RvslInd>{status}"),
            entry("6.00", "DBIT", "2026-09-16", "<AddtlNtryInf>DEPOSIT TAKEN BACK</AddtlNtryInf>",
                  f"<RvslInd>true</RvslInd>{status}"),
            # Not booked: no entry, and in no balance.
            entry("999.99", "CRDT", "2026-09-17", "", status.replace("BOOK", "PDNG")),
        )
    )  # fmt: skip


SAMPLES = {
    "ofx sgml": ("ofx", OFX1),
    "ofx xml": ("ofx", OFX2),
    "mt940": ("mt940", MT940),
    "mt940 in its envelope": ("mt940", MT940_FIN),
    "camt.053.001.02": ("camt053", camt("02")),
    "camt.053.001.08": ("camt053", camt("08")),
}
