"""The view of workflows."""

from __future__ import annotations

from cdktr_common.catalogue.facts import TickRecorded
from cdktr_common.catalogue.principal import (
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.catalogue.values import RunMark, WorkflowRow
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed.items import Link
from tests.tui.stage import NOW, Stage, perform

MARKS = [
    RunMark(
        run=f"r{n:09}", state=state, created_ts=NOW - 90, started_ts=NOW - 80, ended_ts=NOW - 60
    )
    for n, state in enumerate(("COMPLETED", "FAILED", "COMPLETED"))
]
ROWS = [
    WorkflowRow(workflow="backup", tasks=1, events=["disk.full"], paused=True),
    WorkflowRow(workflow="etl", tasks=6, schedule="0 * * * *", next_ts=NOW + 600, last=MARKS),
    WorkflowRow(workflow="report", tasks=2),
]
PAGE = WorkflowPage(workflows=ROWS, seq=10)


def shown(name: WorkflowShow) -> WorkflowDetail | ProtocolError:
    row = next((row for row in ROWS if row.workflow == name.workflow), None)
    return WorkflowDetail(workflow=row) if row else ProtocolError("not_found", "no such workflow")


ANSWERS = {WorkflowList: PAGE, WorkflowShow: shown}


def test_a_row_tells_how_the_last_runs_went_and_what_starts_it() -> None:
    async def script(stage: Stage) -> None:
        etl = next(row for row in stage.rows if "etl" in row)
        assert "✓✗✓ done 1m" in etl and "20s" in etl and "cron" in etl
        assert "paused" in next(row for row in stage.rows if "backup" in row)
        assert "manual" in next(row for row in stage.rows if "report" in row)

    perform(script, ANSWERS)


def test_the_workflow_under_the_cursor_is_told_of_below() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        assert "0 * * * *" in stage.text and "6 tasks" in stage.text
        assert [each.workflow for each in stage.asked(WorkflowShow)] == ["backup", "etl"]

    perform(script, ANSWERS)


def test_without_workflows_it_says_what_to_do() -> None:
    async def script(stage: Stage) -> None:
        assert "there are no workflows" in stage.text and "cdktr-check" in stage.text

    perform(script, {WorkflowList: WorkflowPage()})


def test_a_principal_that_does_not_answer_is_named_with_what_to_do() -> None:
    async def script(stage: Stage) -> None:
        assert "no principal answers at ipc:///h/run/principal.sock" in stage.text
        assert "cdktr start principal" in stage.text

    perform(script, {}, link=Link(state="connecting"))


def test_a_refusal_is_told_as_it_came() -> None:
    async def script(stage: Stage) -> None:
        assert "denied: not for you" in stage.text

    perform(script, {WorkflowList: ProtocolError("denied", "not for you")})


def test_what_is_shown_of_a_lost_principal_stays_and_is_called_old() -> None:
    async def script(stage: Stage) -> None:
        await stage.tell(Link(state="lost", at=NOW - 12))
        assert "lost 12 s" in stage.rows[0] and "old data" in stage.rows[1]
        assert "etl" in stage.text

    perform(script, ANSWERS)


def test_a_principal_that_is_back_is_asked_anew() -> None:
    async def script(stage: Stage) -> None:
        before = len(stage.asked(WorkflowList))
        await stage.tell(Link(state="lost", at=NOW), Link(state="up", at=NOW))
        assert len(stage.asked(WorkflowList)) == before + 1 and "old data" not in stage.text

    perform(script, ANSWERS)


def test_when_a_workflow_has_fired_it_is_asked_when_it_does_so_next() -> None:
    def told(asked: WorkflowList) -> WorkflowPage:
        if asked.workflow != "etl":
            return PAGE
        again = WorkflowRow(workflow="etl", tasks=6, schedule="0 * * * *", next_ts=NOW + 4200)
        return WorkflowPage(workflows=[again], seq=12)

    async def script(stage: Stage) -> None:
        before = next(row for row in stage.rows if "etl" in row)
        fired = TickRecorded(
            seq=11, ts=NOW, workflow="etl", schedule="s", state="fired", due_ts=NOW + 600
        )
        await stage.tell(fired)
        await stage.pass_time(1)
        assert [asked.workflow for asked in stage.asked(WorkflowList)] == [None, "etl"]
        after = next(row for row in stage.rows if "etl" in row)
        assert ":10:00" in before and ":10:00" in after and before != after
        await stage.pass_time(1)
        assert len(stage.asked(WorkflowList)) == 2

    perform(script, {**ANSWERS, WorkflowList: told})
