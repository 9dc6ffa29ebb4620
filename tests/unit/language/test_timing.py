"""When a workflow starts by itself: what `cron` and its companions may say, and their faults."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_common.catalogue.values import Plan, Schedule
from cdktr_common.schedules import summary
from tests.unit.language.reading import bad, good

DO = "\ntasks: {a: {command: x}}"


def of(text: str) -> list[Schedule]:
    plan = good(text + DO)
    assert (plan.cron, plan.start_time, plan.timezone) == (None, None, "")
    return plan.schedules


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("cron: 0 3 * * *", {"cron": "0 3 * * *"}),
        ("schedule: '  0  3 * *   mon-fri '", {"cron": "0 3 * * mon-fri"}),
        ("cron: '*/10 * * * * *'", {"cron": "*/10 * * * * *"}),
        ("cron: '@daily'", {"cron": "0 0 * * *"}),
        ("cron: '@Hourly'", {"cron": "0 * * * *"}),
        ("cron: '@every 90s'", {"every_s": 90.0}),
        ("cron: '@every 1h30m'", {"every_s": 5400.0}),
        ("cron: CRON_TZ=Asia/Tokyo 0 9 * * *", {"cron": "0 9 * * *", "timezone": "Asia/Tokyo"}),
        ("cron: TZ=Asia/Tokyo @weekly", {"cron": "0 0 * * 0", "timezone": "Asia/Tokyo"}),
        ("cron: TZ=Asia/Tokyo @every 5m", {"every_s": 300.0, "timezone": "Asia/Tokyo"}),
        ("cron: 0 3 * * *\ntimezone: Europe/Berlin",
         {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}),
        ("cron: TZ=Asia/Tokyo 0 3 * * *\ntimezone: Europe/Berlin",
         {"cron": "0 3 * * *", "timezone": "Asia/Tokyo"}),
        ("cron: TZ=UTC 0 3 * * *\ntimezone: Europe/Berlin", {"cron": "0 3 * * *"}),
        ("cron: 0 3 * * *\ntimezone: UTC", {"cron": "0 3 * * *"}),
        ("cron: {cron: '@daily', timezone: Asia/Tokyo}",
         {"cron": "0 0 * * *", "timezone": "Asia/Tokyo"}),
        ("cron: {cron: TZ=Asia/Tokyo 0 3 * * *}", {"cron": "0 3 * * *", "timezone": "Asia/Tokyo"}),
        ("schedule: {every: 1s}", {"every_s": 1.0}),
        ("schedule: {every: 90, start: 2026-01-31T22:30:00+01:00}",
         {"every_s": 90.0, "start": "2026-01-31T21:30:00Z"}),
        ("schedule: {at: 2026-01-31 22:30}", {"at": "2026-01-31T22:30:00"}),
        ("schedule: {cron: 0 3 * * *, start: 2026-01-01T00:00, end: 2026-02-01T00:00:00Z, "
         "jitter: 10m, catchup: all, catchup_limit: 7, overlap: skip, paused: true}",
         {"cron": "0 3 * * *", "start": "2026-01-01T00:00:00", "end": "2026-02-01T00:00:00Z",
          "jitter_s": 600.0, "catchup": "all", "catchup_limit": 7, "overlap": "skip",
          "paused": True}),
        ("schedule: {cron: 0 3 * * *, jitter: 0, catchup: none, overlap: allow, paused: false}",
         {"cron": "0 3 * * *", "catchup": "none", "overlap": "allow"}),
        ("start_time: 22:30", {"cron": "30 22 * * *"}),
        ("start_time: 07:05:09\ntimezone: Europe/Berlin",
         {"cron": "9 5 7 * * *", "timezone": "Europe/Berlin"}),
        ("start_time: 2026-01-31T22:30:00Z", {"at": "2026-01-31T22:30:00Z"}),
        ("start_time: 2026-01-31 22:30\ntimezone: Europe/Berlin",
         {"at": "2026-01-31T22:30:00", "timezone": "Europe/Berlin"}),
        ("cron: 0 3 * * *\nstart_time: 2026-01-31T22:30:00Z",
         {"cron": "0 3 * * *", "start": "2026-01-31T22:30:00Z"}),
    ],
)  # fmt: skip
def test_one_schedule(text: str, schedule: dict[str, Any]) -> None:
    assert of(text) == [Schedule(**schedule)]


def test_a_list_of_all_kinds_with_what_the_workflow_says_for_all() -> None:
    found = of("""
