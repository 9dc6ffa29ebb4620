"""The view of queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdktr_common.catalogue.logd import (
    QueryNext,
    QueryPage,
    QueryRun,
    QueryStop,
    QueryStopped,
)
from cdktr_common.catalogue.principal import WorkflowList, WorkflowPage
from cdktr_common.errors import ProtocolError
from cdktr_tui.options import Options
from cdktr_tui.settings import Own, read
from tests.tui.stage import Stage, perform

ROWS: list[list[Any]] = [
    ["etl", 12, 250.3, {"a": [1]}],
    ["back\x1b[31mup", 3, None, None],
    ["report\nof all", 104, 0.25, True],
]
COLUMNS, TYPES = ["workflow", "n", "p95", "x"], ["VARCHAR", "BIGINT", "DOUBLE", "JSON"]


def page(asked: QueryRun | QueryNext, **fields: Any) -> QueryPage:
    made: dict[str, Any] = {"columns": COLUMNS, "types": TYPES, "rows": ROWS, "took_s": 0.12}
    return QueryPage(query=asked.query, **{**made, **fields})


ANSWERS: dict[Any, Any] = {
    WorkflowList: WorkflowPage(),
    QueryRun: page,
    QueryStop: QueryStopped(),
}


async def enter(stage: Stage, sql: str = "from runs") -> None:
    await stage.press("6", "i")
    await stage.type(sql)
    await stage.press("enter")


def order(stage: Stage) -> list[str]:
    return [word for row in stage.rows for word in ("etl", "backup", "report") if f" {word}" in row]


def test_a_query_that_is_typed_shows_its_rows() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        assert "> from runs" in stage.text and "3 rows in 0.12 s" in stage.text
        assert "WORKFLOW" in stage.text and '{"a":[1]}' in stage.text
        assert [each.sql for each in stage.asked(QueryRun)] == ["from runs"]
        assert order(stage) == ["etl", "backup", "report"]

    perform(script, ANSWERS)


def test_nothing_is_asked_before_something_is_entered() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("6")
        assert "failures within 24h" in stage.text and "i types a query" in stage.text
        assert not stage.asked(QueryRun)

    perform(script, ANSWERS)


def test_what_follows_the_command_is_the_query() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("colon")
        await stage.type("select 1")
        await stage.press("enter")
        assert [each.sql for each in stage.asked(QueryRun)] == ["select 1"]
        assert "3 rows" in stage.text

    perform(script, ANSWERS)


def test_esc_stops_a_query_by_its_name() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        await stage.pass_time(3)
        assert "3 s; esc stops" in stage.text
        await stage.press("escape")
        (asked,) = stage.asked(QueryRun)
        assert [each.query for each in stage.asked(QueryStop)] == [asked.query]
        assert "stopped" in stage.text and stage.view.NAME == "query"

    perform(script, {**ANSWERS, QueryRun: None})


def test_pages_are_fetched_to_the_last() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        assert "6 rows (cut)" in stage.text
        assert [each.page for each in stage.asked(QueryNext)] == [1]

    more = {QueryRun: lambda asked: page(asked, next=1), QueryNext: lambda n: page(n, cut=True)}
    perform(script, {**ANSWERS, **more})


def test_a_fault_is_told_with_its_place() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage, "selec")
        assert "bad_field: Parser Error" in stage.text
        assert "LINE 1: selec" in stage.text and "\x1b" not in stage.text

    wrong = ProtocolError("bad_field", 'Parser Error: "selec\x1b[2J"\n\nLINE 1: selec\n        ^')
    perform(script, {**ANSWERS, QueryRun: wrong})


def test_rows_are_sorted_and_searched_here() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        await stage.press("o", "2")
        assert order(stage) == ["backup", "etl", "report"]
        await stage.press("O")
        assert order(stage) == ["report", "etl", "backup"]
        await stage.press("o", "3")
        assert order(stage) == ["report", "etl", "backup"]
        await stage.press("slash")
        await stage.type("of all")
        assert order(stage) == ["report"] and "1 match" in stage.text
        await stage.press("enter", "escape")
        assert len(order(stage)) == 3 and len(stage.asked(QueryRun)) == 1

    perform(script, ANSWERS)


def test_enter_shows_all_of_a_row() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        await stage.press("G", "enter")
        assert "row 3" in stage.text
        assert any(row.strip(" │").endswith("of all") for row in stage.rows)

    perform(script, ANSWERS)


def test_a_saved_query_is_chosen_and_an_own_one_is_kept(tmp_path: Path) -> None:
    own = Own(queries={"mine": "select 42"}, path=str(tmp_path / "tui.yaml"))

    async def script(stage: Stage) -> None:
        await stage.press("6", "s")
        assert "mine" in stage.text and "agents" in stage.text
        await stage.press("1")
        assert stage.asked(QueryRun)[-1].sql == "select 42"
        await stage.press("S")
        await stage.type("other")
        await stage.press("enter", "s")
        assert "other" in stage.text
        assert read(str(tmp_path)).queries == {"other": "select 42"}

    perform(script, ANSWERS, options=Options(fps=1000, own=own))


def test_history_comes_back_and_words_are_completed() -> None:
    async def script(stage: Stage) -> None:
        await enter(stage, "from runs")
        await stage.press("i", *["backspace"] * 9)
        await stage.type("from tas")
        await stage.press("tab", "enter")
        await stage.press("i", "up", "up", "enter")
        sent = [each.sql for each in stage.asked(QueryRun)]
        assert sent == ["from runs", "from tasks", "from runs"]

    perform(script, ANSWERS)


def test_the_query_is_written_in_an_editor(tmp_path: Path, monkeypatch: Any) -> None:
    async def script(stage: Stage) -> None:
        await enter(stage)
        await stage.press("E")
        assert "cannot be given away" in stage.text or len(stage.asked(QueryRun)) == 2

    monkeypatch.setenv("EDITOR", "sed -i s/runs/tasks/")
    perform(script, ANSWERS)


def test_all_rows_are_exported_as_they_came(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        path = tmp_path / "rows.ndjson"
        await enter(stage)
        await stage.press("e", "n", "ctrl+u")
        await stage.type(str(path))
        await stage.press("enter")
        first = path.read_text().splitlines()[0]
        assert first == '{"workflow":"etl","n":12,"p95":250.3,"x":{"a":[1]}}'

    perform(script, ANSWERS)
