"""Lonely: large cities whose next large city is farthest away. The one task that computes."""

from __future__ import annotations

import math
import sys
from typing import Any

from place import City, cities, say, write_part

EARTH_KM = 6371.0


def vector(city: City) -> tuple[float, float, float]:
    """The direction of a city from the centre of the earth."""
    latitude, longitude = math.radians(city.latitude), math.radians(city.longitude)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )


def main(least: int, count: int) -> None:
    found = cities()
    large = [city for city in found if city.people >= least]
    say(f"{len(large):,} cities of {least:,} people, {len(large) ** 2:,} distances")
    vectors = [vector(city) for city in large]
    rows: list[list[Any]] = []
    for at, city in enumerate(large):
        x, y, z = vectors[at]
        # The closest direction has the largest cosine.
        cosine, near = max(
            (x * a + y * b + z * c, other) for other, (a, b, c) in enumerate(vectors) if other != at
        )
        km = round(EARTH_KM * math.acos(min(1.0, cosine)))
        rows.append([city.name, city.country, large[near].name, km])
        if at % 200 == 0:
            say(f"{at:5,} of {len(large):,}: {city.name} is {km:,} km from {large[near].name}")
    rows.sort(key=lambda row: (-row[3], row[0]))
    middle = sorted(row[3] for row in rows)[len(rows) // 2]
    write_part(
        "lonely",
        f"The loneliest cities of {least:,} people",
        ["city", "country", "next such city", "km"],
        rows[:count],
        found,
        f"Half of these {len(rows):,} cities have another within {middle} km.",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
