"""SQL lives in .sql files beside the Python that runs them, one statement a file, values always bound."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def statement(package: str, name: str) -> str:
    """Return the text of `<package>/<name>.sql`. Raises FileNotFoundError for a name that does not exist."""
    return resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
