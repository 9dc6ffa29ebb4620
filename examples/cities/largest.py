"""Largest: the cities with the most people."""

from __future__ import annotations

import sys

from place import cities, say, write_part


def main(count: int) -> None:
    found = cities()
    ranked = sorted(found, key=lambda city: (-city.people, city.name))
    rows = []
    for city in ranked[:count]:
        rows.append([city.name, city.country, city.people])
        say(f"{city.name}, {city.country}: {city.people:,}")
    total = sum(city.people for city in found)
    in_them = sum(city.people for city in ranked[:count])
    note = f"One in {total / in_them:.0f} people in cities lives in one of these {count}."
    write_part("largest", "The largest cities", ["city", "country", "people"], rows, found, note)


if __name__ == "__main__":
    main(int(sys.argv[1]))
