"""Continents: how many cities and people, and how large a city typically is."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

from place import City, cities, say, write_part


def main() -> None:
    found = cities()
    by_continent: dict[str, list[City]] = defaultdict(list)
    for city in found:
        by_continent[city.continent].append(city)
    rows: list[list[Any]] = []
    for continent, theirs in by_continent.items():
        people = sum(city.people for city in theirs)
        middle = round(median(city.people for city in theirs))
        millions = sum(city.people >= 1_000_000 for city in theirs)
        rows.append([continent, len(theirs), people, middle, millions])
        say(f"{continent}: {len(theirs):,} cities")
    rows.sort(key=lambda row: -row[2])
    first = rows[0]
    write_part(
        "continents",
        "Continents",
        ["continent", "cities", "people", "median city", "of a million"],
        rows,
        found,
        f"{100 * first[2] / sum(row[2] for row in rows):.0f} % of people in cities live in "
        f"{first[0]}.",
    )


if __name__ == "__main__":
    main()
