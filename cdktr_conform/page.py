"""The clauses of PROTOCOL.md, read off the page itself, so that a report quotes what it says.

A clause is what stands before its mark, like [F1], in its paragraph, item or row. The messages of
the generated half are clauses by their names. Knows no check.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

MARK: Final = re.compile(r"\s*\[([A-Z]\d)\]")
_BLOCKS: Final = re.compile(r"\n\s*\n|\n(?=- )|\n(?=\|)")


@cache
def clauses() -> dict[str, str]:
    """The words of each clause by its name."""
    page = files("cdktr_common").joinpath("PROTOCOL.md").read_text()
    prose, _, generated = page.partition("<!-- generated")
    found: dict[str, str] = {}
    for block in _BLOCKS.split(prose):
        begin = 0  # what stands twice, as where marks are introduced, counts by its last place
        for mark in MARK.finditer(block):
            found[mark[1]] = " ".join(block[begin : mark.start()].split()).strip("|- ")
            begin = mark.end()
    for section in re.split(r"\n### ", generated)[1:]:
        name, _, rest = section.partition("\n")
        if re.fullmatch(r"`[a-z]+(\.[a-z]+)?`", name):
            found[name.strip("`")] = " ".join(rest.strip().partition("\n\n")[0].split())
    return dict(sorted(found.items()))
