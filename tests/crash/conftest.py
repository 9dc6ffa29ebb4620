"""Files of these tests lie in memory where the machine has such a place: they are synced often."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(name="ram")
def ram_fixture() -> Iterator[Path]:
    """A directory that is quick to sync."""
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="cdktr-", dir=memory if memory.is_dir() else None))
    yield directory
    shutil.rmtree(directory)
