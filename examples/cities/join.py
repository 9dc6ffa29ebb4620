"""Join: one file of all parts. Parts that counted differently are a failure, told by exit code."""

from __future__ import annotations

import json
import sys

from place import ORDER, read_json, say, whole


def main() -> None:
    parts = {name: read_json(f"{name}.json") for name in ORDER}
    totals = {name: (part["cities"], part["people"]) for name, part in parts.items()}
    for name, (cities, people) in totals.items():
        say(f"{name:<10} {cities:>8,} cities {people:>15,} people")
    if len(set(totals.values())) != 1:
        sys.exit("join: the parts do not agree")
    cities, people = totals["largest"]
    with whole("joined.json") as file:
        joined = {"cities": cities, "people": people, "parts": list(parts.values())}
        json.dump(joined, file, ensure_ascii=False)
    say("all parts agree")


if __name__ == "__main__":
    main()
