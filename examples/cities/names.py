"""Names: which ones many cities have, and how long they are."""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import mean
from typing import Any

from place import City, cities, say, write_part


def main(count: int) -> None:
    found = cities()
    by_name: dict[str, list[City]] = defaultdict(list)
    for city in found:
        by_name[city.name].append(city)
    shared = [theirs for theirs in by_name.values() if len(theirs) > 1]
    say(f"{len(by_name):,} different names, {len(shared):,} of them of several cities")
    rows: list[list[Any]] = [
        [
            theirs[0].name,
            len(theirs),
            len({city.country for city in theirs}),
            max(theirs, key=lambda city: city.people).country,
        ]
        for theirs in shared
    ]
    rows.sort(key=lambda row: (-row[1], -row[2], row[0]))
    longest = max(by_name, key=lambda name: (len(name), name))
    write_part(
        "names",
        "Names that many cities have",
        ["name", "cities", "countries", "largest is in"],
        rows[:count],
        found,
        f"A name has {mean(len(city.name) for city in found):.1f} letters; the longest, {longest}, "
        f"has {len(longest)}.",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
