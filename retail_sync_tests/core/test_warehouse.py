"""The warehouse connection: one writer, readers beside it, and SQL that cannot leave its folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from retail_sync.core.errors import RetailSyncError, StorageError, WarehouseBusy
from retail_sync.core.warehouse import Warehouse, transaction

_READER = (
    "import sys; from pathlib import Path; from retail_sync.core.warehouse import Warehouse\n"
    "with Warehouse(Path(sys.argv[1]), *sys.argv[2:]).reading() as connection:\n"
    "    for _ in sys.stdin:\n"
    "        print(connection.execute('select count(*) from raw.t').fetchone()[0], flush=True)\n"
)
_WRITER = (
    "import sys; from pathlib import Path; from retail_sync.core.warehouse import Warehouse\n"
    "with Warehouse(Path(sys.argv[1]), *sys.argv[2:]).writing('nightly run') as connection:\n"
    "    connection.execute('insert into raw.t values (9)')\n"
    "    print('writing', flush=True)\n"
    "    sys.stdin.read()\n"
)
_RAW_OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table intruder (i integer)')"

_FOREIGN_READER = (
    "import duckdb, sys\n"
    "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
    "print('reading', flush=True)\n"
    "sys.stdin.read()\n"
)
URLS = ("warehouse.duckdb", "ducklake:catalog.ducklake")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse with a table of one row, under a path that needs quoting."""
    return new(tmp_path, "warehouse.duckdb")


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process running `script`, killed at the end."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def ask(started: subprocess.Popen[str]) -> str:
    """Let a reader process count, and return what it says."""
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write("\n")
    started.stdin.flush()
    return started.stdout.readline().strip()


