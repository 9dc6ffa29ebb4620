"""Latitude: people in cities by bands of latitude, and the line that halves them."""

from __future__ import annotations

import math
import sys
from collections import Counter

from place import cities, say, write_part


def label(low: int, high: int) -> str:
    """`30-40 N`, counted away from the equator."""
    return f"{low}-{high} N" if low >= 0 else f"{-high}-{-low} S"


def main(degrees: int) -> None:
    found = cities()
    people: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for city in found:
        band = math.floor(city.latitude / degrees)
        people[band] += city.people
        count[band] += 1
    total = sum(people.values())
    widest = max(people.values())
    rows = []
    for band in sorted(people, reverse=True):
        name = label(band * degrees, (band + 1) * degrees)
        share = round(100 * people[band] / total, 1)
        bar = "#" * round(30 * people[band] / widest)
        rows.append([name, count[band], people[band], share, bar])
        say(f"{name:>8} {bar}")
    north = sum(amount for band, amount in people.items() if band >= 0)
    south_of_it = 0
    for city in sorted(found, key=lambda city: (city.latitude, city.name)):
        south_of_it += city.people
        if 2 * south_of_it >= total:
            break
    write_part(
        "latitude",
        "North and south",
        ["latitude", "cities", "people", "share %", "chart"],
        rows,
        found,
        f"{100 * north / total:.1f} % live north of the equator; half of all live south of "
        f"{city.latitude:.2f}, the latitude of {city.name} ({city.country}).",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
