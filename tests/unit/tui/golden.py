"""Pictures kept as text beside the tests: compared, or written anew to be read as a diff.

`GOLDEN=write pytest tests/unit/tui` writes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cdktr_tui.draw.line import Line, plain

FOLDER = Path(__file__).parent / "golden"


def compare(name: str, drawn: Iterable[Line | str]) -> None:
    """The picture is as it was."""
    texts = [one if isinstance(one, str) else plain(one) for one in drawn]
    text = "".join(f"{line.rstrip()}\n" for line in texts)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
