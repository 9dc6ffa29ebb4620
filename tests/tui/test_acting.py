"""Keys that do something: what is asked before, what is sent, what is told afterwards."""

from __future__ import annotations

from cdktr_common.catalogue.plan import Param, Plan
from cdktr_common.catalogue.principal import (
    AgentDrain,
    AgentStatus,
    AgentUndrain,
    RunCancel,
    RunDetail,
    RunExplained,
    RunRetry,
    RunShow,
    RunStart,
    RunStarted,
    RunStatus,
    RunWhy,
    TaskList,
    TaskPage,
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowPause,
    WorkflowResume,
    WorkflowShow,
)
from cdktr_common.catalogue.values import (
    AgentRow,
    AttemptRow,
    Cause,
    RunMark,
    RunRef,
    RunRow,
    TaskRow,
    WorkflowRow,
)
from cdktr_common.errors import ProtocolError
from cdktr_tui.acting.actions import Subject
from cdktr_tui.feed.items import Link
from cdktr_tui.options import Options
from cdktr_tui.session import Place
from tests.tui.stage import NOW, UP, Answers, Stage, perform

RUN = "k3f9x2mq7a"
ROW = RunRow(run=RUN, workflow="etl", state="RUNNING", created_ts=NOW - 9, tasks=3)
MARK = RunMark(run=RUN, state="RUNNING", created_ts=NOW - 9)
WORKFLOWS = [
    WorkflowRow(workflow="backup", tasks=1, paused=True),
    WorkflowRow(workflow="etl", tasks=3, last=[MARK], running=1),
    WorkflowRow(workflow="report", tasks=2),
]
PARAMS = {
    "day": Param(description="Of which day", required=True),
    "rows": Param(type="integer", default=10),
    "mode": Param(enum=["full", "part"], default="part"),
}


def detail(request: WorkflowShow) -> WorkflowDetail:
    plan = Plan(workflow=request.workflow, params=PARAMS if request.workflow == "report" else {})
    return WorkflowDetail(workflow=WorkflowRow(workflow=request.workflow), plan=plan)


def started(request: RunStart) -> RunStarted:
    return RunStarted(runs=[RunRef(run="n3wn3wn3w0", workflow=request.workflow or "")])


ANSWERS: Answers = {
    WorkflowList: WorkflowPage(workflows=WORKFLOWS, seq=10),
    WorkflowShow: detail,
    RunStart: started,
    RunShow: RunDetail(
        run=ROW, plan=Plan(workflow="etl"), params={"day": "monday"}, payload={"a": [1]}
    ),
    RunCancel: RunStatus(run=ROW),
    RunRetry: RunStarted(runs=[RunRef(run="again00000", workflow="etl")]),
    WorkflowPause: WorkflowPage(workflows=[WORKFLOWS[0]]),
    WorkflowResume: WorkflowPage(workflows=[WORKFLOWS[0]]),
}


def run(n: int = 0, state: str = "RUNNING", task: str = "") -> Subject:
    """A run as a view would name it."""
    name = f"run{n:07}"
    kind = "task" if task else "run"
    return Subject(kind, name, run=name, workflow="etl", task=task, state=state)


def foot(stage: Stage) -> str:
    return stage.text.rstrip("\n").split("\n")[-1].rstrip()


def test_a_workflow_without_params_starts_at_once_and_says_how_to_take_it_back() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "r")
        (asked,) = stage.asked(RunStart)
        assert asked.workflow == "etl" and asked.id
        assert foot(stage) == " etl started: n3wn3wn3w0; c cancels it"

    perform(script, ANSWERS)


def test_params_are_asked_for_in_a_form_that_shows_the_equal_command() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("G", "r")
        assert "run report" in stage.text and "Of which day" in stage.text
        await stage.type("mon")
        assert "cdktr-trigger --workflow report -p day=mon" in stage.text
        await stage.press("enter", "enter", "right", "enter")
        assert [each.params for each in stage.asked(RunStart)] == [{"day": "mon", "mode": "full"}]
        assert "report started" in foot(stage)

    perform(script, ANSWERS)


def test_a_form_refuses_what_cannot_be_right_and_goes_to_the_field() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("G", "r", "ctrl+s")
        assert "day is needed" in stage.text and not stage.asked(RunStart)
        await stage.type("mon")
        await stage.press("tab", "x", "ctrl+s")
        assert "rows is no integer" in stage.text and not stage.asked(RunStart)
        await stage.press("escape")
        assert "run report" not in stage.text

    perform(script, ANSWERS)


def test_what_the_principal_refuses_brings_the_form_back_as_it_was() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("G", "r")
        await stage.type("mon")
        await stage.press("ctrl+s")
        assert "day: no such day" in stage.text and "-p day=mon" in stage.text

    perform(script, {**ANSWERS, RunStart: ProtocolError("bad_field", "day: no such day")})


