"""The judge of the campaign is no friend: each wrong that it is to find is shown to it."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import faults
from tests.chaos.clients import Operation
from tests.chaos.deeds import DEEDS
from tests.chaos.history import History
from tests.chaos.judge import Judge
from tests.chaos.ledger import Difference, Ledger, difference, printed, with_gaps
from tests.chaos.nemesis import Injected
from tests.chaos.proxy import GREETING, Units
from tests.integration.harness import wait_until

Fact = dict[str, Any]


def work(
    ledger: Ledger, worker: Path, run: str, task: str, n: int, fence: int, *words: str,
    agent: str = "a1", key: str = "k",
) -> subprocess.Popen[bytes]:  # fmt: skip
    env = {
        **os.environ, **ledger.environ, "CDKTR_RUN_ID": run, "CDKTR_TASK_ID": task,
        "CDKTR_ATTEMPT": str(n), "CDKTR_FENCE": str(fence), "CHAOS_AGENT": agent,
    }  # fmt: skip
    argv = [str(worker), key, *(words or ("3", "0", "0"))]
    return subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def told(run: str = "r", n: int = 1, fence: int = 4, state: str = "COMPLETED") -> list[Fact]:
    """The facts of a run of `quick` (one task, three lines) whose n-th attempt was accepted."""
    task = {"run": run, "task": "a", "workflow": "quick"}
    facts: list[Fact] = [{"type": "run.created", "run": run, "workflow": "quick"}]
    for attempt in range(1, n + 1):
        facts.append({"type": "task.assigned", **task, "n": attempt, "agent": "a1"})
    facts.append({"type": "task.ended", **task, "n": n, "state": state, "code": 0})
    facts.append({"type": "run.ended", "run": run, "state": state})
    return facts


def judged(ledger: Ledger, facts: list[Fact], **also: Any) -> Judge:
    history = History(facts, ledger)
    for name, value in also.items():
        setattr(history, name, value)
    for run in history.runs:
        for n in history.attempts[run, "a"]:
            for stream in ("stdout", "stderr"):
                stored = printed(run, "a", n, 3, stream)
                history.output.setdefault((run, "a", n, stream), stored)
    judge = Judge(history)
    judge.judge()
    return judge


def wrong(judge: Judge) -> set[str]:
    return {measure for measure, count in judge.counts.items() if count}


def operation(key: str, *answers: str, runs: list[str] | None = None) -> Operation:
    made = Operation(key, "quick", "test")
    for answer in answers:
        made.answered(answer, runs if answer == "ok" else None)
    return made


def test_nothing_is_found_where_nothing_is_wrong(ledger: Ledger, worker: Path) -> None:
    work(ledger, worker, "r", "a", 1, 4).wait()
    assert not judged(ledger, told(), operations=[operation("k", "ok", runs=["r"])]).guilty


def test_two_executions_at_once(ledger: Ledger, worker: Path) -> None:
    first = work(ledger, worker, "r", "a", 1, 4, "3", "60000", "0")
    wait_until(lambda: ledger.executions())
    os.kill(first.pid, signal.SIGSTOP)  # frozen, it is as alive as ever
    work(ledger, worker, "r", "a", 2, 5).wait()
    assert wrong(judged(ledger, told(n=2))) == {"overlap"}
    whole = faults.Fault(1, "both frozen", "a1", 0.0, 1.0)
    frozen = Injected(whole, 0.0, 0.0, 0.0, 1e12)
    judge = judged(ledger, told(n=2), injected=[frozen])
    assert not judge.guilty
    assert len(judge.excused) == 1
    first.kill()
    first.wait()
    work(ledger, worker, "r", "a", 3, 6).wait()
    assert len(judged(ledger, told(n=3)).findings["overlap"]) == 1


def test_what_a_task_left_behind_overlaps_too(ledger: Ledger, worker: Path) -> None:
    work(ledger, worker, "r", "a", 1, 4, "0", "0", "0", "leave").wait()
    work(ledger, worker, "r", "a", 2, 5).wait()
    assert wrong(judged(ledger, told(n=2))) == {"overlap"}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if words[:1] == [os.fsencode(worker)]:
                os.kill(int(entry.name), signal.SIGKILL)


def test_results_that_must_not_have_been_accepted(ledger: Ledger, worker: Path) -> None:
    assert wrong(judged(ledger, told())) == {"hollow"}
    work(ledger, worker, "r", "a", 1, 4).wait()
    work(ledger, worker, "r", "a", 2, 5).wait()
    assert wrong(judged(ledger, told(n=1))) == {"stale"}
    assert wrong(judged(ledger, told(n=2) + told(n=2)[-2:-1])) == {"stale"}
    work(ledger, worker, "r", "a", 2, 5).wait()
    assert wrong(judged(ledger, told(n=2))) == {"twice"}


def test_triggers_that_are_lost_doubled_or_taken_although_refused(
    ledger: Ledger, worker: Path
) -> None:
    lost = operation("gone", "ok", runs=["never"])
    assert wrong(judged(ledger, [], operations=[lost])) == {"lost"}
    for run in ("r", "s"):
        work(ledger, worker, run, "a", 1, 4).wait()
    both = told("r") + told("s")
    assert wrong(judged(ledger, both, operations=[operation("k", "ok", runs=["r"])])) == {"keys"}
    refused = operation("k", "disk_full")
    assert wrong(judged(ledger, both, operations=[refused])) == {"keys", "refused"}
    unlike = operation("k", "ok", runs=["r"])
    unlike.answered("ok", ["s"])
    assert wrong(judged(ledger, both, operations=[unlike])) == {"keys"}


def test_runs_without_or_with_a_wrong_end(ledger: Ledger, worker: Path) -> None:
    work(ledger, worker, "r", "a", 1, 4).wait()
    assert wrong(judged(ledger, told()[:-1])) == {"never"}
    failed = [*told()[:-1], {"type": "run.ended", "run": "r", "state": "FAILED", "code": 125}]
    assert wrong(judged(ledger, failed)) == {"end"}
    cancelled = [*told()[:-1], {"type": "run.ended", "run": "r", "state": "CANCELLED"}]
    assert wrong(judged(ledger, cancelled)) == {"end"}
    assert not judged(ledger, cancelled, cancelled={"r"}).guilty
    assert wrong(judged(ledger, told(), recorded={"r": "FAILED"})) == {"record"}


@pytest.mark.parametrize(
    ("change", "measure"),
    [
        (lambda text: text[: text.index(b"\n") + 1], "lines_lost"),
        (lambda text: text + text.splitlines(keepends=True)[0], "lines_doubled"),
        (lambda text: b"".join(reversed(text.splitlines(keepends=True))), "lines_disordered"),
        (lambda text: text + b"what is this\n", "lines_disordered"),
    ],
)
def test_output_that_is_not_what_was_written(
    ledger: Ledger, worker: Path, change: Any, measure: str
) -> None:
    work(ledger, worker, "r", "a", 1, 4).wait()
    output = {("r", "a", 1, "stdout"): change(printed("r", "a", 1, 3, "stdout"))}
    assert wrong(judged(ledger, told(), output=output)) == {measure}


def test_the_output_of_a_lost_attempt_may_end_early_and_nothing_else() -> None:
    text = printed("r", "a", 1, 100, "stdout")
    assert difference(text[:777], text[:777]) == Difference()
    assert difference(text[:777], text[10:787]) != Difference()


def test_a_gap_that_says_how_long_it_is_is_none() -> None:
    text = b"one\ntwo\nthree\n"
    assert with_gaps(text, b"one\n[cdktr: 4 bytes dropped, no room]\nthree\n") == text
    assert with_gaps(text, b"one\nt\n[cdktr: 3 bytes dropped, no room]\nthree\n") == text
    assert with_gaps(text, b"one\n[cdktr: 5 bytes dropped, no room]\nhree\n") == text
    assert with_gaps(text, b"one\n[cdktr: 6 bytes dropped, no room]\nee\n") != text
    assert with_gaps(text, b"one\n[cdktr: 3 bytes dropped, no room]\nthree\n") != text
    assert with_gaps(text, b"xne\n[cdktr: 4 bytes dropped, no room]\nthree\n") != text


def test_a_task_that_begins_too_early(ledger: Ledger, worker: Path) -> None:
    facts: list[Fact] = [{"type": "run.created", "run": "r", "workflow": "diamond"}]
    for task in ("b", "a", "c", "d"):
        work(ledger, worker, "r", task, 1, 4).wait()
        fact = {"run": "r", "task": task, "workflow": "diamond", "n": 1}
        facts += [{"type": "task.ended", **fact, "state": "CANCELLED"}]
    facts.append({"type": "run.ended", "run": "r", "state": "CANCELLED"})
    assert "order" in wrong(judged(ledger, facts, cancelled={"r"}))


def test_a_seed_makes_one_plan_and_every_fault_can_be_done() -> None:
    plan = faults.make(7, 600, apart=True)
    assert plan == faults.make(7, 600, apart=True)
    assert plan != faults.make(8, 600, apart=True)
    assert len(plan) > 300
    assert {fault.kind for fault in plan} == set(faults.KINDS) == set(DEEDS)
    for target in {fault.target for fault in plan}:
        own = [fault for fault in plan if fault.target == target]
        assert all(a.at + a.seconds < b.at for a, b in itertools.pairwise(own))


def test_the_proxy_knows_where_messages_begin_and_end() -> None:
    ready = b"\x04\x03abc"
    message = b"\x01\x00" + b"\x02" + (300).to_bytes(8, "big") + b"x" * 300
    whole = b"g" * GREETING + ready + message + message
    for cut in range(1, len(whole)):
        units = Units()
        found = units.feed(whole[:cut]) + units.feed(whole[cut:])
        assert b"".join(data for data, _ in found) == whole
        assert [data for data, is_message in found if is_message] == [message, message]
