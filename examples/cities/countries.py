"""Countries: people in cities by country, and how much of that is one city."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

from place import City, cities, say, write_part


def main(count: int) -> None:
    found = cities()
    by_country: dict[str, list[City]] = defaultdict(list)
    for city in found:
        by_country[city.country].append(city)
    say(f"{len(by_country)} countries have cities")
    rows: list[list[Any]] = []
    for country, theirs in by_country.items():
        people = sum(city.people for city in theirs)
        largest = max(theirs, key=lambda city: (city.people, city.name))
        share = 100 * largest.people / people if people else 0.0
        rows.append([country, len(theirs), people, largest.name, round(share, 1)])
    rows.sort(key=lambda row: (-row[2], row[0]))
    single = sum(row[1] == 1 for row in rows)
    write_part(
        "countries",
        f"The {count} countries with the most people in cities",
        ["country", "cities", "people", "largest city", "its share %"],
        rows[:count],
        found,
        f"{len(rows)} countries have a city in the list, {single} of them only one.",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
