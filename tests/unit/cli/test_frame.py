"""What `cdktr-ctl top` shows fits the screen, whatever there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_cli import frame
from cdktr_cli.glance import Glance
from cdktr_common.catalogue.values import AgentLoad, AgentRow, AgentTask, RunRow

RUN = RunRow(run="k3f9x2mq7a", workflow="etl", state="RUNNING", created_ts=0, started_ts=5, tasks=4)
ENDED = RunRow(
    run="a81c", workflow="bkp", state="FAILED", created_ts=1, started_ts=1, ended_ts=3, tasks=1,
    done=1, failed=1, code=7, reason="a exited\x1b[2J with 7",
)  # fmt: skip
TASK = AgentTask(run="k3f9x2mq7a", workflow="etl", task="load", n=2, since_ts=5, started_ts=10)
BOX = AgentRow(
    agent="box1", state="ready", slots=4, running=1, busy=3, load=AgentLoad(cpu_pct=12.5)
)
GONE = AgentRow(agent="a-gone", state="gone", slots=8, reason="said good-bye")
COUNTS = {
    "runs_running": 1, "runs_pending": 2, "runs_queued": 0, "failed_day": 3, "tasks_running": 1,
    "tasks_ready": 1234, "paused": 2,
}  # fmt: skip


def glance(**changes: object) -> Glance:
    whole = Glance(70.0, COUNTS, [RUN], [ENDED], [("box1", TASK)], [GONE, BOX])
    return whole._replace(**changes)  # type: ignore[arg-type]


def test_all_of_it_is_told() -> None:
    shown = frame.lines(glance(), "ipc:///x", 70.0)
    assert shown[0] == "cdktr top  ipc:///x  1970-01-01T00:01:10Z"
    assert shown[1].split("    ")[1:] == [
        "1 running  2 pending  0 queued  3 failed in 24 h", "paused workflows 2",
    ]  # fmt: skip
    assert shown[2] == "tasks   1 running  1,234 ready"
    assert shown[3].startswith("agents  1 ready  0 silent  0 draining  1 gone    ")
    assert shown[3].endswith("slots 3/4 [###############.....]")  # not those that are gone
    told = {line.split()[0]: line for line in shown[4:] if line}
    assert told["k3f9x2mq7a"].split()[:5] == ["k3f9x2mq7a", "etl", "RUNNING", "0/4", "1m05s"]
    assert told["a81c"].split()[:7] == ["a81c", "bkp", "FAILED", "1/1", "(1", "failed)", "2.00"]
    assert "\x1b" not in told["a81c"]
    assert told["box1"].split()[:4] == ["box1", "ready", "3/4", "12"]
    assert shown.index(told["box1"]) < shown.index(told["a-gone"])


def test_the_task_that_runs_longest_is_told_with_its_place() -> None:
    [line] = [line for line in frame.lines(glance(), "", 70.0) if line.startswith("box1  load")]
    assert line.split() == ["box1", "load", "2", "1m00s", "k3f9x2mq7a", "etl"]


def test_a_principal_that_tells_no_counts_is_no_zero() -> None:
    shown = frame.lines(glance(counts={}), "", 70.0)
    assert "- running  - pending" in shown[1]


def test_what_is_old_says_so_before_anything_else() -> None:
    assert frame.lines(glance(), "w", 70.0, 30, "NO ANSWER")[0].startswith("cdktr top  NO ANSWER")


@pytest.mark.parametrize("height", range(1, 40))
def test_it_fits_any_screen(height: int) -> None:
    many = glance(going=[RUN] * 30, tasks=[("box1", TASK)] * 7, agents=[BOX] * 50)
    shown = frame.lines(many, "x", 70.0, height)
    assert len(shown) <= height
    assert len(shown) == height or height > 97
    tables = sum(line.startswith(("RUN ", "ON ", "AGENT ")) for line in shown)
    assert tables == (0 if height < 6 else min(3, max(1, (height - 4) // frame.LEAST)))


@given(st.integers(0, 200), st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_room_is_given_to_who_wants_it_and_the_modest_get_all(room: int, wants: list[int]) -> None:
    given_ = frame.share(room, wants)
    assert sum(given_) == min(room, sum(wants))
    assert all(got <= want for got, want in zip(given_, wants, strict=True))
    short = [got for got, want in zip(given_, wants, strict=True) if got < want]
    assert not short or max(given_) - min(short) <= 1
