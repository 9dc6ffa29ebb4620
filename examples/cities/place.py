"""Where the tasks of one run keep their files, and how they read and write them.

Each run has its own directory. A file appears under its name only when it is whole, so a task
that is run again after a crash replaces what was there and never leaves half of it.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

ORDER = ("largest", "countries", "continents", "latitude", "names", "lonely")
"""The parts of the report."""


class City(NamedTuple):
    """One line of cities.csv."""

    name: str
    country: str
    continent: str
    latitude: float
    longitude: float
    people: int


def directory() -> Path:
    """The directory of this run; made when it is not there."""
    default = Path(tempfile.gettempdir()) / f"cdktr-cities-{os.getuid()}"
    base = Path(os.environ.get("CITIES_OUT") or default)
    place = base / os.environ.get("CDKTR_RUN_ID", "by-hand")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


@contextmanager
def whole(name: str) -> Iterator[TextIO]:
    """A file of this run to write; it gets its name when all is written."""
    final = directory() / name
    partial = final.with_suffix(f".{os.getpid()}.part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        yield file
    partial.replace(final)


def cities() -> list[City]:
    """What extract wrote."""
    with (directory() / "cities.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [City(a, b, c, float(d), float(e), int(f)) for a, b, c, d, e, f in rows]


def write_part(
    name: str, title: str, columns: list[str], rows: list[list[Any]], counted: list[City], note: str
) -> None:
    """One part of the report, with the totals of what it counted so that join can compare."""
    part = {
        "title": title,
        "columns": columns,
        "rows": rows,
        "note": note,
        "cities": len(counted),
        "people": sum(city.people for city in counted),
    }
    with whole(f"{name}.json") as file:
        json.dump(part, file, ensure_ascii=False)
    say(f"{name}: {len(rows)} rows of {len(counted):,} cities")


def read_json(name: str) -> Any:
    """What another task wrote."""
    return json.loads((directory() / name).read_text(encoding="utf-8"))


def say(text: str) -> None:
    """A line of progress, with the seconds since the task began."""
    print(f"[{time.process_time():5.2f} s] {text}", flush=True)
