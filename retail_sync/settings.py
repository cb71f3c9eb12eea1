"""One typed settings file, `<home>/retail_sync.toml`; secrets come only from the environment.

Every field says what it is for and its default: `retail-sync doctor` prints them. Nothing here opens a file but the settings.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from retail_sync.core.errors import SettingsError
from retail_sync.core.money import exponent

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_HOME = PROJECT_ROOT / "data"
SETTINGS_NAME = "retail_sync.toml"
_MOST_THREADS = 256
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# Of settings that a pattern checks: what people are shown instead of the pattern.
_WRITTEN_LIKE = {
    "day_starts_at": "04:00",
    "drop": "sftp://user@host/folder (no password), s3://bucket/prefix or file:///folder (three strokes)",
    "drop_host_key": "SHA256:..., as ssh-keygen -l shows it",
    "drop_endpoint": "https://minio.example.com",
    "realm_id": "a number, digits only",
    "version": "the vendor's versions in docs/settings.md",
    "since": "2026-10-01",
    "location_by": "name or id",
}
_SECRETS = frozenset(
    {"password", "api_key", "api_secret", "access_token", "client_secret", "refresh_token", "secret_key"}
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Section):
    """How a canonical column is read where naming a column of the file is not enough: its words are translated."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    read: str = Field(alias="from", description="column of the file, or an expression")
    values: dict[str, str] = Field(default_factory=dict, description="the file's word = our word")
    patterns: tuple[tuple[str, str], ...] = Field(
        (), description="[regular expression, our word], the first that fits wins"
    )
    otherwise: str | None = Field(
        None, description="our word for everything else; without it, other words are rejected"
    )

    negate: tuple[str, ...] = Field(
        (), description="kinds in whose rows the file writes the figure without the minus it has here, e.g. return"
    )

    @property
    def is_translation(self) -> bool:
        """Whether words of the file become others."""
        return bool(self.values or self.patterns) or self.otherwise is not None


class Source(_Section):
    """One `[[source]]` block: a system that is asked over HTTP, or whose files come through `ingest` or `<home>/inbox/<name>/`."""

    name: str = Field(description="short name; also its inbox folder")
    connector: str = Field(description="which reader, e.g. amazon_settlement, shopify_transactions or declared_csv")
    object: str = Field("settlements", description="what its files hold")
    account: str = Field("", description="seller or bank account they belong to; default: the name")
    time_zone: str = Field("UTC", description="zone of its clock, whose calendar days are its business dates")
    time_zones: dict[str, str] = Field(
        default_factory=dict, description="zone by store or location, where a source has several"
    )
    day_starts_at: str = Field("00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="hour a store's day begins")
    encoding: str = Field("auto", description="auto, or a Python codec name to insist on")
    decimal_mark: Literal["auto", ".", ","] = Field("auto", description="auto decides per file")
    date_format: str = Field("auto", description="auto decides per file; else a strptime pattern")
    delimiter: str = Field(",", min_length=1, max_length=1, description="of CSV files")
    columns: dict[str, str | Column] = Field(
        default_factory=dict,
        description="declared_csv: canonical column = the file's column, =constant, or {from = ...}",
    )
    tax_rounding: Literal["line", "receipt"] = Field(
        "line", description="pos_sales with tax_rate: where tax is rounded"
    )
    last_line_ended: bool = Field(True, description="CSV files: a last line without line end may be cut off, reject it")
    extra_columns: tuple[str, ...] = Field((), description="file columns allowed though unknown")
    until: date | None = Field(
        None, description="Shopify exports: first day that is left to a source that asks the shop"
    )
    connection: dict[str, str | int | bool | tuple[str, ...] | dict[str, str]] = Field(
        default_factory=dict, description="connectors over HTTP: where the system is; each connector has its own fields"
    )
    objects: tuple[str, ...] = Field((), description="connectors over HTTP: which of their lists; empty: all")
    start_date: date | None = Field(
        None, description="connectors over HTTP: first day that the first run asks for; empty: 30 days ago"
    )
    drop: str = Field(
        "",
        pattern=r"^(|sftp://[^/:@\s]+@[^/:@\s]+(:\d+)?/\S.*|s3://[^/\s]+(/.*)?|file:///.*)$",
        description="folder that files are fetched from: sftp://user@host/folder, s3://bucket/prefix, file:///folder",
    )
    drop_pattern: str = Field("*", min_length=1, description="which of its files, e.g. *.csv")
    drop_settled: Literal["size", "marker"] = Field(
        "size", description="a file is whole when its size and time stay, or when FILE.done lies beside it"
    )
    drop_host_key: str = Field(
        "",
        pattern=r"^(|SHA256:[A-Za-z0-9+/]{43}=?)$",
        description="sftp: fingerprint of the server's key; empty: it stands in ~/.ssh/known_hosts",
    )
    drop_endpoint: str = Field(
        "",
        pattern=r"^(|https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?/?)$",
        description="s3: address of a storage that is not Amazon's",
    )
    look_back_days: int | None = Field(
        None,
        ge=0,
        le=3660,
        description="connectors over HTTP: how far back each run asks again, at least each list's own",
    )
    requests_per_minute: int | None = Field(
        None, ge=1, description="connectors over HTTP: how fast it may be asked; empty: the connector's own rate"
    )
    calls_max: int = Field(20_000, ge=1, description="connectors over HTTP: requests that one run may make")

    @field_validator("name")
    @classmethod
    def _is_short_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} cannot name a source: a small letter, then at most 30 small letters, digits and underscores"
            )
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin") from error
        return value

    @field_validator("delimiter")
    @classmethod
    def _can_delimit(cls, value: str) -> str:
        if value in '"\r\n ' or value.isalnum():
            raise ValueError(f"{value!r} cannot stand between the cells of a CSV file")
        return value

    @field_validator("time_zones")
    @classmethod
    def _zones_exist(cls, value: dict[str, str]) -> dict[str, str]:
        for zone in value.values():
            cls._zone_exists(zone)
        return value

    @property
    def account_name(self) -> str:
        """The account its documents belong to."""
        return self.account or self.name


