"""Schedules, pauses and what becomes of instants, through real programs; time is told by hand."""

from collections.abc import Iterator

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.values import NextTick, ScheduleRow, Tick
from cdktr_common.client import Client
from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import wait_until

TIMED = """\
name: Timed job
cron: 0 3 * * *
events: [go]
tasks: {show: {command: 'echo "$CDKTR_SCHEDULED_TIME $CDKTR_PREVIOUS_TIME $CDKTR_TICK_STATE"'}}
"""


@pytest.fixture
def box() -> Iterator[Stand]:
    with stand() as made:
        yield made


def schedule(box: Stand) -> ScheduleRow:
    asked = p.ScheduleList(workflow="timed")
    return box.env.client().ask(asked, p.SchedulePage).schedules[0]


def tell(box: Stand, row: ScheduleRow, act: str, due: float) -> p.TickReported:
    tick = Tick(
        workflow="timed", schedule=row.schedule, act=act, after_ts=row.ticked_ts, due_ts=due,  # type: ignore[arg-type]
        previous_ts=due - 86400,
    )  # fmt: skip
    last = NextTick(workflow="timed", schedule=row.schedule, next_ts=due + 86400)
    asked = p.TickReport(ticks=[tick], next=[last])
    return box.env.client().ask(asked, p.TickReported)


def test_what_is_told_of_time_is_seen_everywhere(box: Stand) -> None:
    env = box.env
    env.workflow("timed", TIMED)
    env.principal()
    env.logd()
    env.agent("box1")
    row = schedule(box)
    due = float(int(row.since_ts) + 1)
    assert tell(box, row, "fire", due).results[0].state == "fired"
    told = schedule(box)
    assert (told.state, told.due_ts, told.ticked_ts) == ("fired", due, due)
    assert tell(box, row, "fire", due).results[0].state == ""  # again: nothing
    run = env.wait(told.run)
    assert run.tick is not None and run.tick.due_ts == due
    output = box.out("cdktr-logs", "query", "--run", told.run).split()
    assert output[-1] == "fired" and output[-3].endswith("Z") and output[-2] < output[-3]
    assert f"fired, due {output[-3][:-1]}" in box.out("cdktr-ctl", "show", told.run)
    line = box.out("cdktr-ctl", "schedules").splitlines()[1]
    assert line.split()[:9] == [
        "timed",
        told.schedule,
        "0",
        "3",
        "*",
        "*",
        "*",
        "on",
        line.split()[8],
    ]
    assert "fired" in line and told.run in line

    def recorded() -> bool:
        with Client(f"ipc://{env.home}/run/logd.sock") as logd:
            rows = logd.ask(HistoryList(table="ticks", workflow="timed"), HistoryPage).rows
        return [row[:4] for row in rows] == [["timed", told.schedule, "fired", due]]

    wait_until(recorded)


def test_a_pause_holds_back_time_and_events_but_not_people(box: Stand) -> None:
    env = box.env
    env.workflow("timed", TIMED)
    env.principal()
    row = schedule(box)
    shown = box.out("cdktr-ctl", "pause", "Timed job", "--reason", "warehouse moves")
    assert "paused: warehouse moves" in shown
    result = tell(box, row, "fire", float(int(row.since_ts) + 1)).results[0]
    assert (result.state, result.reason) == ("suppressed", "paused: warehouse moves")
    env.procs[0].kill()
    env.principal()
    assert "paused: warehouse moves" in box.out("cdktr-ctl", "workflows")
    assert "paused" in box.out("cdktr-ctl", "schedules", "timed")
    assert box.out("cdktr-trigger", "--workflow", "timed")
    box.out("cdktr-ctl", "pause", "timed")  # once more, and the reason stands
    assert "paused: warehouse moves" in box.out("cdktr-ctl", "workflows")
    assert box.call("cdktr-ctl", "pause", "nobody").returncode == 3
    box.out("cdktr-ctl", "pause", "--all")
    done = box.call("cdktr-ctl", "resume", "timed")
    assert done.returncode == 0 and b"all workflows are paused" in done.stderr
    box.out("cdktr-ctl", "pause", "failing")
    done = box.call("cdktr-ctl", "resume", "--all")
    assert b"still paused by name: cdktr-ctl resume failing" in done.stderr
    assert not schedule(box).paused


def test_a_list_of_workflows_has_patterns_beside_names(box: Stand) -> None:
    box.env.workflow(
        "all", "{events: [go, {event: 'new-*', if: 'true'}], tasks: {a: {command: x}}}"
    )
    box.env.principal()
    line = box.out("cdktr-ctl", "workflows").splitlines()[1]
    assert line.split()[:4] == ["all", "-", "1", "go,new-*"]
