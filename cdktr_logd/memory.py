"""How much memory this process has, and a bound on it.

DuckDB counts what its tables and sorts take and keeps within its limit; what a single function
makes of a row (`repeat('x', 1000000000)`) it does not count. So the process as a whole is bounded:
beyond that an allocation fails, DuckDB ends the query that asked for it, and everything else goes
on. The allocator has to give room back for that, not only pages: else what queries once had would
count for ever.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

BOUND: Final = 3 << 29
"""Bytes of data this process may have; without queries it works with a tenth of that."""

_STATM: Final = Path("/proc/self/statm")


def bound() -> None:
    """Set the bound, where the system knows one and a lower one is not set already. To be called
    before DuckDB is imported."""
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "retain:false")
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY or soft > BOUND:
            resource.setrlimit(resource.RLIMIT_DATA, (BOUND, hard))


def resident() -> int:
    """Bytes in memory now; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