timezone: Europe/Berlin
start_time: 2026-01-01T00:00
schedule:
  - 0 3 * * *
  - "@every 5m"
  - {cron: 0 3 * * *, timezone: UTC}
  - {cron: 0 3 * * *, start: 2025-01-01T00:00:00Z, timezone: Asia/Tokyo}
  - {at: 2026-05-01T12:00}""")
    berlin, start = "Europe/Berlin", "2026-01-01T00:00:00"
    assert found == [
        Schedule(cron="0 3 * * *", timezone=berlin, start=start),
        Schedule(every_s=300.0, timezone=berlin, start=start),
        Schedule(cron="0 3 * * *", start=start),
        Schedule(cron="0 3 * * *", timezone="Asia/Tokyo", start="2025-01-01T00:00:00Z"),
        Schedule(at="2026-05-01T12:00:00", timezone=berlin),
    ]


def test_no_schedule() -> None:
    assert of("cron: []") == []
    assert of("name: x") == []


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("cron: 0 3 * *", "5 fields, or 6 with seconds first; here are 4", ""),
        ("cron: 61 3 * * *", "minutes: '61' is not 0 to 59", ""),
        ("cron: 0 0 30 2 *", "'0 0 30 2 *' never comes", ""),
        ("cron: '@dayly'", "'@dayly' is none of", "did you mean @daily?"),
        ("cron: '@reboot'", "'@reboot' is none of", ""),
        ("cron: 5m", "here are 1", "write {every: 5m} or @every 5m"),
        ("cron: 2026-01-31 22:30", "here are 2", "write {at: 2026-01-31T22:30:00}"),
        ("cron: '@every 0.5s'", "@every is at least 1s", ""),
        ("cron: '@every day'", "@every is at least 1s", ""),
        ("cron: TZ=Mars/Olympus 0 3 * * *", "'Mars/Olympus' is not a time zone", "Europe/Berlin"),
        ("cron:", "cron is empty", ""),
        ("cron: [[0 3 * * *]]", "a schedule is a cron line or a mapping, not a list", ""),
        ("cron: {}", "a schedule needs one of cron, every and at", ""),
        ("cron: {cron: 0 3 * * *, every: 5m}", "a schedule with both cron and every", "write two"),
        ("cron: {every: 0.5}", "every must be at least 1s and at most 366d", ""),
        ("cron: {every: 367d}", "every must be at least 1s and at most 366d", ""),
        ("cron: {every: 5m, jitter: 25h}", "jitter must be 0 or more and at most 1d", ""),
        ("cron: {every: 5m, timezone: Berlin}", "'Berlin' is not a time zone", "Europe/Berlin"),
        ("cron: {cron: TZ=Asia/Tokyo 0 3 * * *, timezone: UTC}", "the line says Asia/Tokyo", ""),
        ("cron: {every: 5m, start: soon}", "start: 'soon' is not a date and time", "2026-01-31T"),
        ("cron: {every: 5m, start: 2026-01-01}", "'2026-01-01' is not a date and time", ""),
        ("cron: {at: 2026-01-01T00:00, end: 2026-01-02T00:00}", "end means nothing with at", ""),
        ("cron: {every: 5m, start: 2026-01-02T00:00, end: 2026-01-01T00:00}", "it ends", ""),
        ("cron: {every: 5m, catchup: yes}", "catchup is 'yes', not none, last or all", ""),
        ("cron: {every: 5m, catchup: all, catchup_limit: 1001}", "from 1 to 1000", ""),
        ("cron: {every: 5m, catchup_limit: 5}", "catchup_limit means nothing without", ""),
        ("cron: {every: 5m, overlap: wait}", "overlap is 'wait', not allow, queue, skip", ""),
        ("cron: {every: 5m, paused: 1}", "paused must be true or false", ""),
        ("cron: {every: 5m, params: [1]}", "params must be a mapping, not a list", ""),
        ("cron: {every: 5m, params: {a: 1}}", "the workflow has no param 'a'", "declare it"),
        ("cron: {every: 5m, tz: UTC}", "unknown key 'tz' in a schedule", "use timezone"),
        ("cron: {every: 5m, katchup: all}", "unknown key 'katchup'", "did you mean catchup?"),
        ("cron: [0 3 * * *, 0 0 3 * * *]", "the same times as the schedule of line 1", ""),
        ("cron: [0 3 * * 0, {cron: 0 3 * * sun, paused: true}]", "the same times", ""),
        (f"cron: [{', '.join(f'{{every: {n}}}' for n in range(1, 102))}]",
         "101 schedules, and at most 100 are allowed", ""),
        ("start_time: soon", "'soon' is neither HH:MM, HH:MM:SS nor a date", "2026-01-31T"),
        ("start_time: 24:00", "'24:00' is neither", ""),
        ("start_time: 2026-01-31", "'2026-01-31' is neither", ""),
        ("start_time: 22:30\ncron: 0 3 * * *", "start_time is a time of day, and cron says when",
         "30 22 * * *"),
        ("start_time: 2026-01-31T00:00\ncron: 0 3 * *", "here are 4", ""),
        ("timezone: Europe/Berlin", "timezone means nothing without cron or schedule", ""),
        ("timezone: Mars\ncron: 0 3 * * *", "'Mars' is not a time zone", "Europe/Berlin"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(text: str, what: str, hint: str) -> None:
    (fault,) = bad(text + DO)
    assert what in fault.what
    assert hint in fault.hint
    assert fault.see.startswith("docs/workflow.md#")


PARAMS = "params: {day: , n: {type: integer, default: 1}, v: {enum: [a, b], default: a}}\n"


def test_params_of_a_schedule_are_of_their_types() -> None:
    text = (
        PARAMS + "cron: [{every: 5m, params: {day: 1.10, n: '7'}}, {every: 6m, params: {day: x}}]"
    )
    assert [one.params for one in of(text)] == [{"day": "1.10", "n": 7}, {"day": "x"}]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("{n: 2}", "param day is required, and this schedule does not give it"),
        ("{day: x, n: two}", "param n must be a whole number, not 'two'"),
        ("{day: x, v: c}", "param v is 'c', not one of 'a', 'b'"),
        ("{day: }", "param day is empty"),
        ("{day: x, m: 1}", "the workflow has no param 'm'"),
        ("{day: '{{ run.id }}'}", "is taken as it stands: {{ run.id }} is never evaluated"),
    ],
)
def test_and_none_else(given: str, what: str) -> None:
    (fault,) = bad(f"{PARAMS}cron:\n  - {{every: 5m, params: {given}}}{DO}")
    assert what in fault.what
    assert fault.line == 3


def test_schedules_for_a_list() -> None:
    plan = good("cron: [0 3 * * *, {every: 5m, paused: true}]\ntimezone: Asia/Tokyo" + DO)
    assert summary(plan) == "0 3 * * * Asia/Tokyo; every 5m Asia/Tokyo (paused)"
    assert summary(Plan(workflow="w", cron="0 3 * * *", timezone="UTC")) == "0 3 * * * UTC"
    assert summary(Plan(workflow="w")) == ""
    many = Plan(workflow="w", schedules=[Schedule(every_s=n) for n in (1.0, 2.0, 3.0, 4.0, 5.0)])
    assert summary(many) == "every 1s; every 2s; every 3s; 2 more"
