"""The view of what is to start by time."""

from __future__ import annotations

import re

from cdktr_common.catalogue.facts import TickRecorded, WorkflowLoaded, WorkflowRemoved
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.principal import ScheduleList, SchedulePage
from cdktr_common.catalogue.values import Plan, ScheduleRow, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed.items import Link
from cdktr_tui.options import Options
from tests.tui.stage import NOW, Stage, perform

HOUR = 3600.0


def kept(workflow: str, **fields: object) -> ScheduleRow:
    spec = {name: fields.pop(name) for name in list(fields) if name in Schedule.__struct_fields__}
    paused = bool(spec.pop("paused", False))
    return ScheduleRow(
        workflow=workflow, schedule=f"s-{workflow}", spec=Schedule(**spec), paused=paused,  # type: ignore[arg-type]
        since_ts=0.0, ticked_ts=NOW - HOUR, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


ROWS = [
    kept("etl", cron="0 */6 * * *", next_ts=NOW + 6 * HOUR, due_ts=NOW, state="fired", run="k3f9x"),
    kept("report", cron="30 3 * * *", timezone="Europe/Paris", next_ts=NOW + 2.5 * HOUR),
    kept("legacy", cron="0 5 * * *", paused=True, paused_ts=NOW - 60),
]
ANSWERS = {ScheduleList: SchedulePage(schedules=ROWS, seq=10)}


def body(stage: Stage) -> list[str]:
    """The rows of the table, without marks."""
    return [re.sub(r"\s+", " ", row.lstrip(" >*")).strip() for row in stage.rows[3:]]


def test_what_is_due_stands_in_the_order_of_time_with_how_long_it_is_to_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        assert [line.split(" ")[:3] for line in body(stage)[:4]] == [
            ["02:30:00", "2h", "report"], ["05:00:00", "5h", "legacy"],
            ["06:00:00", "6h", "etl"], ["12:00:00", "12h", "etl"],
        ]  # fmt: skip
        assert "30 3 * * * Europe" in body(stage)[0] and "paused: no start" in body(stage)[1]
        assert "3 schedules 1 paused" in re.sub(" +", " ", stage.rows[1])
        assert {"workflow/", "tick/"} <= set(stage.feed.followed)

    perform(script, ANSWERS)


def test_below_stands_all_that_is_known_of_the_schedule_under_the_cursor() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        assert "03:30 there" in stage.text, "the clock of its own zone"
        await stage.press("j", "j")
        assert "fired" in stage.text and "k3f9x" in stage.text
        assert stage.text.count("06:00") >= 3, "its next instants"

    perform(script, ANSWERS, size=(100, 40))


def test_v_shows_a_day_by_the_hour_and_stays_on_the_schedule() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "j", "j", "v")
        etl = next(row for row in stage.rows if row.lstrip(" >").startswith("etl "))
        assert etl.count("●") == 3 and stage.view.rows.cursor == "etl|s-etl"  # type: ignore[attr-defined]
        await stage.press("v")
        assert stage.view.subjects()[0].workflow == "etl"
        await stage.press("v")
        minutely = kept("busy", cron="* * * * *", next_ts=NOW + 60)
        stage.feed.answers[ScheduleList] = SchedulePage(schedules=[*ROWS, minutely], seq=11)
        await stage.press("ctrl+r")
        busy = next(row for row in stage.rows if row.lstrip(" >").startswith("busy "))
        assert busy.count("+") == 24

    perform(script, ANSWERS, size=(100, 30))


def test_a_change_of_the_clock_is_marked_and_so_is_what_it_moves() -> None:
    spring = 1_774_742_400.0  # 2026-03-29T00:00:00Z
    night = kept("night", cron="30 2 * * *", timezone="Europe/Paris", next_ts=spring + HOUR)

    async def script(stage: Stage) -> None:
        stage.now = spring
        await stage.press("4", "t", "t")
        moved, due = body(stage)[:2]
        assert moved.startswith("01:00:00") and "Europe/Paris" in moved
        assert "the clock goes from 02:00 to 03:00" in moved
        assert due.startswith("01:00:00") and "02:30 does not exist" in due

    perform(script, {ScheduleList: SchedulePage(schedules=[night], seq=1)}, size=(140, 30))


def test_an_instant_that_has_passed_goes_and_what_became_of_it_is_told() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        await stage.pass_time(2.5 * HOUR + 1)
        assert body(stage)[0].startswith("05:00:00")
        tick = TickRecorded(
            seq=11, prev=0, ts=stage.now, workflow="etl", schedule="s-etl", due_ts=NOW + 6 * HOUR,
            state="missed",
        )  # fmt: skip
        await stage.press("j")
        await stage.tell(tick)
        assert "missed" in stage.text

    perform(script, ANSWERS, size=(100, 40))


