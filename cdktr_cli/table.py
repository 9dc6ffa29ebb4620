"""How commands print data: tables for people, `--json` and `--ndjson` for programs.

Data goes to stdout and nothing else does. JSON has every field of a row under a stable name, times
as RFC 3339 in UTC (`created_ts` of the wire is `created` here), null for nothing. Text that came
from elsewhere is hostile: control characters are shown, never sent to the terminal. Knows the
shape of values, not what they mean.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cdktr_common import clean
from cdktr_common.cli import harmless as harmless

Row = dict[str, Any]

_USER_DATA = frozenset({"payload", "env", "params", "outputs", "output", "items", "reused"})
_COLOURS = {
    "COMPLETED": "32", "ready": "32", "ok": "32", "RUNNING": "36", "FAILED": "31",
    "CRASHED": "31", "broken": "31", "gone": "31", "CANCELLED": "33", "SKIPPED": "33",
    "silent": "33", "draining": "33", "PENDING, held": "33", "PENDING, retry": "33",
    "FAILED, tolerated": "33", "FAILED, handled": "33", "held": "33",
}  # fmt: skip


class Column(NamedTuple):
    """One column of a table: its heading, what stands in it, on which side."""

    heading: str
    cell: Callable[[Row], Any]
    right: bool = False


def rfc3339(ts: float | None) -> str | None:
    """UTC epoch seconds as `2026-01-31T12:00:00.123Z`; None stays None."""
    if ts is None:
        return None
    whole, ms = divmod(round(ts * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{ms:03d}Z"


def plain(value: Any) -> Any:
    """A message or value as plain JSON data: all fields, times spelled out."""
    import msgspec

    if isinstance(value, msgspec.Raw):
        return plain(msgspec.json.decode(value))
    if isinstance(value, msgspec.Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {
            _name(key): msgspec.to_builtins(item) if key in _USER_DATA else _timed(key, plain(item))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _name(key: str) -> str:
    return "time" if key == "ts" else key.removesuffix("_ts")


def _timed(key: str, value: Any) -> Any:
    is_time = key == "ts" or key.endswith("_ts")
    return rfc3339(value) if is_time and isinstance(value, int | float) else value


def document(value: Any) -> None:
    """One JSON document."""
    print(clean.json(json.dumps(plain(value), indent=2, ensure_ascii=False)))


def lines(values: Iterable[Any]) -> None:
    """One JSON value a line, each flushed: somebody may follow."""
    for value in values:
        text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
        print(clean.json(text), flush=True)


def show(
    args: Mapping[str, Any],
    values: Sequence[Any],
    columns: Sequence[Column],
    footer: Sequence[Any] | None = None,
) -> None:
    """Rows as the arguments ask for: `--json`, `--ndjson` or a table."""
    if args.get("--json"):
        document(list(values))
    elif args.get("--ndjson"):
        lines(values)
    else:
        for line in render([plain(value) for value in values], columns, footer):
            print(line)


def render(
    rows: Sequence[Row],
    columns: Sequence[Column],
    footer: Sequence[Any] | None = None,
    said: Callable[[Any], str] | None = None,
) -> list[str]:
    """The lines of a table: headings, rows, and a last row when there is a `footer`. `said` makes
    the text of a cell, when `text` is not to."""
    cells = [[(said or text)(column.cell(row)) for column in columns] for row in rows]
    if footer is not None:
        cells.append([text(cell) for cell in footer])
    table = [[column.heading for column in columns], *cells]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    return [_line(line, widths, columns) for line in table]


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    parts = [
        cell.rjust(width) if column.right else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    ]
    line = _cut("  ".join(parts).rstrip())
    start = 0
    for part, cell in zip(parts, cells, strict=True):
        at = start + part.find(cell)
        if _colour(cell) and line[at : at + len(cell)] == cell:
            return line[:at] + paint(cell) + line[at + len(cell) :]
        start += len(part) + 2
    return line


def _cut(line: str) -> str:
    # Only for eyes: a pipe gets all of it.
    if not sys.stdout.isatty():
        return line
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else os.get_terminal_size(sys.stdout.fileno()).columns
    return line if len(line) <= width or width < 20 else line[: width - 1] + "…"


def text(value: Any) -> str:
    """A cell: `-` for nothing, lists with commas, control characters made visible."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return text(",".join(str(item) for item in value))
    return harmless(str(value))


def coloured() -> bool:
    """Is colour wanted on stdout? CDKTR_COLOR is how `--color` reaches here."""
    wish = os.environ.get("CDKTR_COLOR", "auto")
    if wish in ("always", "never"):
        return wish == "always"
    return not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def _colour(word: str) -> str | None:
    """`FAILED, tolerated` and `RUNNING 40%` have the colour of the state."""
    first = word.partition(" ")[0]
    return _COLOURS.get(word) or (_COLOURS.get(first.rstrip(",")) if first.isupper() else None)


def paint(word: str) -> str:
    """A state in its colour, when colour is wanted."""
    code = _colour(word)
    return f"\x1b[{code}m{word}\x1b[0m" if code and coloured() else word


def loud(words: str) -> str:
    """What nobody may overlook, reversed when colour is wanted."""
    return f"\x1b[7m {harmless(words)} \x1b[0m" if coloured() else harmless(words)


def when(moment: str | None) -> str:
    """A time of a row, to the second."""
    return moment[:19] + "Z" if moment else ""


def began(row: Row) -> Any:
    """When it began; of an attempt whose agent has not told yet, when it was given out."""
    return row.get("started") or row.get("assigned")


def span(start: str | None, end: str | None, now_ts: float | None = None) -> float | None:
    """Seconds between two times of a row; to `now_ts` when it has not ended."""
    if not start:
        return None
    last = epoch(end) if end else now_ts
    return None if last is None else last - epoch(start)


def epoch(moment: str) -> float:
    """Seconds of a time as `rfc3339` writes it."""
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()
