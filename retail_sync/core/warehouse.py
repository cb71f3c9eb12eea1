"""The warehouse: one ATTACH, the same SQL on a DuckDB file and on DuckLake, one writing process at a time.

All writing happens inside `Warehouse.writing()`, which holds an OS lock. People read the published copy through
`Warehouse.reading()`, and before there is one what is loaded so far through `Warehouse.reading_so_far()`. No Python code opens
the warehouse file itself, not even to copy it: closing such a handle drops DuckDB's own lock and a second writer gets in
(`docs/decisions.md`, 4).
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from retail_sync.core.errors import RetailSyncError, StorageError, WarehouseBusy
from retail_sync.core.failpoints import failpoint
from retail_sync.core.locks import exclusive

STAGE_SCHEMAS = ("raw", "canonical", "reconcile", "journal")
_MINIMUM_FREE_BYTES = 64 << 20
_POLL_SECONDS = 0.1
# Texts are written in three quarters of the time that DuckDB's oldest format takes; any DuckDB from 1.4 on opens the file.
_STORAGE_VERSION = "v1.4.0"
# How long a DuckLake's files outlive the last snapshot that needs them: a reader may still have that one open.
_KEPT_FOR_READERS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Connections to the warehouse of one home. `state` is the home's folder for everything generated."""

    state: Path
    url: str = "warehouse.duckdb"
    memory_limit: str = "1GB"
    threads: int = 2
    lock_wait_seconds: float = 120

    @property
    def is_ducklake(self) -> bool:
        """Whether the warehouse is a DuckLake (then the published copy is one of its catalogue; the data files are shared)."""
        return self.url.startswith("ducklake:")

    @property
    def file(self) -> Path:
        """The DuckDB file, or the DuckLake's file catalogue."""
        return self.state / self.url.removeprefix("ducklake:")

    @property
    def published_file(self) -> Path:
        """The copy that people's tools may open at any time."""
        return self.state / "published" / (self.file.name if self.is_ducklake else "warehouse.duckdb")

    @property
    def scratch(self) -> Path:
        """Folder for files being read in; the only one that SQL may read besides the warehouse itself."""
        return self.state / "scratch"

    @contextmanager
    def writing(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the writer's lock and a connection. A full disk or a refused write becomes StorageError.

        Raises WarehouseBusy where another run, or another program, does not let go of the warehouse in time.
        """
        try:
            self.scratch.mkdir(parents=True, exist_ok=True)
            with exclusive(self.state / "warehouse.lock", self.lock_wait_seconds, purpose):
                self._require_free_space()
                connection = self._connect_for_writing()
                try:
                    yield connection
                finally:
                    connection.close()
        except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException, OSError) as error:
            # A commit that cannot be written is a TransactionException; others of them are errors of the program.
            if isinstance(error, duckdb.TransactionException) and "Failed to commit" not in str(error):
                raise
            raise _storage_error(error, self.state) from error

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open what was published last, read-only, without waiting for any writer."""
        if not self.published_file.exists():
            raise RetailSyncError(
                f"nothing has been published yet in {self.state}: a run publishes when it has gone through every stage",
                "run `retail-sync run hourly`; with --until it stops before that (`retail-sync query` shows what is loaded so far)",
            )
        connection = self._connect(self.published_file)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def reading_so_far(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a copy of what is committed now, for this one reader: nothing is published and no run waits for it.

        Between two stages of a run the later tables are of an older run, or empty. Raises RetailSyncError before the first load.
        """
        if not self.file.exists():
            raise RetailSyncError(
                f"nothing has been loaded yet in {self.state}",
                "run `retail-sync run hourly --until canonical` (nothing is sent to the ledger); what was received so far: "
                'retail-sync query "select * from deliveries" --on operations',
            )
        with self.writing("copy what is loaded so far") as writing:
            for left in self.scratch.glob(
                "so_far_*"
            ):  # by a process that was killed here; all others have done so by now
                left.unlink()
            target = self.scratch / f"so_far_{uuid.uuid4().hex}{self.file.suffix}"
            try:
                self._copy(writing, target)
                connection = self._connect(target)
            finally:
                target.unlink(missing_ok=True)  # the open connection keeps it
        try:
            yield connection
        finally:
            connection.close()

    def publish(self) -> bool:
        """Copy the warehouse for readers, atomically; of a DuckLake the catalogue. Returns whether a copy was made."""
        with self.writing("publish") as connection:
            incoming = self.published_file.with_suffix(".incoming")
            self._copy(connection, incoming)
            failpoint("publish.before_rename")
            incoming.replace(self.published_file)
            failpoint("publish.after_rename")
        return True

    def compact(self, keep: timedelta = _KEPT_FOR_READERS) -> None:
        """Put the small files of a DuckLake together; delete what only snapshots older than `keep` need.

        Every write leaves files behind: without this their number grows with every run.
        """
        if not self.is_ducklake:
            return
        with self.writing("compact") as connection:
            before = {"before": datetime.now(UTC) - keep}
            # A file with deleted rows is not merged with others, so it is written anew first.
            connection.execute("call ducklake_rewrite_data_files('warehouse', delete_threshold => 0)")
            connection.execute("call ducklake_merge_adjacent_files('warehouse')")
            connection.execute("call ducklake_expire_snapshots('warehouse', older_than => $before)", before)
            connection.execute("call ducklake_cleanup_old_files('warehouse', older_than => $before)", before)

    def _copy(self, connection: duckdb.DuckDBPyConnection, target: Path) -> None:
        """Copy the warehouse in a child process, with its only connection closed (see above); of a DuckLake the catalogue."""
        # `checkpoint` of a DuckLake is maintenance of its files; what is copied here is the catalogue.
        connection.execute(f"checkpoint {'__ducklake_metadata_warehouse' if self.is_ducklake else 'warehouse'}")
        connection.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = subprocess.run(  # noqa: S603 - fixed program, paths of our own
            ["/bin/cp", "--", str(self.file), str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if copy.returncode:
            target.unlink(missing_ok=True)  # on a full disk half a copy would keep it full
            raise StorageError(
                f"could not copy the warehouse for readers: {copy.stderr.strip()}", "free disk space, run again"
            )

    def _connect_for_writing(self) -> duckdb.DuckDBPyConnection:
        """Connect, waiting for any other program that has the file open: a database tool, a script of an analyst."""
        deadline = time.monotonic() + self.lock_wait_seconds
        while True:
            try:
                return self._connect()
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error):
                    raise
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(
                        f"{self.file} is open in another program and was not freed in {self.lock_wait_seconds:g} s",
                        f"close that program; {self.published_file} is the copy to open",
                    ) from error
            time.sleep(_POLL_SECONDS)

    def _connect(self, copy: Path | None = None) -> duckdb.DuckDBPyConnection:
        """Connect to the warehouse to write, or to a copy of it to read."""
        connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": self.memory_limit,
                "threads": str(self.threads),
                "temp_directory": str(self.scratch / "spill"),
            }
        )
        try:
            self._attach(connection, copy)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection, copy: Path | None) -> None:
        mode = "read_only" if copy else "read_write"
        folders = [str(self.scratch) + "/"]
        target = copy or self.file
        if self.is_ducklake:
            connection.load_extension(_ducklake_extension())
            data = self.file.with_suffix(".files")
            data.mkdir(parents=True, exist_ok=True)
            folders.append(str(data) + "/")
            connection.execute(
                f"attach {_quoted('ducklake:' + str(target))} as warehouse (data_path {_quoted(str(data) + '/')}, {mode})"
            )
        else:
            connection.execute(
                f"attach {_quoted(str(target))} as warehouse ({mode}, storage_version {_STORAGE_VERSION!r})"
            )
        connection.execute("use warehouse")
        connection.execute("set TimeZone = 'UTC'")
        # Data may name files; SQL must not be able to open them (faults.md, row 54).
        connection.execute("set allowed_directories = ?", [folders])
        connection.execute("set enable_external_access = false")
        if copy:  # people's own SQL runs here; Ibis needs to set the time zone on a writing connection
            connection.execute("set lock_configuration = true")

    def _require_free_space(self) -> None:
        free = shutil.disk_usage(self.state).free
        if free < _MINIMUM_FREE_BYTES:
            raise StorageError(
                f"only {free >> 20} MB are free in {self.state}; a run needs at least {_MINIMUM_FREE_BYTES >> 20} MB",
                "free disk space, then run again: nothing was changed",
            )


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Make the body one transaction: all of it is written, or none."""
    connection.begin()
    try:
        yield connection
    except BaseException:
        # After a fatal error (full disk) DuckDB has rolled back already and refuses every statement.
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    connection.commit()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _ducklake_extension() -> str:
    import duckdb_extension_ducklake

    root = Path(duckdb_extension_ducklake.__file__).parent / "extensions"
    return str(root / f"v{duckdb.__version__}" / "ducklake.duckdb_extension")


def _storage_error(error: Exception, state: Path) -> StorageError:
    full = "No space left" in str(error) or getattr(error, "errno", None) == errno.ENOSPC
    what = "the disk is full" if full else f"a write failed ({str(error).splitlines()[0]})"
    return StorageError(
        f"{what} while writing in {state}; everything committed before is intact",
        "free disk space, then run again: the run resumes where it stopped",
    )