def test_when_a_schedule_has_fired_it_is_asked_when_it_does_so_next() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        await stage.pass_time(2.5 * HOUR + 1)
        fired = TickRecorded(
            seq=11, prev=0, ts=stage.now, workflow="report", schedule="s-report",
            due_ts=NOW + 2.5 * HOUR, state="fired", run="k3f9y",
        )  # fmt: skip
        await stage.tell(fired)
        assert [each.workflow for each in stage.asked(ScheduleList)] == [None]
        assert "no cdktr-cron" not in stage.rows[1] and "at work?" not in stage.text
        for _ in range(5):
            await stage.pass_time(1)
        assert [each.workflow for each in stage.asked(ScheduleList)] == [None, "report"]

    perform(script, ANSWERS, size=(100, 40))


def test_a_workflow_that_is_loaded_anew_is_asked_for_alone() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        plan = Plan(workflow="etl", tasks=[TaskPlan(id="a", argv=["true"])], cron="15 1 * * *")
        news = kept("etl", cron="15 1 * * *", next_ts=NOW + 1.25 * HOUR)

        def answer(asked: ScheduleList) -> SchedulePage:
            return SchedulePage(schedules=[news] if asked.workflow == "etl" else ROWS, seq=11)

        stage.feed.answers[ScheduleList] = answer
        await stage.tell(
            WorkflowLoaded(seq=11, prev=0, ts=NOW, workflow="etl", hash="h", file="f", plan=plan)
        )
        assert [each.workflow for each in stage.asked(ScheduleList)] == [None, "etl"]
        assert body(stage)[0].startswith("01:15:00 1h etl")

    perform(script, ANSWERS)


def test_a_workflow_that_is_removed_takes_its_instants_with_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4")

        def answer(asked: ScheduleList) -> SchedulePage | ProtocolError:
            if asked.workflow == "report":
                return ProtocolError("not_found", "no workflow 'report'")
            return SchedulePage(schedules=ROWS, seq=10)

        stage.feed.answers[ScheduleList] = answer
        await stage.tell(WorkflowRemoved(seq=11, prev=0, ts=NOW, workflow="report"))
        assert "report" not in "\n".join(body(stage)) and "not_found" not in stage.text

    perform(script, ANSWERS)


def test_when_nobody_fires_them_it_says_so() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4")
        assert "no cdktr-cron fires them" in stage.rows[1]
        assert "is cdktr-cron at work?" in stage.text

    rows = [kept("etl", cron="0 * * * *")]
    perform(script, {ScheduleList: SchedulePage(schedules=rows, seq=1)}, size=(100, 30))


def test_another_instant_than_that_of_the_one_who_fires_is_told() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t", "t")
        assert "cdktr-cron is to fire it at 00:30:00: its zone table is another" in stage.text

    rows = [kept("etl", cron="0 * * * *", next_ts=NOW + 1800)]
    perform(script, {ScheduleList: SchedulePage(schedules=rows, seq=1)}, size=(100, 30))


def test_times_are_shown_in_three_forms() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "t")
        assert body(stage)[0].startswith("in 2h") and "times: relative" in stage.rows[1]
        await stage.press("t")
        assert body(stage)[0].startswith("02:30:00") and "times: utc" in stage.rows[1]

    perform(script, ANSWERS)


def test_more_instants_are_computed_when_the_cursor_comes_near_the_end() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4")
        rows = stage.view.rows  # type: ignore[attr-defined]
        assert len(rows.keys) == 300 and "300 or more within a day" in stage.text
        await stage.press("G")
        assert len(rows.keys) == 600

    rows = [kept("busy", cron="* * * * *", next_ts=NOW + 60)]
    perform(script, {ScheduleList: SchedulePage(schedules=rows, seq=1)})


def test_a_filter_is_taken_off_by_escape() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "slash")
        await stage.type("paris")
        assert "report" in stage.text and "legacy" not in stage.text
        await stage.press("enter", "escape")
        assert "legacy" in stage.text

    perform(script, ANSWERS)


def test_enter_before_anything_was_started_says_so() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "enter")
        assert "report was not started by this schedule yet" in stage.text

    perform(script, ANSWERS)


def test_without_schedules_it_says_how_to_make_one() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4")
        assert "no workflow starts by time" in stage.text and 'schedule: "0 * * * *"' in stage.text

    perform(script, {ScheduleList: SchedulePage(seq=1)})


def test_a_zone_that_this_machine_does_not_know_is_told_of() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4", "v")
        assert "cannot be told here" in stage.text and "Mars/Olympus" in stage.text

    rows = [kept("etl", cron="0 * * * *", timezone="Mars/Olympus")]
    perform(script, {ScheduleList: SchedulePage(schedules=rows, seq=1)}, size=(100, 30))


def test_it_fits_in_little_room_in_ascii_and_after_the_principal_is_lost() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("4")
        await stage.tell(Link(state="lost", at=NOW))
        assert "report" in stage.text
        await stage.press("v")
        assert "report" in stage.text

    perform(script, ANSWERS, size=(40, 10), options=Options(fps=1000, glyphs="ascii"))