class WarehouseSettings(_Section):
    """Where derived tables live. A file name is a DuckDB file in the home; `ducklake:<catalogue>` is DuckLake."""

    url: str = "warehouse.duckdb"
    memory_limit: str = "1GB"
    threads: int = Field(2, ge=1, le=_MOST_THREADS, description="RETAIL_SYNC_THREADS overrides it")
    lock_wait_seconds: float = Field(120, ge=0)
    publish_every_run_up_to_mb: int = Field(
        1024, description="above this size only the nightly run publishes a copy for readers"
    )


class OperationsSettings(_Section):
    """The operations database. Empty: SQLite in the home. RETAIL_SYNC_OPERATIONS_URL overrides it."""

    url: str = ""


class RemoteLedgerSettings(_Section):
    """A ledger that is reached over HTTP."""

    base_url: str
    token_url: str

    @field_validator("base_url", "token_url")
    @classmethod
    def _is_private(cls, value: str) -> str:
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)", value):
            raise ValueError(f"{value!r}: credentials travel over https only")
        return value


class QuickBooksSettings(RemoteLedgerSettings):
    """QuickBooks Online. What an entry says of channel and location is decided once: see docs/runbooks/connect_ledger.md."""

    realm_id: str = Field("", pattern=r"^\d*$", description="number of the company")
    base_url: str = Field("https://quickbooks.api.intuit.com", description="for a sandbox, its address")
    token_url: str = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105
    use_classes: bool = Field(
        False, description="the channel of a line is its class; else it stands in the description"
    )
    use_departments: bool = Field(
        False, description="the location of a line is its location in QuickBooks; else in words"
    )
    multicurrency: bool = Field(
        False, description="entries of one other currency are sent in it; else in home currency"
    )


class XeroSettings(RemoteLedgerSettings):
    """Xero. Manual journals are in the organisation's base currency."""

    tenant_id: str = Field("", description="identifier of the organisation")
    base_url: str = "https://api.xero.com/api.xro/2.0"
    token_url: str = "https://identity.xero.com/connect/token"  # noqa: S105
    channel_category: str = Field("", description="tracking category whose options are the channels; else in words")
    location_category: str = Field("", description="tracking category whose options are the locations; else in words")


class PlainTextSettings(_Section):
    """The journal file of the adapters `beancount` and `hledger`."""

    path: str = Field("", description="empty: ledger.beancount or ledger.journal in the home's state folder")


class TrytonSettings(_Section):
    """A Tryton server (8.x on PostgreSQL). Its password is RETAIL_SYNC_TRYTON_PASSWORD."""

    url: str = Field("", description="e.g. https://erp.example.com:8000, without the database")
    database: str = Field("tryton", description="its name")
    user: str = Field("", description="may create, post and delete draft moves")
    company: str = Field("", description="name of its party; empty: the only one that the user may see")
    journal: str = Field("", description="code of a journal of type General that only we post to")
    accepted_warnings: tuple[str, ...] = Field(
        (), description="beginnings of the names of warnings that are answered with yes"
    )


