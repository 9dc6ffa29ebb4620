"""The ledger of schedules: each instant counts once, whoever tells of it and how often."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import (
    Param,
    Plan,
    Schedule,
    ScheduleRef,
    TaskPlan,
    Tick,
    TickRef,
)
from cdktr_common.errors import ProtocolError
from cdktr_common.schedules import schedule_id
from cdktr_principal.decisions import pauses, ticks, triggers
from cdktr_principal.requests import queries
from cdktr_principal.state.state import State
from cdktr_principal.store.snapshot import restore, take
from tests.unit.principal.world import World, plan

MINUTELY = Schedule(cron="* * * * *")
MINE = schedule_id(MINUTELY)
START = 1e9


class Ledger(World):
    """A world with schedules. Times are seconds after its beginning."""

    def load(self, what: Plan) -> None:
        self.core.emit(
            f.WorkflowLoaded, "workflow/", self.at(), workflow=what.workflow, hash="h", plan=what
        )
        self.turn()

    def remove(self, workflow: str) -> None:
        self.core.emit(f.WorkflowRemoved, "workflow/", self.at(), workflow=workflow)
        self.turn()

    def row(self, workflow: str = "w", schedule: str = MINE) -> Any:
        page = queries.schedule_list(
            self.core.state, self.core.session, p.ScheduleList(workflow=workflow)
        )
        return next(row for row in page.schedules if row.schedule == schedule)

    def tell(self, due: float, act: str = "fire", schedule: str = MINE, **fields: Any) -> Any:
        after = fields.pop("after", None)
        if after is None:
            after = self.row(schedule=schedule).ticked_ts - START
        told = {name: START + ts for name, ts in fields.items() if name.endswith("_ts")}
        tick = Tick(
            workflow="w", schedule=schedule, act=act, after_ts=START + after,  # type: ignore[arg-type]
            due_ts=START + due, **{**fields, **told},
        )  # fmt: skip
        reply = ticks.tick_report(self.core, None, p.TickReport(ticks=[tick]), self.at())
        self.turn()
        return reply.results[0]  # type: ignore[attr-defined]

    def pause(self, workflow: str | None = "w", **fields: Any) -> Any:
        asked = p.WorkflowPause(workflow=workflow, **fields)
        reply = pauses.pause(self.core, None, asked, self.at())
        self.turn()
        return reply

    def resume(self, workflow: str | None = "w") -> Any:
        reply = pauses.resume(self.core, None, p.WorkflowResume(workflow=workflow), self.at())
        self.turn()
        return reply


def ledger(schedule: Schedule = MINUTELY, **fields: Any) -> Ledger:
    world = Ledger()
    world.load(plan("a", schedules=[schedule], **fields))
    return world


def test_an_instant_starts_a_run_once_however_often_it_is_told() -> None:
    world = ledger()
    world.pass_time(60.1)
    first = world.tell(60, previous_ts=0.0)
    assert first.state == "fired" and first.ticked_ts == START + 60
    again = world.tell(60, after=0)
    assert (again.state, again.run, again.ticked_ts) == ("", "", START + 60)
    assert len(world.core.state.runs) == 1
    run = world.core.state.runs[first.run]
    assert run.key == f"cron/w/{MINE}/20010909T014740Z"
    assert (run.tick.due_ts, run.tick.previous_ts, run.tick.state) == (START + 60, START, "fired")
    assert world.refolded() == take(world.core.state)


def test_the_tasks_of_its_run_are_told_the_times() -> None:
    world = ledger()
    world.pass_time(70)
    world.hello("box")
    world.tell(60, previous_ts=0.0)
    env = world.fetch("box")[0].env
    assert env == {
        "CDKTR_SCHEDULED_TIME": "2001-09-09T01:47:40Z",
        "CDKTR_PREVIOUS_TIME": "2001-09-09T01:46:40Z",
        "CDKTR_TICK_STATE": "late",
    }


def test_expressions_speak_of_the_times() -> None:
    task = TaskPlan(
        id="a", argv=["x", "{{ run.scheduled_time }} {{ run.previous_time }} {{ run.tick_state }}"],
        templates=True,
    )  # fmt: skip
    world = Ledger()
    world.load(Plan(workflow="w", tasks=[task], schedules=[MINUTELY]))
    world.pass_time(60)
    world.hello("box", tasks_v=1)
    world.tell(60)
    assert world.fetch("box")[0].argv == ["x", "2001-09-09T01:47:40Z  fired"]
    world.start(Plan(workflow="other", tasks=[task]))
    assert world.fetch("box")[0].argv == ["x", "  "]


def test_a_run_that_is_repeated_is_for_the_same_instant() -> None:
    world = ledger()
    world.pass_time(60)
    world.hello("box")
    run = world.tell(60).run
    world.report("box", world.fetch("box")[0].token, "FAILED")
    asked = p.RunRetry(run=run)
    again = triggers.run_retry(world.core, world.core.state.runs[run], asked, world.at())
    made = world.core.state.runs[again.runs[0].run]  # type: ignore[attr-defined]
    assert made.tick is not None and made.tick == world.core.state.runs[run].tick


def test_late_counts_from_when_it_was_to_start() -> None:
    world = ledger()
    world.pass_time(70)
    assert world.tell(60, delay_s=6.0).state == "fired"
    world.pass_time(65)
    result = world.tell(120)
    assert result.state == "late"
    assert world.core.state.runs[result.run].tick.late_s == 15.0


@pytest.mark.parametrize(
    "told",
    [{"after": 30.0}, {"due": 0.0}, {"due": -60.0}, {"from_ts": 90.0}, {"from_ts": 0.0}],
)
def test_what_does_not_go_on_where_the_ledger_stands_is_not_taken(told: dict[str, Any]) -> None:
    world = ledger()
    world.pass_time(61)
    result = world.tell(**{"due": 60, "after": 0.0, **told})
    assert (result.state, result.ticked_ts) == ("", START)
    assert not world.core.state.runs


def test_what_is_far_ahead_of_the_clock_is_not_taken() -> None:
    world = ledger()
    result = world.tell(360)
    assert result.state == "" and "ahead of the principal's clock" in result.reason


def test_there_is_no_ledger_of_what_is_not_known() -> None:
    world = ledger()
    assert world.tell(0, schedule="00000000", after=0).ticked_ts is None


def test_ranges_are_one_word_about_many() -> None:
    world = ledger()
    world.pass_time(400)
    world.tell(300, "coalesced", from_ts=60.0, count=5, into_ts=360.0)
    assert world.tell(360).state == "late"
    told = [fact for fact in world.facts if isinstance(fact, f.TickRecorded)]
    assert [(fact.state, fact.count, fact.into_ts) for fact in told] == [
        ("coalesced", 5, START + 360), ("late", 1, None),
    ]  # fmt: skip


def test_a_paused_workflow_suppresses_what_was_to_fire() -> None:
    world = ledger()
    world.pass_time(10)
    page = world.pause(reason="kernel update")
    assert [(row.workflow, row.paused, row.paused_reason) for row in page.workflows] == [
        ("w", True, "kernel update")
    ]
    world.pass_time(51)
    result = world.tell(60)
    assert (result.state, result.run, result.reason) == ("suppressed", "", "paused: kernel update")
    assert world.row().paused_ts == START + 10
    world.resume()
    assert (world.row().paused, world.row().pauses) == (False, [[START + 10, START + 61]])
    facts = len(world.facts)
    world.resume()  # is no news
    assert len(world.facts) == facts


def test_all_are_paused_and_resumed_but_those_that_were_paused_by_name() -> None:
    world = ledger()
    world.load(plan("a", workflow="other", schedules=[MINUTELY]))
    world.pause("other")
    assert world.pause(None).paused
    assert world.row().paused and world.row("other").paused
    page = world.resume(None)
    assert not page.paused
    assert {row.workflow: row.paused for row in page.workflows} == {"w": False, "other": True}
    assert not world.row().paused and world.row("other").paused


def test_a_pause_outlives_the_file_and_the_principal() -> None:
    world = ledger()
    world.pause()
    world.remove("w")
    world.restart()
    world.load(plan("a", schedules=[MINUTELY]))
    assert world.row().paused
    world.remove("w")
    world.resume("w")
    assert not world.core.state.paused("w")


def test_paused_in_its_file() -> None:
    world = ledger(Schedule(cron="* * * * *", paused=True))
    world.pass_time(61)
    assert world.tell(60).reason == "paused in its file"
    world.load(plan("a", schedules=[MINUTELY]))
    assert (world.row().pauses, world.row().ticked_ts) == ([[START, START + 61]], START + 60)


@pytest.mark.parametrize(
    ("fields", "own", "states"),
    [
        ({}, "", ["fired", "fired"]),
        ({}, "skip", ["fired", "skipped"]),
        ({"max_active_runs": 1, "overlap": "skip"}, "", ["fired", "skipped"]),
        ({"max_active_runs": 1, "overlap": "skip"}, "allow", ["fired", "fired"]),
        ({"max_active_runs": 2}, "skip", ["fired", "fired"]),
    ],
)
def test_an_earlier_run_in_work(fields: dict[str, Any], own: Any, states: list[str]) -> None:
    world = ledger(Schedule(cron="* * * * *", overlap=own), **fields)
    told = []
    for due in (60, 120):
        world.pass_time(60)
        told.append(world.tell(due).state)
    assert told == states
    assert not any(run.queued for run in world.core.state.runs.values())


def test_its_run_waits_or_ends_the_earlier_one() -> None:
    for word, seen in (("queue", ["PENDING", "PENDING"]), ("cancel", ["CANCELLED", "PENDING"])):
        world = ledger(Schedule(cron="* * * * *", overlap=word))  # type: ignore[arg-type]
        for due in (60, 120):
            world.pass_time(60)
            world.tell(due)
        assert [run.state for run in world.core.state.runs.values()] == seen


def test_params_that_do_not_fit_any_more_are_a_reason() -> None:
    world = ledger(
        Schedule(cron="* * * * *", params={"n": "x"}), params={"n": Param(type="integer")}
    )
    world.pass_time(61)
    result = world.tell(60)
    assert result.state == "missed" and "n" in result.reason


def test_a_changed_schedule_is_accounted_for_up_to_its_end() -> None:
    world = ledger()
    world.pass_time(150)
    hourly = Schedule(cron="0 * * * *")
    world.load(plan("a", schedules=[hourly]))
    assert world.row().until_ts == START + 150
    assert world.row(schedule=schedule_id(hourly)).since_ts == START + 150
    world.tell(120, "missed", from_ts=60.0, count=2, reason="it was changed")
    assert world.tell(180, after=120.0).ticked_ts is None  # after its end there is no such schedule
    world.load(plan("a", schedules=[MINUTELY]))
    rows = [row for row in page(world) if row.schedule == MINE]
    assert [row.until_ts for row in rows] == [START + 150, None]
    closing = p.TickReport(closed=[ScheduleRef(workflow="w", schedule=MINE)])
    ticks.tick_report(world.core, None, closing, world.at())
    world.turn()
    assert [row.until_ts for row in page(world) if row.schedule == MINE] == [None]
    assert world.refolded() == take(world.core.state)


def page(world: Ledger) -> list[Any]:
    asked = p.ScheduleList()
    return queries.schedule_list(world.core.state, world.core.session, asked).schedules


def test_other_params_are_no_other_schedule() -> None:
    world = ledger()
    world.pass_time(61)
    world.tell(60)
    world.load(plan("a", schedules=[Schedule(cron="* * * * *", catchup="all", params={})]))
    row = world.row()
    assert (row.ticked_ts, row.since_ts, row.spec.catchup) == (START + 60, START, "all")


def test_a_run_for_a_past_instant() -> None:
    world = ledger()
    tick = TickRef(schedule=MINE, due_ts=START - 60, state="backfill")
    asked = p.RunStart(workflow="w", tick=tick, key="backfill/w/1")
    first = triggers.run_start(world.core, None, asked, world.at())
    again = triggers.run_start(world.core, None, asked, world.at())
    assert again.duplicate and first.runs == again.runs  # type: ignore[attr-defined]
    assert queries.run_row(world.core.state.runs[first.runs[0].run]).tick == tick  # type: ignore[attr-defined]
    for broken in ({"due_ts": 1e300}, {"due_ts": -1.0}, {"previous_ts": 1e18}, {"state": "a\nb"}):
        odd = TickRef(**{"schedule": MINE, "due_ts": 1.0, **broken})  # type: ignore[arg-type]
        with pytest.raises(ProtocolError):
            triggers.run_start(world.core, None, p.RunStart(workflow="w", tick=odd), world.at())


def test_many_schedules_come_in_pages_of_whole_workflows() -> None:
    world = Ledger()
    for name in ("x", "y", "z"):
        both = [Schedule(cron="0 1 * * *"), Schedule(cron="0 2 * * *")]
        world.load(plan("a", workflow=name, schedules=both))
    seen, after = [], ""
    while True:
        asked = p.ScheduleList(after=after, limit=3)
        found = queries.schedule_list(world.core.state, world.core.session, asked)
        seen += [row.workflow for row in found.schedules]
        if found.next is None:
            break
        after = found.next
    assert seen == ["x", "x", "y", "y", "z", "z"]


words = st.sampled_from(
    ["fire", "fire again", "miss", "pause", "resume", "pause all", "resume all", "change",
     "change back", "remove", "close", "restart", "wait"]
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(words, max_size=25))
def test_whatever_happens_no_instant_is_told_twice(story: list[str]) -> None:
    world = ledger()
    for word in story:
        _do(world, word)
    told = [fact for fact in world.facts if isinstance(fact, f.TickRecorded)]
    seen = [(fact.schedule, fact.due_ts) for fact in told]
    assert len(set(seen)) == len(seen)
    runs = [fact for fact in world.facts if isinstance(fact, f.RunCreated)]
    assert [fact.run for fact in runs] == [fact.run for fact in told if fact.run]
    image = take(world.core.state)
    assert world.refolded() == image
    state: State = restore(image)
    assert take(state) == image


def _do(world: Ledger, word: str) -> None:
    known = [row for row in page(world) if row.schedule == MINE]
    if word in ("fire", "fire again", "miss") and known:
        row = known[0]
        due = row.ticked_ts - START + 60
        world.clock = max(world.clock, due)
        for _ in range(2 if word == "fire again" else 1):
            world.tell(due, "missed" if word == "miss" else "fire", after=due - 60)
    elif "all" in word or (word in ("pause", "resume") and "w" in world.core.state.workflows):
        (world.pause if "pause" in word else world.resume)(None if "all" in word else "w")
    elif word == "change":
        world.load(plan("a", schedules=[Schedule(cron="0 * * * *")]))
    elif word == "change back":
        world.load(plan("a", schedules=[MINUTELY]))
    elif word == "remove":
        world.remove("w")
    elif word == "close" and known and known[0].until_ts is not None:
        closing = p.TickReport(closed=[ScheduleRef(workflow="w", schedule=MINE)])
        ticks.tick_report(world.core, None, closing, world.at())
        world.turn()
    elif word == "restart":
        world.restart()
    else:
        world.pass_time(7)
