"""The view of one run."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from rich.cells import cell_len

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogQuery
from cdktr_common.catalogue.principal import (
    RunDetail,
    RunExplained,
    RunList,
    RunPage,
    RunShow,
    RunWhy,
    TaskList,
    TaskPage,
)
from cdktr_common.catalogue.values import (
    AttemptRow,
    Cause,
    Plan,
    Retry,
    RunRow,
    TaskPlan,
    TaskRow,
)
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.feed.items import Gap, Link
from cdktr_tui.widgets.output import OutputPane
from cdktr_tui.widgets.rows import RowsView
from tests.tui.stage import NOW, UP, Reaction, Stage, perform

RUN = "k3f9x2mq7a"
NEEDS = {
    "extract": [], "clean": ["extract"], "validate": ["extract"], "load": ["clean", "validate"],
    "report": ["load"], "notify": ["load"],
}  # fmt: skip
PLAN = Plan(
    workflow="etl",
    tasks=[
        TaskPlan(id=name, depends=needs, argv=[f"./{name}.sh", "orders"], timeout_s=600.0,
                 retry=Retry(limit=2) if name == "load" else None)
        for name, needs in NEEDS.items()
    ],
)  # fmt: skip


def attempt(
    n: int, start: float, end: float | None = None, code: int = 0, agent: str = "web-1"
) -> AttemptRow:
    state = "RUNNING" if end is None else "FAILED" if code else "COMPLETED"
    return AttemptRow(
        n=n, state=state, agent=agent, fence=n, assigned_ts=NOW - 161 + start,
        started_ts=NOW - 161 + start, ended_ts=None if end is None else NOW - 161 + end,
        code=None if end is None else code, reason="killed: memory" if code else "",
    )  # fmt: skip


TRIES = {
    "extract": [attempt(1, 0, 31)], "clean": [attempt(1, 31, 89)], "validate": [attempt(1, 31, 71)],
    "load": [attempt(1, 89, 113, 137), attempt(2, 120, agent="db-1")],
}  # fmt: skip
STATES = {"load": "RUNNING", "report": "PENDING", "notify": "PENDING"}
TASKS = [
    TaskRow(
        task=name, state=STATES.get(name, "COMPLETED"), depends=needs,  # type: ignore[arg-type]
        attempts=TRIES.get(name, []),
    )
    for name, needs in NEEDS.items()
]  # fmt: skip
ROW = RunRow(
    run=RUN, workflow="etl", state="RUNNING", created_ts=NOW - 162, started_ts=NOW - 161, tasks=6,
    done=3, seq=1,
)  # fmt: skip
BEFORE = [
    RunRow(
        run=f"before{n}", workflow="etl", state="COMPLETED", created_ts=1.0, started_ts=2.0,
        ended_ts=202.0 + n, tasks=6, done=6,
    )
    for n in range(3)
]  # fmt: skip
ANSWERS: dict[type, Reaction] = {
    RunShow: RunDetail(run=ROW, plan=PLAN, seq=100),
    TaskList: TaskPage(run=RUN, tasks=TASKS, seq=100),
    RunList: RunPage(runs=BEFORE, seq=100),
    LogQuery: LogPage(),
}


async def opened(stage: Stage, **of: str) -> None:
    stage.app.open(views.make("run", stage.app.session, **{"run": RUN, **of}))
    await stage.settle()


def line_of(stage: Stage, name: str) -> str:
    """The row of a task in the table."""
    return next(row for row in stage.rows if f" {name} " in row)


def test_a_run_is_told_of_as_lanes_over_time_with_its_story() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "running 2m41s" in stage.rows[1] and "3/6 left" in stage.rows[1]
        load = line_of(stage, "load")
        assert "running" in load and "2/3" in load and "db-1" in load
        assert "▒" in load and "▸" in load and load.startswith(">")
        assert "├─✓─┐" in line_of(stage, "clean")
        assert "load try 2 on db-1" in stage.text
        assert "try 1 failed exit 137 after 24s: killed: memory (1 of 3)" in stage.text
        assert "report, notify wait for it" in stage.text

    perform(script, ANSWERS)


def test_the_first_task_that_failed_is_under_the_cursor_when_a_run_is_opened() -> None:
    tasks = [
        replace(row, state="FAILED", attempts=[attempt(1, 31, 71, 3)]) if row.task == "validate"
        else row
        for row in TASKS
    ]  # fmt: skip

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert line_of(stage, "validate").startswith(">")
        assert "try 1 failed exit 3" in stage.text
        asked = stage.asked(LogQuery)[-1]
        assert (asked.run, asked.task, asked.n) == (RUN, "validate", 1)

    perform(script, {**ANSWERS, TaskList: TaskPage(run=RUN, tasks=tasks, seq=100)})


def test_output_says_that_the_recorder_is_away_and_tasks_are_told_of_still() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.tell(replace(UP, logd_at=stage.now - 14))
        heading = next(row for row in stage.rows if "load try 2 on db-1" in row)
        assert "recorder away 14 s" in stage.rows[0] and "recorder away 14 s" in heading
        pane = stage.view.query_one(OutputPane)
        assert pane.dimmed and not stage.view.query_one(RowsView).dimmed
        await stage.tell(UP)
        assert "away" not in stage.text and not pane.dimmed

    perform(script, ANSWERS)


def test_a_large_screen_has_graph_table_story_and_output_at_once() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "extract 31s" in stage.text and "[● load 41s]" in stage.text
        assert "tasks 6" in stage.text and "QUEUED" in stage.text
        for word in ("./load.sh orders", "clean, validate", "report, notify", "10m, 9m19s left"):
            assert word in stage.text
        assert "took, vs last" in stage.text

    perform(script, ANSWERS, size=(140, 40))


def test_v_goes_from_lanes_to_the_graph_and_to_the_story() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.press("v")
        assert "[● load" in stage.text and "STATE" not in stage.text
        await stage.press("v")
        assert "command  ./load.sh orders" in stage.text and "try 1    ✗ exit 137" in stage.text
        await stage.press("v")
        assert "STATE" in stage.text

    perform(script, ANSWERS)


def test_keys_walk_along_the_lines_of_the_graph() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.press("v", "left")
        assert "[✓ clean" in stage.text or "[✓ validate" in stage.text
        await stage.press("left")
        assert "[✓ extract" in stage.text and "extract try 1 on web-1" in stage.text

    perform(script, ANSWERS)


def test_what_happens_to_a_task_is_seen_at_once() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        ended = f.TaskEnded(
            seq=101,
            ts=NOW,
            run=RUN,
            workflow="etl",
            task="load",
            n=2,
            state="COMPLETED",
            code=0,
            started_ts=NOW - 41,
            ended_ts=NOW,
            agent="db-1",
        )
        await stage.tell(ended)
        assert "done" in line_of(stage, "load") and "2/6 left" in stage.rows[1]

    perform(script, ANSWERS)


def test_the_cursor_goes_on_with_the_work_until_a_key_moves_it() -> None:
    def ended(seq: int, task: str, n: int = 1) -> f.TaskEnded:
        return f.TaskEnded(
            seq=seq,
            ts=NOW,
            run=RUN,
            workflow="etl",
            task=task,
            n=n,
            state="COMPLETED",
            code=0,
            agent="db-1",
            token="t",
        )

    def begun(seq: int, task: str) -> f.TaskAssigned:
        return f.TaskAssigned(
            seq=seq,
            ts=NOW,
            run=RUN,
            workflow="etl",
            task=task,
            n=1,
            agent="web-3",
            token="t",
            boot="b",
        )

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert line_of(stage, "load").startswith(">")
        await stage.tell(ended(101, "load", 2), begun(102, "report"), begun(103, "notify"))
        assert line_of(stage, "report").startswith(">")
        assert "report try 1 on web-3" in stage.text
        await stage.press("up", "up")
        assert line_of(stage, "validate").startswith(">")
        await stage.tell(ended(104, "report"))
        assert line_of(stage, "validate").startswith(">")

    perform(script, ANSWERS)


def test_clocks_go_on_by_themselves() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.pass_time(20)
        assert "running 3m01s" in stage.rows[1] and "1m01s" in line_of(stage, "load")

    perform(script, ANSWERS)


def test_a_task_that_only_waits_says_for_what_and_one_that_is_ready_why() -> None:
    tasks = [replace(row, state="PENDING", attempts=[]) for row in TASKS]
    why = Cause(code="no_label", text="waits for an agent with gpu: box1 has none", task="extract")
    answers = {
        **ANSWERS,
        TaskList: TaskPage(run=RUN, tasks=tasks, seq=100),
        RunWhy: RunExplained(run=ROW, causes=[why]),
    }

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "waits for an agent with gpu" in stage.text
        assert [each.task for each in stage.asked(RunWhy)] == ["extract"]
        await stage.press("j")
        assert "waits    for extract" in stage.text
        assert len(stage.asked(RunWhy)) == 1

    perform(script, answers, size=(140, 40))


def test_a_chosen_attempt_is_the_one_whose_output_is_shown() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.press("comma")
        assert "load try 1 on web-1" in stage.text
        assert stage.asked(LogQuery)[-1].n == 1
        await stage.press("full_stop")
        assert "load try 2 on db-1" in stage.text
        await stage.press("a")
        assert "all tasks" in stage.text
        assert f"log/etl/{RUN}/" in stage.feed.followed

    perform(script, ANSWERS)


def test_only_this_run_and_the_output_that_is_shown_are_followed() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert stage.feed.followed == {"run/etl/", f"log/etl/{RUN}/load/"}
        await stage.press("q")
        assert not any(topic.startswith("log/") for topic in stage.feed.followed)

    perform(script, ANSWERS)


def test_z_shows_one_pane_alone_and_esc_all_of_them_again() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        stage.view.query_one(OutputPane).focus()
        await stage.press("z")
        assert "STATE" not in stage.text and "no output yet" in stage.text
        await stage.press("escape")
        assert "STATE" in stage.text and "no output yet" in stage.text

    perform(script, ANSWERS)


GROUP = [
    TaskRow(task="split", state="RUNNING"),
    *(
        TaskRow(task=f"split[{n}]", state=state, group="split", attempts=[attempt(1, n, n + 9)])  # type: ignore[arg-type]
        for n, state in enumerate(("COMPLETED", "RUNNING", "FAILED"))
    ),
    TaskRow(task="join", state="PENDING", depends=["split"]),
]  # fmt: skip


def test_what_a_group_has_made_is_told_below_it_and_folded_by_enter() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "split (3)" in stage.text and "[2]" in stage.text
        assert "▇▇▇" in line_of(stage, "split") and "▸" in line_of(stage, "split")
        await stage.press("g", "enter")
        assert "split (3) +" in stage.text and "[2]" not in stage.text
        await stage.press("v")
        assert "split 2/3" in stage.text

    perform(script, {**ANSWERS, TaskList: TaskPage(run=RUN, tasks=GROUP, seq=100)})


def test_a_task_that_is_another_run_leads_to_it() -> None:
    calling = [TaskRow(task="orders", state="COMPLETED", calls="other12345")]

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "orders is the run other12345: enter opens it" in stage.text
        await stage.press("enter")
        assert "other12345" in [asked.run for asked in stage.asked(RunShow)]

    perform(script, {**ANSWERS, TaskList: TaskPage(run=RUN, tasks=calling, seq=100)})


def test_tasks_are_filtered_and_sorted_without_lanes() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        view = stage.view
        view.filtered("done")  # type: ignore[attr-defined]
        await stage.settle()
        assert "3 of 6 match" in stage.text and "├─" not in stage.text
        view.filtered("")  # type: ignore[attr-defined]
        view.sorted_by("dur", True)  # type: ignore[attr-defined]
        await stage.settle()
        assert "DUR▾" in stage.rows[2] and "clean" in stage.rows[3]

    perform(script, ANSWERS)


def test_the_newest_run_is_found_by_the_word_last() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage, run="last")
        assert RUN in stage.rows[1] and "load try 2" in stage.text
        assert "run/etl/" in stage.feed.followed

    perform(script, ANSWERS)


def columns(rows: list[dict[str, object]]) -> HistoryPage:
    names = sorted({name for row in rows for name in row})
    return HistoryPage(columns=names, rows=[[row.get(name) for name in names] for row in rows])


def past(asked: HistoryList) -> HistoryPage:
    if asked.table == "runs":
        ended = replace(ROW, state="FAILED", ended_ts=NOW - 60, code=3, failed=1)
        return columns([{**msgspec.to_builtins(ended), "started": "2026-01-01T00:00:00Z"}])
    told = [
        f.RunCreated(seq=10, ts=NOW - 162, run=RUN, workflow="etl", plan=PLAN),
        f.TaskAssigned(
            seq=11, ts=NOW - 161, run=RUN, workflow="etl", task="extract", n=1, agent="web-9",
            token="t", boot="b",
        ),
        f.TaskEnded(
            seq=12, ts=NOW - 60, run=RUN, workflow="etl", task="extract", n=1, state="FAILED",
            code=3, started_ts=NOW - 161, ended_ts=NOW - 60, agent="web-9", token="t",
        ),
    ]  # fmt: skip
    rows = [{"seq": fact.seq, "type": fact.__struct_config__.tag, "body": msgspec.to_builtins(fact)}
            for fact in told[::-1]]  # fmt: skip
    return columns(rows)


def test_a_run_that_the_principal_has_forgotten_is_shown_as_it_was_recorded() -> None:
    gone = ProtocolError("not_found", "no such run")

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "failed" in line_of(stage, "extract") and "web-9" in stage.text
        assert "recorded" in stage.rows[1] and "exit 3 after 1m41s" in stage.text
        assert not any(topic.startswith("run/etl/k") for topic in stage.feed.followed)

    answers = {**ANSWERS, RunShow: gone, TaskList: gone, HistoryList: past}
    perform(script, answers)


def test_a_run_of_the_list_that_was_forgotten_since_is_shown_as_it_was_recorded() -> None:
    gone = ProtocolError("not_found", "no such run")

    async def script(stage: Stage) -> None:
        listed = RunRow(
            run=RUN, workflow="etl", state="FAILED", created_ts=NOW, ended_ts=NOW, tasks=3
        )
        stage.app.session.model.runs.page(RunPage(runs=[listed], seq=1))
        await opened(stage)
        assert "recorded" in stage.rows[1] and "exit 3 after 1m41s" in stage.text
        assert [each.table for each in stage.asked(HistoryList)] == ["runs", "events"]

    perform(script, {**ANSWERS, RunShow: gone, TaskList: gone, HistoryList: past})


def test_a_run_that_nobody_knows_says_so() -> None:
    gone = ProtocolError("not_found", "no run 'k3f9x2mq7a'")

    async def script(stage: Stage) -> None:
        await opened(stage)
        assert "no run 'k3f9x2mq7a'" in stage.text and "q goes back" in stage.text

    perform(script, {RunShow: gone, TaskList: gone, HistoryList: HistoryPage()})


def test_a_lost_principal_leaves_the_run_dim_and_ctrl_r_asks_anew() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        await stage.tell(Link(state="lost", at=NOW - 12))
        assert "old data" in stage.rows[1] and "load" in stage.text
        before = len(stage.asked(RunShow))
        await stage.tell(Link(state="up", at=NOW))
        assert len(stage.asked(RunShow)) > before and "old data" not in stage.text

    perform(script, ANSWERS)


def test_facts_that_were_missed_are_asked_for_anew() -> None:
    async def script(stage: Stage) -> None:
        await opened(stage)
        before = len(stage.asked(TaskList))
        await stage.tell(Gap(topic="run/etl/", missed=3, healed=False))
        assert len(stage.asked(TaskList)) > before

    perform(script, ANSWERS)


def test_no_cell_is_wasted_on_the_smallest_screens() -> None:
    for size in ((60, 16), (40, 10), (100, 30), (200, 60)):

        async def script(stage: Stage) -> None:
            await opened(stage)
            assert "load" in stage.text
            assert all(cell_len(row) <= size[0] for row in stage.rows)  # noqa: B023

        perform(script, ANSWERS, size=size)