class OdooSettings(_Section):
    """An Odoo server. Its API key is RETAIL_SYNC_ODOO_API_KEY."""

    url: str = Field("", description="e.g. https://company.odoo.com")
    database: str = Field("", description="its name")
    api: Literal["json2", "jsonrpc"] = Field("json2", description="json2: Odoo 19 and later; jsonrpc: 14 to 18")
    user: str = Field("", description="login of the key's user; jsonrpc only")
    company: str = Field("", description="its name; empty: the only one that the user may see")
    journal: str = Field("", description="code of a journal of type Miscellaneous that only we post to")


class ErpnextSettings(_Section):
    """An ERPNext server. The key of its user: RETAIL_SYNC_ERPNEXT_API_KEY and RETAIL_SYNC_ERPNEXT_API_SECRET."""

    url: str = Field("", description="e.g. https://erp.example.com")
    company: str = Field("", description="its name; empty: the only one that the user may see")


class LedgerSettings(_Section):
    """The ledger that entries are posted to, and the policies that decide what is posted when."""

    adapter: Literal["embedded", "quickbooks", "xero", "beancount", "hledger", "tryton", "odoo", "erpnext"] = "embedded"
    url: str = Field("", description="empty: SQLite in the home; RETAIL_SYNC_LEDGER_URL overrides it")
    deposits: Literal["journal", "bank_feed"] = Field(
        "journal",
        description="journal: we post the deposit on bank evidence; bank_feed: the ledger's own feed does",
    )
    stock: Literal["erp", "journal"] = Field(
        "erp",
        description="erp: the ERP books cost of sales and stock; journal: we book them, counts, write-offs and the true-up",
    )
    storefront: Literal["elsewhere", "journal"] = Field(
        "elsewhere",
        description="elsewhere: the shop's own connector to the books books its orders; journal: we book them as they are shipped",
    )
    granularity: Literal["settlement", "day", "order"] = Field(
        "settlement",
        description="entries of a settlement: settlement: one a month; day: one a day; order: one an order and month",
    )
    closed_period: Literal["hold", "next_open_period"] = Field(
        "hold", description="what happens to an entry whose period is closed in the ledger"
    )
    approval_above: str = Field("", description='e.g. "50000.00": entries over this home amount wait for a person')
    quickbooks: QuickBooksSettings = QuickBooksSettings()
    xero: XeroSettings = XeroSettings()

    plain_text: PlainTextSettings = PlainTextSettings()
    tryton: TrytonSettings = TrytonSettings()
    odoo: OdooSettings = OdooSettings()
    erpnext: ErpnextSettings = ErpnextSettings()

    @field_validator("approval_above")
    @classmethod
    def _is_amount(cls, value: str) -> str:
        # What Decimal takes besides plain digits (NaN, 1e5, 1_000) is no amount that finance would write.
        if value and not re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII):
            raise ValueError(f'{value!r} is not an amount: write it like "50000.00", without thousands separators')
        return value

    @model_validator(mode="after")
    def _ledger_can_do_it(self) -> Self:
        if self.adapter != "embedded" and self.stock == "journal":
            raise ValueError(
                f'stock = "journal" needs a ledger that tells how an account came to its balance day by day: the embedded'
                f' one does, {self.adapter} does not; with it, let the ERP book stock (stock = "erp")'
            )
        needed = {"quickbooks": ("realm_id", self.quickbooks.realm_id), "xero": ("tenant_id", self.xero.tenant_id)}
        name, value = needed.get(self.adapter, ("", "not needed"))
        if not value:
            raise ValueError(f'adapter = "{self.adapter}" needs [ledger.{self.adapter}] {name}')
        return self


class RawSettings(_Section):
    """How long deliveries are kept, and how large one may be once unpacked."""

    retention_days: int = Field(0, ge=0, description="0 keeps them for ever")
    max_unpacked_mb: int = Field(4096, ge=1)


class Settings(_Section):
    """The whole file. Missing sections take the defaults shown by `retail-sync doctor`."""

    home_currency: str = Field(
        "",
        description="currency of the books: others are converted at delivered rates (fx_rates); empty: each is booked by itself",
    )
    warehouse: WarehouseSettings = WarehouseSettings()
    operations: OperationsSettings = OperationsSettings()
    ledger: LedgerSettings = LedgerSettings()
    raw: RawSettings = RawSettings()
    source: tuple[Source, ...] = (Source(name="amazon", connector="amazon_settlement"),)

    @field_validator("home_currency")
    @classmethod
    def _currency_exists(cls, value: str) -> str:
        if value:
            exponent(value)
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [source.name for source in self.source]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two [[source]] blocks are called {', '.join(twice)}")
        return self

    def source_named(self, name: str) -> Source:
        """Return the source called `name`. Raises SettingsError listing those that exist."""
        for source in self.source:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.source)
        raise SettingsError(
            f"no source is called {name!r}; retail_sync.toml declares: {known}",
            f"use one of these names, or add a [[source]] block to {SETTINGS_NAME}",
        )


