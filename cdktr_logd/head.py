"""How far the history went: a small file beside the database, to notice one that was shortened.

DuckDB opens a file whose log was lost, or an empty directory, without a word: history would be
shorter and nobody would know. So after every commit its heights are written here, by rename and
after the database is durable: they may lag behind it and are never ahead. A file that cannot be
read counts as none. Knows numbers, no database.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from cdktr_common.files import replace_file


class Heights(msgspec.Struct, frozen=True):
    """Position of the last row of output, seq of the last fact."""

    pos: int = 0
    seq: int = 0


class Head:
    """The file in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "head"

    def read(self) -> Heights:
        """What was written last; zeros when there is nothing."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Heights)
        except (OSError, msgspec.DecodeError):
            return Heights()

    def write(self, heights: Heights) -> None:
        """Take note. On a full disk the older note stays, which is true as well."""
        with suppress(OSError):
            replace_file(self.path, msgspec.json.encode(heights), durable=False)


def way_on(path: Path, head: Head | None, shorter: bool) -> str:
    """What somebody whose history was refused can do."""
    there_was, accept = "", ""
    told = Heights() if head is None else head.read()
    if head is not None and told != Heights():
        there_was = f"{told.pos} pieces of output and {told.seq} facts had been recorded. "
        accept = f"; or remove '{head.path}' to accept the loss" if shorter else ""
    return (
        f"{there_was}Nothing has been altered. Bring {path.name} and {path.name}.wal back from a "
        f"copy; or `cdktr-logd rebuild` makes the file again, from the principal's facts and all "
        f"output that can still be read{accept}"
    )