def test_one_cancel_is_asked_at_the_foot_and_done_with_y() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "c")
        assert f"cancel etl {RUN}? running tasks are stopped" in foot(stage)
        await stage.press("escape")
        await stage.press("c", "enter")
        assert not stage.asked(RunCancel)
        await stage.press("c", "y")
        (asked,) = stage.asked(RunCancel)
        assert (asked.run, asked.now) == (RUN, False) and asked.reason
        assert "is being cancelled; c again ends it at once" in foot(stage)

    perform(script, ANSWERS, size=(140, 24))


def test_a_second_cancel_ends_it_and_wants_the_id_typed() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "c", "y", "c")
        assert f"end at once etl {RUN}" in stage.text and f"type {RUN}:" in stage.text
        await stage.type("wrong")
        await stage.press("enter")
        assert "that is another word" in stage.text
        await stage.press("ctrl+u")
        await stage.type(RUN)
        await stage.press("enter")
        assert [each.now for each in stage.asked(RunCancel)] == [False, True]
        assert "is being ended" in foot(stage)

    perform(script, ANSWERS)


def test_several_are_listed_with_what_is_left_out_and_their_number_is_typed() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("cancel", [run(1), run(2), run(3, "COMPLETED")])
        await stage.settle()
        assert "cancel 2 runs" in stage.text and "etl run0000002" in stage.text
        assert "not run0000003: it has ended (completed)" in stage.text
        await stage.press("y", "enter")
        assert not stage.asked(RunCancel)
        await stage.press("backspace", "2", "enter")
        assert [each.run for each in stage.asked(RunCancel)] == ["run0000001", "run0000002"]
        assert foot(stage).startswith(" 2 being cancelled, 1 not: run0000003")

    perform(script, ANSWERS)


def test_each_request_has_an_id_of_its_own() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("cancel", [run(n) for n in range(20)])
        await stage.settle()
        await stage.press("2", "0", "enter")
        assert len({each.id for each in stage.asked(RunCancel)}) == 20

    perform(script, ANSWERS)


def test_a_pause_needs_no_question_and_is_taken_back_by_the_same_key() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "p")
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]
        assert foot(stage) == " etl is paused; p resumes it"
        await stage.press("k", "p")
        assert [each.workflow for each in stage.asked(WorkflowResume)] == ["backup"]
        assert foot(stage) == " backup is resumed; p pauses it"

    perform(script, ANSWERS)


def test_a_retry_asks_of_what_and_tells_the_new_run() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("retry", [run(1, "FAILED", task="load")])
        await stage.settle()
        assert "f failed tasks  a all  h from load on  esc leave" in foot(stage)
        await stage.press("h")
        stage.app.act("retry", [run(2, "FAILED")])
        await stage.settle()
        await stage.press("a")
        stage.app.act("retry", [run(3, "FAILED")])
        await stage.settle()
        await stage.press("f")
        assert [(each.run, each.tasks, each.all) for each in stage.asked(RunRetry)] == [
            ("run0000001", ["load"], False),
            ("run0000002", [], True),
            ("run0000003", [], False),
        ]
        assert foot(stage) == " etl run0000003 is repeated as again00000; c cancels it"

    perform(script, ANSWERS)


def test_a_run_in_work_is_not_repeated() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("retry", [run(1)])
        await stage.settle()
        await stage.press("f")
        assert "it is still in work" in foot(stage) and not stage.asked(RunRetry)

    perform(script, ANSWERS)


def test_again_is_given_what_the_run_was_given() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("again", [run(1, "COMPLETED")])
        await stage.settle()
        (asked,) = stage.asked(RunStart)
        assert (asked.workflow, asked.params, asked.payload) == (
            "etl",
            {"day": "monday"},
            {"a": [1]},
        )
        assert "etl started" in foot(stage)

    perform(script, ANSWERS)


def test_a_run_whose_workflow_is_gone_is_repeated_by_its_own_plan() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("again", [run(1, "COMPLETED")])
        await stage.settle()
        assert [(each.run, each.all) for each in stage.asked(RunRetry)] == [(RUN, True)]

    perform(script, {**ANSWERS, RunStart: ProtocolError("not_found", "no workflow 'etl'")})


def test_a_refusal_is_told_with_its_code_and_what_would_have_been_right() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "r")
        assert foot(stage) == " etl: not_found: no workflow 'etl'; elt?"

    perform(script, {**ANSWERS, RunStart: ProtocolError("not_found", "no workflow 'etl'", ["elt"])})