class Home:
    """A home directory: where one retailer's settings, raw archive, databases and published copies live."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.settings = load_settings(self.root / SETTINGS_NAME)

    @classmethod
    def locate(cls, given: Path | None = None) -> Home:
        """Open `given`, else `RETAIL_SYNC_HOME`, else `data/` of the checkout."""
        return cls(given or Path(os.environ.get("RETAIL_SYNC_HOME") or DEFAULT_HOME))

    def require(self) -> Home:
        """Return this home. Raises SettingsError where there is none: empty tables would look like clean books."""
        if not ((self.root / SETTINGS_NAME).exists() or self.state.exists()):
            raise SettingsError(
                f"{self.root} is no home: it has neither {SETTINGS_NAME} nor anything that was run",
                f"give another --home, or write {SETTINGS_NAME} there (docs/settings.md); `retail-sync demo` makes a sample home",
            )
        return self

    @property
    def rules(self) -> tuple[Path, ...]:
        """Where governed files are looked for: in the home's own `rules/`, where it has one, then in the project's."""
        own, shipped = self.root / "rules", DEFAULT_HOME / "rules"
        return (own, shipped) if own.is_dir() and own != shipped else (shipped,)

    @property
    def state(self) -> Path:
        """Everything generated, in one folder."""
        return self.root / "state"

    @property
    def inbox(self) -> Path:
        """One folder per source, where files may be dropped."""
        return self.root / "inbox"

    @property
    def threads(self) -> int:
        """Threads that DuckDB works with. Raises SettingsError where RETAIL_SYNC_THREADS is no number of threads."""
        text = os.environ.get("RETAIL_SYNC_THREADS", "")
        if not text:
            return self.settings.warehouse.threads
        if not text.isdecimal() or not 1 <= int(text) <= _MOST_THREADS:
            raise SettingsError(
                f"RETAIL_SYNC_THREADS is {text!r}, not a number from 1 to {_MOST_THREADS}", "correct it or unset it"
            )
        return int(text)

    @property
    def operations_url(self) -> str:
        """SQLAlchemy URL of the operations database."""
        return self._database_url("RETAIL_SYNC_OPERATIONS_URL", self.settings.operations.url, "operations.sqlite")

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the embedded ledger."""
        return self._database_url("RETAIL_SYNC_LEDGER_URL", self.settings.ledger.url, "ledger.sqlite")

    def _database_url(self, variable: str, setting: str, file_name: str) -> str:
        return os.environ.get(variable) or setting or f"sqlite:///{self.state / file_name}"


def load_settings(path: Path) -> Settings:
    """Read and check a settings file; a missing one means all defaults. Raises SettingsError naming each wrong line."""
    if not path.exists():
        return Settings()
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}", "correct that line and run again") from error
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"{path}: {said_of(error, content)}", "see docs/settings.md for every setting") from None


def said_of(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Say each wrong setting of `content` in words: `ledger.approval_above: why`, `source bank: drop: why`."""
    return "; ".join(f"{_where(item['loc'], content)}: {_why(item)}" for item in error.errors())


def _where(place: tuple[int | str, ...], content: Mapping[str, Any]) -> str:
    """Return where a setting stands; a block of a source by its name, else by its number, the first is 1."""
    match place:
        case ("source", int(number), *rest):
            block = content["source"][number]
            name = block.get("name") if isinstance(block, dict) else None
            is_named = isinstance(name, str) and _NAME.fullmatch(name)
            said = f"source {name}" if is_named else f"[[source]] block {number + 1}"
            return ": ".join(filter(None, (said, ".".join(map(str, rest)))))
    return ".".join(map(str, place)) or "file"


def _why(item: ErrorDetails) -> str:
    """Return what is wrong with one setting, in words for people. Never what was written: it may be a secret."""
    field = str(item["loc"][-1]) if item["loc"] else ""
    match item["type"]:
        case "string_pattern_mismatch" if field in _WRITTEN_LIKE:
            return f"write it like {_WRITTEN_LIKE[field]}"
        case "date_from_datetime_parsing" | "date_parsing" | "date_type":
            return "it is no day; write it like 2026-10-01"
        case "extra_forbidden" if field.lower() in _SECRETS:
            return "secrets stand in the environment only, never here"
        case "extra_forbidden":
            return "there is no such setting here"
        case "missing":
            return "it is required and missing"
    return item["msg"].removeprefix("Value error, ")
