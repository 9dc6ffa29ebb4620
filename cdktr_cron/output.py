"""How the commands print rows: a plain table, `--json` one document, `--ndjson` an object a line.

Text that came from elsewhere cannot steer a terminal. Knows no schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cdktr_common import clean, cli
from cdktr_common.cli import harmless as harmless

Row = dict[str, Any]

OPTIONS = f"""\
  --json                  Print one JSON document.
  --ndjson                Print one JSON object a line.
{cli.OPTIONS}"""
"""Options of the commands that print rows; a usage text ends with them."""


def show(args: Mapping[str, Any], rows: Iterable[Row], columns: Sequence[str]) -> int:
    """Print rows as the arguments ask for, and say how many there were. A table has the named
    fields, less those that are empty in all of its rows."""
    if args["--ndjson"]:
        return sum(1 for row in rows if print_line(row))
    found = list(rows)
    if args["--json"]:
        print(clean.json(json.dumps(found, indent=2, ensure_ascii=False)))
    elif found:
        for line in table(found, columns):
            print(line)
    return len(found)


def print_line(row: Mapping[str, Any]) -> bool:
    """One object on one line; always true."""
    print(clean.json(json.dumps(row, ensure_ascii=False, separators=(",", ":"))), flush=True)
    return True


def table(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The lines of a table."""
    shown = [name for name in columns if any(row[name] for row in rows)]
    cells = [[name.upper() for name in shown]]
    cells += [[harmless(str(row[name] or "")) for name in shown] for row in rows]
    widths = [max(len(line[at]) for line in cells) for at in range(len(shown))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def local(wall: datetime) -> str:
    """`Sun 2026-03-29 03:00:00`, as the clock shows it."""
    fraction = f".{wall.microsecond:06}".rstrip("0") if wall.microsecond else ""
    return f"{wall:%a %Y-%m-%d %H:%M:%S}{fraction}"


def offset(wall: datetime) -> str:
    """`+02:00`."""
    return wall.isoformat()[-6:]


def counted(number: int, what: str) -> str:
    """`1 schedule`, `2 schedules`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
