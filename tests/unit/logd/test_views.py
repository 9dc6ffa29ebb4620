"""What the views tell of runs with retries, groups, calls and what else the language has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdktr_logd.facts import fact_rows
from cdktr_logd.store import Store

RUN = {"workflow": "etl", "run": "r1"}
Record = Callable[..., None]
Read = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(name="store")
def opened(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def record(store: Store, *facts: dict[str, Any]) -> None:
    """Facts as they follow on those that are stored; their number is their time."""
    after = store.heights().seq
    raws = [
        msgspec.Raw(json.dumps({"seq": seq, "ts": float(seq), **RUN, **fact}).encode())
        for seq, fact in enumerate(facts, after + 1)
    ]
    rows, _ = fact_rows(after, raws)
    store.commit([], [rows])


def created(tasks: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "run.created", "plan": {"tasks": [{}] * tasks}, **more}


def of(kind: str, task: str = "a", n: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": f"task.{kind}", "task": task, "n": n, **more}


def test_each_attempt_of_a_retried_task_is_a_row(store: Store) -> None:
    task = "SELECT state, n, code, retry_ts, ended_ts FROM tasks"
    run = "SELECT state, tasks, done, failed FROM runs"
    record(store, created(), of("assigned", agent="box1"))
    record(store, of("retrying", agent="box1", code=75, retry_ts=13.5, started_ts=2.5))
    assert store.read(task) == [("PENDING", 1, 75, 13.5, None)]
    assert store.read(run) == [("RUNNING", 1, 0, 0)]
    record(store, of("ready"), of("assigned", n=2, agent="box2"))
    assert store.read(task) == [("RUNNING", 2, None, None, None)]
    record(store, of("ended", n=2, state="COMPLETED", code=0, agent="box2", outputs={"x": 1}))
    assert store.read(task) == [("COMPLETED", 2, 0, None, 6.0)]
    assert store.read(run) == [("RUNNING", 1, 1, 0)]
    assert store.read("SELECT n, state, agent, code FROM attempts ORDER BY n") == [
        (1, "FAILED", "box1", 75),
        (2, "COMPLETED", "box2", 0),
    ]
    assert store.read("SELECT json_extract(outputs, '$.x') FROM tasks") == [("1",)]


def test_a_cancelled_wait_for_a_retry_has_no_code(store: Store) -> None:
    record(store, created(), of("assigned"), of("retrying", code=75, retry_ts=9.0))
    record(store, of("ended", n=0, state="CANCELLED"))
    assert store.read("SELECT state, n, code FROM tasks") == [("CANCELLED", 1, None)]


def test_a_group_runs_while_its_copies_do_and_they_count(store: Store) -> None:
    record(store, created(2), of("expanded", "load", 0, items=["x", "y", "z"]))
    assert store.read("SELECT state, made, n FROM tasks") == [("RUNNING", 3, 0)]
    assert store.read("SELECT state, tasks, done FROM runs") == [("RUNNING", 5, 0)]
    for i in range(3):
        record(store, of("assigned", f"load[{i}]"))
        record(store, of("ended", f"load[{i}]", state="COMPLETED", code=0))
    record(store, of("ended", "load", 0, state="COMPLETED"))
    record(store, of("skipped", "report", 0, because="", reason="its if: is false"))
    record(store, {"type": "run.ended", "state": "COMPLETED", "output": {"rows": [1]}})
    assert store.read("SELECT state, tasks, done, output FROM runs") == [
        ("COMPLETED", 5, 5, '{"rows": [1]}')
    ]
    assert store.read("SELECT count(*) FROM attempts") == [(3,)]
    assert store.read("SELECT reason FROM tasks WHERE task = 'report'") == [("its if: is false",)]


def test_a_task_that_calls_runs_without_an_agent(store: Store) -> None:
    record(store, created(), of("called", calls="r9"))
    task = "SELECT state, n, agent, calls, started_ts FROM tasks"
    assert store.read(task) == [("RUNNING", 1, "", "r9", 2.0)]
    record(store, of("retrying", code=3, retry_ts=4.0), of("ready"), of("called", n=2, calls="s0"))
    record(store, of("ended", n=2, state="FAILED", code=3))
    assert store.read(task) == [("FAILED", 2, "", "s0", 5.0)]
    assert store.read("SELECT n, state FROM attempts ORDER BY n") == [(1, "FAILED"), (2, "FAILED")]


def test_a_queued_run_is_told_apart_until_it_begins(store: Store) -> None:
    run = "SELECT state, queued FROM runs"
    record(store, created(queued=True))
    assert store.read(run) == [("PENDING", True)]
    record(store, {"type": "run.admitted"})
    assert store.read(run) == [("PENDING", False)]
    record(store, {"type": "run.settled", "state": "FAILED", "code": 3})
    assert store.read(run) == [("PENDING", False)]
    record(store, {"type": "run.ended", "state": "FAILED", "code": 3})
    assert store.read("SELECT state, queued, code FROM runs") == [("FAILED", False, 3)]


def test_a_repeated_run_begins_with_what_it_takes_over(store: Store) -> None:
    record(store, created(2, retry_of="r0", parent="", reused={"a": {"outputs": {"x": 1}}}))
    assert store.read("SELECT state, tasks, done, retry_of FROM runs") == [("PENDING", 2, 1, "r0")]
    assert store.read("SELECT task, state, n, outputs FROM tasks") == [
        ("a", "COMPLETED", 0, '{"x": 1}')
    ]