def test_a_protected_principal_wants_its_name_for_any_change() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "p")
        assert "prod is protected" in stage.text and "type prod:" in stage.text
        await stage.type("prod")
        await stage.press("enter")
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]
        await stage.press("j", "r")
        await stage.type("mon")
        await stage.press("ctrl+s")
        assert "start report" in stage.text and not stage.asked(RunStart)
        await stage.type("prod")
        await stage.press("enter")
        assert [each.params for each in stage.asked(RunStart)] == [{"day": "mon"}]

    perform(script, ANSWERS, places=(Place("prod", "tcp://10.0.0.5:5561", "red", True),))


def test_where_nothing_may_be_changed_it_is_said_why_and_nothing_is_sent() -> None:
    async def script(stage: Stage) -> None:
        for key in ("r", "c", "p", "R"):
            await stage.press("j", key, "escape")
            assert not stage.asked(RunStart) + stage.asked(RunCancel)
            assert not stage.asked(WorkflowPause) + stage.asked(RunRetry)
        await stage.press("p")
        assert foot(stage) == " read-only: nothing is changed from here"

    perform(script, ANSWERS, options=Options(fps=1000, read_only=True))


def test_nothing_is_sent_to_a_principal_that_does_not_answer() -> None:
    async def script(stage: Stage) -> None:
        await stage.tell(Link(state="lost", at=NOW - 9))
        await stage.press("j", "p")
        assert "local does not answer" in foot(stage) and not stage.asked(WorkflowPause)

    perform(script, ANSWERS)


def test_what_is_said_of_a_principal_that_is_away_goes_when_it_is_back() -> None:
    async def script(stage: Stage) -> None:
        await stage.tell(Link(state="lost", at=NOW))
        await stage.press("p")
        assert "local does not answer" in foot(stage)
        await stage.tell(UP)
        assert "p pause" in foot(stage)

    perform(script, ANSWERS)


def test_why_a_run_waits_is_told_in_a_box() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("explain", [run(1, "RUNNING")])
        await stage.settle()
        assert "why run0000001" in stage.text and "load waits for an agent with gpu" in stage.text
        await stage.press("escape")
        assert "why run0000001" not in stage.text

    cause = Cause(code="no_label", text="waits for an agent with gpu", task="load")
    perform(script, {**ANSWERS, RunWhy: RunExplained(run=ROW, causes=[cause])})


def test_why_a_run_has_failed_is_told_with_all_tries_and_steers_no_terminal() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("explain", [run(1, "FAILED")])
        await stage.settle()
        assert "load failed exit 137: killed ·memory" in stage.text
        assert "try 1 failed on db-1 after 24s, exit 137" in stage.text
        assert "\x1b" not in stage.text

    failed = AttemptRow(
        n=1,
        state="FAILED",
        agent="db-1",
        fence=1,
        assigned_ts=0,
        started_ts=1,
        ended_ts=25,
        code=137,
    )
    reason = "killed \x1b]0;x\x07\x07memory"
    task = TaskRow(task="load", state="FAILED", code=137, reason=reason, attempts=[failed])
    over = RunRow(run=RUN, workflow="etl", state="FAILED", created_ts=1, tasks=3, failed=1)
    perform(
        script,
        {**ANSWERS, RunWhy: RunExplained(run=over), TaskList: TaskPage(run=RUN, tasks=[task])},
    )


def test_a_question_takes_all_keys_and_gives_the_focus_back() -> None:
    async def script(stage: Stage) -> None:
        before = stage.view.focused
        await stage.press("j", "c", "2")
        assert stage.view.NAME == "workflows" and stage.view.focused is before
        assert not stage.asked(RunCancel)
        await stage.press("k")
        assert stage.view.rows.cursor == "backup"

    perform(script, ANSWERS)


def test_an_agent_is_drained_after_its_name_was_typed_and_gets_work_again_at_once() -> None:
    async def script(stage: Stage) -> None:
        stage.app.act("drain", [Subject("agent", "box1")])
        await stage.settle()
        assert "no new work for it; what it runs may end" in stage.text
        await stage.type("box1")
        await stage.press("enter")
        assert [each.agent for each in stage.asked(AgentDrain)] == ["box1"]
        assert foot(stage) == " box1 gets no new work; u undrains it"
        stage.app.act("undrain", [Subject("agent", "box1")])
        await stage.settle()
        assert foot(stage) == " box1 gets work again"

    box = AgentStatus(agent=AgentRow(agent="box1", state="draining"))
    perform(script, {**ANSWERS, AgentDrain: box, AgentUndrain: box})


def test_a_hint_is_a_button() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        await stage.pilot.click(offset=(foot(stage).index("p pause"), 23))
        await stage.settle()
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]

    perform(script, ANSWERS)