def count(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows of the test table."""
    row = connection.execute("select count(*) from raw.t").fetchone()
    assert row is not None
    return int(row[0])


ESCAPES = (
    "select * from read_csv('{outside}')",
    "select * from read_text('{outside}')",
    "select * from read_blob('{scratch}/../../secret.txt')",
    "select * from read_text('{scratch}/link.txt')",
    "select * from '{outside}'",
    "select * from glob('{outside}*')",
    "copy (select 1) to '{outside}.csv'",
    "copy raw.t from '{outside}'",
    "attach '{outside}.duckdb' as other",
    "export database '{outside}'",
    "install httpfs",
    "load '{outside}'",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "reset allowed_directories",
    "set allowed_paths = ['{outside}']",
)

# A file named like a table is simply no table.
_REFUSALS = (duckdb.PermissionException, duckdb.InvalidInputException, duckdb.CatalogException)


@pytest.mark.parametrize("statement", ESCAPES)
@pytest.mark.parametrize("mode", ["writing", "reading"])
def test_sql_cannot_reach_files_outside_scratch(warehouse: Warehouse, mode: str, statement: str) -> None:
    """Data may name files and people type SQL: neither may read a key or write a file (faults.md, 54)."""
    warehouse.publish()
    outside = warehouse.state.parent / "secret.txt"
    outside.write_text("secret")
    (warehouse.scratch / "link.txt").symlink_to(outside)
    sql = statement.format(outside=str(outside).replace("'", "''"), scratch=str(warehouse.scratch).replace("'", "''"))
    opened = warehouse.writing("test") if mode == "writing" else warehouse.reading()
    with opened as connection, pytest.raises(_REFUSALS):
        connection.execute(sql)
    assert sorted(path.name for path in warehouse.state.parent.iterdir()) == sorted(
        [warehouse.state.name, "secret.txt"]
    )


def test_sql_reads_files_in_scratch(warehouse: Warehouse) -> None:
    """What is refused above is the place, not reading: deliveries are read from scratch."""
    (warehouse.scratch / "x.csv").write_text("a\n1\n")
    with warehouse.writing("test") as connection:
        path = str(warehouse.scratch / "x.csv")
        assert connection.execute("select * from read_csv($path)", {"path": path}).fetchall() == [(1,)]


def test_readers_see_what_was_published(warehouse: Warehouse) -> None:
    """People's tools never wait for a run and never see half of one: they see the last published copy."""
    with pytest.raises(RetailSyncError, match="nothing has been published"), warehouse.reading():
        pass
    warehouse.publish()
    with warehouse.writing("test") as writing:
        writing.execute("insert into raw.t values (2)")
        with warehouse.reading() as connection:
            assert count(connection) == 1
    warehouse.publish()
    with warehouse.reading() as connection:
        assert count(connection) == 2


@pytest.mark.parametrize("url", URLS)
def test_what_is_loaded_so_far_is_read_without_publishing_it(tmp_path: Path, url: str) -> None:
    """Before the first whole run: a copy for this reader only. It holds up no run, changes nothing and leaves nothing behind."""
    warehouse = new(tmp_path, url)
    (warehouse.scratch / "so_far_of_a_killed_process").touch()
    with warehouse.reading_so_far() as connection:
        with warehouse.writing("run") as writing:
            writing.execute("insert into raw.t values (2)")
        assert count(connection) == 1
        with pytest.raises(duckdb.Error):
            connection.execute("insert into raw.t values (3)")
    assert not warehouse.published_file.exists()
    assert list(warehouse.scratch.iterdir()) == []
    with warehouse.reading_so_far() as connection:
        assert count(connection) == 2


def test_a_reader_cannot_write_or_reconfigure(warehouse: Warehouse) -> None:
    """`retail-sync query` runs people's own SQL: it must not change the copy, nor the limits of the connection."""
    warehouse.publish()
    changes = ("insert into raw.t values (3)", "drop table raw.t")
    for statement in (*changes, "set memory_limit = '900GB'", "set TimeZone = 'Asia/Tokyo'"):
        with warehouse.reading() as connection, pytest.raises(duckdb.Error):
            connection.execute(statement)


@pytest.mark.long
def test_publishing_while_another_process_reads(warehouse: Warehouse) -> None:
    """An analyst's open query neither blocks the nightly copy nor is pulled from under them."""
    warehouse.publish()
    with process(_READER, warehouse.state) as reader:
        assert ask(reader) == "1"
        with warehouse.writing("test") as connection:
            connection.execute("insert into raw.t values (2)")
        warehouse.publish()
        assert ask(reader) == "1"
        with process(_READER, warehouse.state) as later:
            assert ask(later) == "2"


@pytest.mark.parametrize("published", [False, True])
def test_a_second_writing_process_is_refused(warehouse: Warehouse, *, published: bool) -> None:
    """Copying the file in the process that holds it drops DuckDB's own lock; then a second writer got in and rows were lost."""
    if published:
        warehouse.publish()
    with process(_WRITER, warehouse.state) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(WarehouseBusy, match="nightly run"), warehouse.writing("hourly run"):
            pytest.fail("two processes write one warehouse")
        assert writer.stdin is not None
        writer.stdin.close()
        writer.wait(10)
    with warehouse.writing("test") as connection:
        assert count(connection) == 2


def test_a_foreign_program_cannot_write_either(warehouse: Warehouse) -> None:
    """DuckDB's own lock must still hold, also after a copy was made: our lock file means nothing to other programs."""
    warehouse.publish()
    with warehouse.writing("test") as connection:
        connection.execute("insert into raw.t values (2)")
        intruder = subprocess.run(
            [sys.executable, "-c", _RAW_OPEN, str(warehouse.file)], capture_output=True, text=True, check=False
        )
        assert "Could not set lock" in intruder.stderr
    with warehouse.writing("test") as connection:
        assert count(connection) == 2


@pytest.mark.long
@pytest.mark.parametrize("url", URLS)
def test_readers_and_a_writing_process_do_not_meet(tmp_path: Path, url: str) -> None:
    """`query` works during a run, and a run is not refused because an analyst has a query open: on a DuckLake too."""
    warehouse = new(tmp_path, url)
    warehouse.publish()
    with process(_WRITER, warehouse.state, url) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with warehouse.reading() as connection:
            assert count(connection) == 1
        assert writer.stdin is not None
        writer.stdin.close()
        writer.wait(10)
    with process(_READER, warehouse.state, url) as reader:
        assert ask(reader) == "1"
        warehouse.publish()
        assert ask(reader) == "1"
        with warehouse.reading() as connection:
            assert count(connection) == 2


@pytest.mark.parametrize("url", URLS)
def test_a_foreign_program_with_the_file_open_is_named_as_such(tmp_path: Path, url: str) -> None:
    """A database tool left open keeps the run out: "free disk space" would send the operator the wrong way."""
    warehouse = new(tmp_path, url)
    with process(_FOREIGN_READER, warehouse.file) as foreign:
        assert foreign.stdout is not None
        assert foreign.stdout.readline() == "reading\n"
        with pytest.raises(WarehouseBusy, match="open in another program") as caught, warehouse.writing("test"):
            pytest.fail("it writes beside another program")
        assert str(warehouse.published_file) in caught.value.remedy
    with warehouse.writing("test") as connection:
        assert count(connection) == 1


@pytest.mark.long
def test_the_files_of_a_ducklake_stay_few(tmp_path: Path) -> None:
    """Every run rewrites its slice: without expiring snapshots a year of hourly runs leaves thousands of files."""
    warehouse = new(tmp_path, "ducklake:catalog.ducklake")
    counts = []
    for _ in range(8):
        with warehouse.writing("run") as connection:
            for first in (0, 1000):
                with transaction(connection):
                    connection.execute("delete from raw.t where i >= ? and i < ?", [first, first + 500])
                    connection.execute("insert into raw.t select unnest(range(?, ?))", [first, first + 1000])
        warehouse.compact(keep=timedelta(0))
        warehouse.publish()
        counts.append(len(list(warehouse.state.rglob("*.parquet"))))
        with warehouse.reading() as connection:
            assert count(connection) > 0
    assert max(counts[2:]) <= counts[2], counts


def test_what_a_reader_has_open_outlives_a_night(tmp_path: Path) -> None:
    """The nightly run makes new files; those that an open query of the last day reads are still there."""
    warehouse = new(tmp_path, "ducklake:catalog.ducklake")
    with warehouse.writing("run") as connection:
        connection.execute("insert into raw.t select range from range(1000)")
    warehouse.publish()
    with process(_READER, warehouse.state, warehouse.url) as reader:
        assert ask(reader) == "1001"
        with warehouse.writing("run") as connection:
            connection.execute("delete from raw.t")
            connection.execute("insert into raw.t select range from range(2000)")
        warehouse.compact()
        warehouse.publish()
        assert ask(reader) == "1001"


def new(folder: Path, url: str) -> Warehouse:
    """A warehouse of either kind with a table of one row, under a path that needs quoting."""
    made = Warehouse(folder / "o'brien & co", url, lock_wait_seconds=0.2)
    made.state.mkdir()
    with made.writing("test") as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.t as select 1 as i")
    return made


def test_a_transaction_is_all_or_nothing(warehouse: Warehouse) -> None:
    """An error between two statements leaves neither: canonical rows never lack their delivery's row."""
    with warehouse.writing("test") as connection:
        with pytest.raises(duckdb.CatalogException), transaction(connection):
            connection.execute("insert into raw.t values (2); insert into raw.missing values (2)")
        assert count(connection) == 1
        with transaction(connection):
            connection.execute("insert into raw.t values (3)")
        assert count(connection) == 2


def test_too_little_space_is_said_before_anything_is_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that cannot finish must not begin."""
    import shutil

    usage = shutil.disk_usage(warehouse.state)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=10 << 20))
    with pytest.raises(StorageError, match="only 10 MB are free"), warehouse.writing("test"):
        pytest.fail("a run began on a full disk")


def test_times_are_utc(warehouse: Warehouse) -> None:
    """A machine in Tokyo must write the same days as one in Berlin."""
    warehouse.publish()
    for opened in (warehouse.writing("test"), warehouse.reading()):
        with opened as connection:
            assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
