"""The loader and the calendar hold the same schedules for possible, whatever somebody writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common import cronline, schedules
from cdktr_common.calendar.schedule import Invalid, calendar
from cdktr_common.catalogue.plan import Plan, Schedule
from cdktr_principal.language.canonical import WORKFLOW_KEYS
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.listening import LISTENER
from cdktr_principal.language.timing import KEYS
from cdktr_principal.requests.plans import check_plan

SINCE = 1_700_000_000.0

NUMBER = st.integers(0, 61).map(str) | st.sampled_from(["07", "007", "100", "-1", "x"])
NAMES = st.sampled_from(["jan", "Feb", "DEC", "mon", "tue", "Fri", "SUN", "monday"])
ATOM = st.one_of(
    st.just("*"), NUMBER, NAMES, st.sampled_from(["L", "l", "?", "L5", "5L", "LW", "15W", "", "H"]),
    st.builds("{}-{}".format, NUMBER | NAMES, NUMBER | NAMES),
    st.builds("{}#{}".format, NUMBER | NAMES, NUMBER),
)  # fmt: skip
STEPPED = st.builds("{}/{}".format, ATOM, NUMBER)
FIELD = st.lists(ATOM | STEPPED, min_size=1, max_size=3).map(",".join)
RIGHT = st.one_of(st.just("*"), st.sampled_from(["0", "1", "*/2", "1-3", "5/2", "1,3", "6,7"]))
DAY = st.sampled_from(["*", "L", "29", "30", "31", "*/31", "?", "1-7", "15,L", "13"])
WEEKDAY = st.sampled_from(["*", "?", "mon", "sun-tue", "fri-sun", "7", "5#5", "L5", "mon#1,2#2"])
LINE = st.one_of(
    st.lists(FIELD, min_size=4, max_size=7).map(" ".join),
    st.tuples(RIGHT, RIGHT, DAY, RIGHT, WEEKDAY).map(" ".join),
    st.tuples(RIGHT, RIGHT, RIGHT, DAY, st.sampled_from(["2", "feb,4", "*"]), WEEKDAY).map(
        " ".join
    ),
    st.sampled_from([*cronline.WORDS, "@reboot", "@every 5m", "", " ", "* * * * * *"]),
)


def accepted(schedule: Schedule) -> bool:
    """Does the calendar know when that is? Then it does come."""
    try:
        found = calendar(schedule)
    except Invalid:
        return False
    first = found.after(SINCE)
    assert first is not None
    assert found.before(first.ts + 0.001) == first
    return True


@settings(max_examples=400, deadline=None)
@given(LINE, st.sampled_from(["", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_any_line(line: str, zone: str) -> None:
    text = json.dumps({"cron": {"cron": line}, "tasks": {"a": {"command": "x"}}})
    plan, faults = load_text(text.encode(), "w", "w.yaml")
    if line.startswith("@every"):
        assert plan is not None and plan.schedules[0].every_s == 300.0
        return
    assert accepted(Schedule(cron=line, timezone=zone)) == (plan is not None), faults
    if plan is not None:
        (schedule,) = plan.schedules
        assert accepted(schedule)
        assert cronline.parse(schedule.cron) == cronline.parse(line)


@pytest.mark.parametrize(
    "line",
    ["0 0 29 2 *", "0 0 29 2 mon#5", "0 0 */31 2 mon#1", "0 0 */28 2 L1", "0 0 29 2 */7",
     "59 59 23 31 12 ?", "0 0 31 1-3 *", "0 0 L 2 *", "0 0 * 2 sun#5"],
)  # fmt: skip
def test_what_comes_seldom_does_come(line: str) -> None:
    assert accepted(Schedule(cron=line))


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4 *", "0 0 */31 * mon#2", "0 0 */31 2 L3"])
def test_and_what_never_does_is_refused_by_both(line: str) -> None:
    assert not accepted(Schedule(cron=line))
    assert schedules.problem(Schedule(cron=line)) is not None


MOMENT = st.builds(
    "{}-{}-{}{}{}:{}{}{}".format,
    st.sampled_from(["2026", "1969", "2999", "3000", "26"]),
    st.sampled_from(["01", "02", "13", "2"]),
    st.sampled_from(["01", "29", "31"]), st.sampled_from(["T", " ", "t", ""]),
    st.sampled_from(["00", "02", "23", "24"]), st.sampled_from(["00", "59", "60"]),
    st.sampled_from(["", ":00", ":59.5", ":60", ":0"]),
    st.sampled_from(["", "Z", "z", "+01:00", "-23:59", "+24:00", "+0100", " UTC"]),
)  # fmt: skip


@given(MOMENT, MOMENT)
def test_any_moments(start: str, at: str) -> None:
    for key, text in (("start", start), ("end", start), ("at", at)):
        said: dict[str, Any] = {key: text} if key == "at" else {"every_s": 5.0, key: text}
        schedule = Schedule(timezone="Europe/Berlin", **said)
        try:
            calendar(schedule)
        except Invalid:
            assert schedules.problem(schedule) is not None
        else:
            assert schedules.problem(schedule) is None


SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2000), st.floats(0, 1e5), LINE, MOMENT,
    st.sampled_from(["90s", "1h", "22:30", "a.*", "run.*", "all", "skip", "Asia/Tokyo", "UTC", "x",
                     "event.payload.n > 1", "CRON_TZ=Asia/Tokyo 0 3 * * *", "{{ run.id }}"]),
)  # fmt: skip
INNER = st.dictionaries(
    st.sampled_from([*KEYS, *LISTENER, "size", "window", "p", "x"]),
    SCALAR | st.dictionaries(st.sampled_from(["p", "size", "window"]), SCALAR), max_size=4,
)  # fmt: skip
NODE = SCALAR | INNER | st.lists(SCALAR | INNER, max_size=4)
STARTS = [key for key in WORKFLOW_KEYS if key in
          ("events", "eventTrigger", "cron", "schedule", "start_time", "timezone")]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(STARTS), NODE, max_size=4), st.booleans())
def test_whatever_stands_there_is_a_fault_or_a_plan_that_holds(said: Any, param: bool) -> None:
    text = {**said, "params": {"p": 1} if param else {}, "tasks": {"a": {"command": "x"}}}
    plan, faults = load_text(json.dumps(text).encode(), "w", "w.yaml")
    assert (plan is None) == bool(faults)
    if plan is not None:
        holds(plan)


def holds(plan: Plan) -> None:
    """By wire it is as good, and the calendar takes it."""
    check_plan(plan)
    ids = [schedules.schedule_id(schedule) for schedule in plan.schedules]
    assert len(set(ids)) == len(ids)
    for schedule in plan.schedules:
        calendar(schedule).after(SINCE)
