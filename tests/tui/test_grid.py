"""The view of a workflow's tasks against its last runs."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import (
    RunDetail,
    RunList,
    RunPage,
    RunShow,
    TaskList,
    TaskPage,
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.catalogue.values import AttemptRow, Plan, RunRow, TaskPlan, TaskRow, WorkflowRow
from cdktr_tui import views
from cdktr_tui.feed.items import Link
from cdktr_tui.options import Options
from tests.tui.stage import NOW, UP, Reaction, Stage, perform

PLAN = Plan(
    workflow="etl",
    tasks=[
        TaskPlan(id="load", depends=["extract"]), TaskPlan(id="extract"),
        TaskPlan(id="report", depends=["load"]),
    ],
)  # fmt: skip
BAD = (2, 5)
ROWS = [
    RunRow(
        run=f"run{n}", workflow="etl", state="FAILED" if n in BAD else "COMPLETED",
        created_ts=NOW - 1000 + 100 * n, started_ts=NOW - 1000 + 100 * n,
        ended_ts=NOW - 950 + 100 * n, tasks=3, done=3, seq=10 + n,
    )
    for n in range(8)
]  # fmt: skip


def tasks(run: str) -> list[TaskRow]:
    bad = int(run[3:]) in BAD
    tried = AttemptRow(
        n=1, state="FAILED" if bad else "COMPLETED", agent="a", fence=1, assigned_ts=NOW,
        started_ts=NOW, ended_ts=NOW + 24, code=137 if bad else 0,
    )  # fmt: skip
    return [
        TaskRow(task="extract", state="COMPLETED"),
        TaskRow(
            task="load", state="FAILED" if bad else "COMPLETED", attempts=[tried],
            code=137 if bad else 0, reason="killed: memory" if bad else "",
        ),
        TaskRow(task="report", state="SKIPPED" if bad else "COMPLETED"),
    ]  # fmt: skip


ANSWERS: dict[type, Reaction] = {
    WorkflowShow: WorkflowDetail(workflow=WorkflowRow(workflow="etl"), plan=PLAN),
    RunList: RunPage(runs=ROWS[::-1], seq=100),
    TaskList: lambda asked: TaskPage(run=asked.run, tasks=tasks(asked.run), seq=100),
}
ALONE = replace(UP, logd=False)


async def opened(stage: Stage) -> None:
    stage.app.open(views.make("grid", stage.app.session, workflow="etl"))
    await stage.settle()


def row(stage: Stage, name: str) -> list[str]:
    return next(line for line in stage.rows[2:] if line.startswith(name)).split()[1:]


def test_who_fails_again_and_again_is_seen_in_one_look() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        names = [line.split()[0] for line in stage.rows[5:9]]
        assert names == ["run", "extract", "load", "report"]
        assert row(stage, "load") == list("✓✓✗✓✓✗✓✓")
        assert row(stage, "report") == list("✓✓›✓✓›✓✓")
        assert "6 of the last 8 done" in stage.rows[1]

    perform(script, ANSWERS, link=ALONE)


def test_the_cell_under_the_cursor_is_told_in_words_and_opened() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.press("j", "j", "left", "left")
        assert "run5" in stage.text and "failed" in stage.text
        assert "exit 137: killed: memory" in stage.text and "24s" in stage.text
        assert "failed 2 of 8 of the runs shown" in stage.text
        subject = stage.view.subjects()[0]
        assert (subject.run, subject.task, subject.n) == ("run5", "load", 1)
        await stage.press("enter")
        assert stage.asked(RunShow)[-1].run == "run5"
        assert "run5" in stage.rows[1]

    answers = {**ANSWERS, RunShow: RunDetail(run=ROWS[5], plan=PLAN, seq=100)}
    perform(script, answers, link=ALONE)


def test_v_shows_how_long_tasks_took() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.press("v")
        assert row(stage, "load") == list("████████") and "times" in stage.rows[1]

    perform(script, ANSWERS, link=ALONE)


def test_a_new_run_comes_in_at_the_right_and_the_cursor_stays_on_its_own() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "run7" in stage.text
        created = f.RunCreated(seq=101, ts=NOW, run="run8", workflow="etl", plan=PLAN)
        await stage.tell(created)
        assert len(row(stage, "run")) == 9 and row(stage, "run")[-1] == "○"
        assert "run7" in stage.text and "run8" not in stage.text
        await stage.pass_time(1)
        assert stage.asked(TaskList)[-1].run == "run8"
        before = len(stage.asked(TaskList))
        await stage.pass_time(1)
        assert len(stage.asked(TaskList)) == before

    perform(script, ANSWERS, link=ALONE)


def columns(rows: list[dict[str, object]]) -> HistoryPage:
    names = sorted({name for row in rows for name in row})
    return HistoryPage(columns=names, rows=[[row.get(name) for name in names] for row in rows])


def past(asked: HistoryList) -> HistoryPage:
    if asked.table == "runs":
        return columns([msgspec.to_builtins(row) for row in ROWS[::-1]])
    return columns([
        {"run": row.run, "task": task.task, "state": task.state, "n": 1, "code": task.code,
         "reason": task.reason, "started_ts": 1.0, "ended_ts": 2.0}
        for row in ROWS for task in tasks(row.run)
    ])  # fmt: skip


def test_runs_that_the_principal_has_forgotten_come_from_the_recorder() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert row(stage, "load") == list("✓✓✗✓✓✗✓✓")
        assert {asked.run for asked in stage.asked(TaskList)} == {"run6", "run7"}

    perform(script, {**ANSWERS, RunList: RunPage(runs=ROWS[:5:-1], seq=100), HistoryList: past})


def test_a_workflow_that_has_not_run_says_what_to_do() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "etl has not run yet" in stage.text and "r runs it" in stage.text

    perform(script, {**ANSWERS, RunList: RunPage()}, link=ALONE)


def test_v_on_a_workflow_opens_its_grid() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("v")
        assert row(stage, "load") == list("✓✓✗✓✓✗✓✓")

    page = WorkflowPage(workflows=[WorkflowRow(workflow="etl", tasks=3)])
    perform(script, {**ANSWERS, WorkflowList: page}, link=ALONE)


def test_a_grid_of_a_lost_principal_stays_and_is_called_old() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.tell(Link(state="lost", at=NOW - 3))
        assert "old data" in stage.rows[1] and row(stage, "load") == list("✓✓✗✓✓✗✓✓")

    perform(script, ANSWERS, link=ALONE)


def test_a_narrow_grid_shows_the_newest_runs() -> None:
    many = [replace(ROWS[0], run=f"run{n}", seq=n) for n in range(30)]

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert 10 < len(row(stage, "load")) < 20 and "run29" in stage.text

    perform(script, {**ANSWERS, RunList: RunPage(runs=many[::-1])}, size=(40, 12), link=ALONE)


def test_a_grid_of_letters_for_consoles_without_a_font() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert row(stage, "load") == list("++x++x++")

    options = Options(fps=1000, glyphs="ascii")
    perform(script, ANSWERS, link=ALONE, options=options)
