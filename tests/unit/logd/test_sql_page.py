"""The page of SQL: its views are those of the database, and its recipes give rows, as do the
queries that the terminal view has.
`python -m tests.unit.logd.test_sql_page` writes the views anew."""

from __future__ import annotations

import queue
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue.logd import QueryPage, QueryRun
from cdktr_logd import allowed
from cdktr_logd.question import Question
from cdktr_logd.store import Store
from cdktr_tui.draw.queries import SAVED
from tests.unit.logd.test_core import chunk
from tests.unit.logd.test_queries import store_facts, store_output

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "sql.md"
PLACE = re.compile(r"(<!-- views: .+? -->\n).*(<!-- end of views -->)", re.DOTALL)
VIEW = re.compile(r"((?:^--[^\n]*\n)+)CREATE VIEW (\w+) AS", re.MULTILINE)
RECIPES = re.findall(r"```sql\n(.+?)```", PAGE.read_text(), re.DOTALL)
NOW = 4_000_000_000.0
A = {"workflow": "etl", "run": "r1"}
B = {"workflow": "etl", "run": "r2", "task": "a", "n": 1}
FACTS: tuple[dict[str, Any], ...] = (
    {"type": "run.created", **A, "plan": {"tasks": [{}]}},
    {"type": "task.assigned", **A, "task": "a", "n": 1, "agent": "box1"},
    {"type": "task.crashed", **A, "task": "a", "n": 1, "agent": "box1", "reason": "died"},
    {"type": "task.assigned", **A, "task": "a", "n": 2, "agent": "box2"},
    {"type": "task.ended", **A, "task": "a", "n": 2, "agent": "box2", "state": "COMPLETED",
     "started_ts": NOW, "ended_ts": NOW + 1.5},
    {"type": "run.ended", **A, "state": "COMPLETED"},
    {"type": "run.created", "workflow": "etl", "run": "r2", "plan": {"tasks": [{}]}},
    {"type": "task.assigned", **B, "agent": "box1"},
    {"type": "task.ended", **B, "agent": "box1", "state": "FAILED", "code": 3,
     "started_ts": NOW, "ended_ts": NOW + 1},
    {"type": "run.ended", "workflow": "etl", "run": "r2", "state": "FAILED", "reason": "a: 3"},
    {"type": "run.created", "workflow": "etl", "run": "r3", "plan": {"tasks": [{}]}},
    {"type": "run.ended", "workflow": "etl", "run": "r3", "state": "CANCELLED", "reason": "enough"},
    {"type": "tick.recorded", "workflow": "etl", "schedule": "0 * * * *", "state": "missed",
     "due_ts": NOW},
)  # fmt: skip


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        store_facts(store, *({**fact, "ts": NOW + i} for i, fact in enumerate(FACTS)))
        store_output(store, [chunk(0, b"fine\nsome Error here\n", stream="stderr")])
        yield store
        store.close()


def asked(store: Store, sql: str) -> QueryPage:
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    question = Question(
        "q", QueryRun(sql=sql), store.session(), store.files, lambda *one: told.put(one)
    )
    question.join(20)
    body, _, fault = told.get()
    assert fault is None, fault
    return msgspec.json.decode(body, type=QueryPage)


def fresh(store: Store, text: str) -> str:
    """The page with its views as they are now."""
    schema = (ROOT / "cdktr_logd/schema.sql").read_text()
    told = {name: words for words, name in VIEW.findall(schema)}
    assert set(told) == set(allowed.VIEWS)
    parts = []
    for view in allowed.VIEWS:
        words = " ".join(line.removeprefix("--").strip() for line in told[view].strip().split("\n"))
        rows = asked(store, f"select column_name, column_type from (describe {view})").rows
        columns = ", ".join(f"`{name}` {kind}" for name, kind in rows)
        parts.append(f"### {view}\n\n{words}\n\n{columns}\n\n")
    return PLACE.sub(lambda found: f"{found[1]}\n{''.join(parts)}{found[2]}", text)


def test_the_views_are_those_of_the_database(store: Store) -> None:
    text = PAGE.read_text()
    assert fresh(store, text) == text, "python -m tests.unit.logd.test_sql_page writes it anew"


@pytest.mark.parametrize(
    "sql", [*RECIPES, *SAVED.values()], ids=lambda sql: sql[:30].split("\n")[0]
)
def test_a_recipe_gives_rows(store: Store, sql: str) -> None:
    page = asked(store, sql)
    assert page.rows and len(page.columns) == len(page.types)


def test_what_changes_something_or_tells_of_others_is_known_by_name(store: Store) -> None:
    harmless = {
        "error", "gen_random_uuid", "random", "stats", "uuid", "uuidv4", "uuidv7", "vector_type",
    }  # fmt: skip
    rows = store.read(
        "SELECT DISTINCT function_name FROM duckdb_functions()"
        " WHERE function_type = 'scalar' AND (has_side_effects OR stability = 'VOLATILE')"
    )
    assert {row[0] for row in rows} <= allowed.REFUSED | harmless


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        PAGE.write_text(fresh(Store(Path(directory)), PAGE.read_text()))
