"""How the database is opened: its memory, its threads, and that nothing outside it can be reached.

What is read or written beside it is what sorting puts aside, up to a bound, and files in one
directory, where answers to queries are written before they are sent. After `lock` nothing of this
can be changed but two limits of memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb

MEMORY: Final = "192MB"
MEMORY_IN_NEED: Final = "384MB"
"""What it may have while it stores what queries have left no room for."""

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": MEMORY,
    "max_temp_directory_size": "512MB",
    "wal_autocheckpoint": "1TB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "allowed_configs": ["memory_limit", "operator_memory_limit"],
    "allocator_background_threads": True,  # gives back what a burst needed
}


class StillOpen(Exception):
    """Somebody still reads from a database of this process that was given up."""


def connect(path: Path, files: Path | None = None, *, read_only: bool = False) -> Any:
    """A connection. `files` is the directory where it may write files. Raises duckdb.Error,
    StillOpen."""
    connection: Any = duckdb.connect(str(path), read_only=read_only, config=_CONFIG)
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone()[0]:
        connection.close()
        raise StillOpen("a query still holds the database that gave up")
    if files is not None:
        text = str(files).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{text}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def lock(connection: Any) -> None:
    """Nothing can be set any more. Raises duckdb.Error."""
    connection.execute("SET lock_configuration = true")


def set_memory(connection: Any, limit: str) -> bool:
    """Give it so much. False: it has more than that in use."""
    try:
        connection.cursor().execute(f"SET memory_limit = '{limit}'")
    except duckdb.Error:
        return False
    return True
