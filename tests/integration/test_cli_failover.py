"""What an operator sees and says when agents are lost: `why`, `agents`, `lost`, `show`, `continue`,
`drain`, on real processes that are frozen and killed."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdktr_cli import happened, story
from cdktr_cli.connection import Connection
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan, TaskResult
from cdktr_common.settings import Settings
from tests.integration.cli_stand import BIN, Done, Stand, lines, stand
from tests.integration.harness import Env, wait_until


@pytest.fixture
def box() -> Iterator[Stand]:
    """Principal and logd, quick to notice silence."""
    with stand(agent_heartbeat_timeout_ms=1000, agent_beat_s=0.2) as made:
        made.env.principal()
        made.env.logd()
        yield made


def processes(env: Env, agent: str) -> list[int]:
    """Both processes of an agent."""
    named = f"agent/{agent}".encode()
    return [
        pid
        for pid in env.leftovers()
        if agent.encode() in (line := Path(f"/proc/{pid}/cmdline").read_bytes()).split(b"\0")
        or named in line
    ]


def freeze(box: Stand, agent: str) -> list[int]:
    """Stop both processes of an agent, and wait until it is shown so."""
    # A program that is just being started looks like its supervisor until it is executed.
    wait_until(lambda: len(processes(box.env, agent)) == 2, what="both processes to be alone")
    pids = processes(box.env, agent)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state(box, agent) == "silent", what=f"{agent} to be silent")
    return pids


def agents(box: Stand) -> dict[str, dict[str, Any]]:
    rows = json.loads(box.out("cdktr-ctl", "agents", "--json"))
    return {row["agent"]: row for row in rows}


def state(box: Stand, agent: str) -> str:
    return str(agents(box)[agent]["state"])


def running(box: Stand, run: str, task: str) -> bool:
    return box.env.tasks(run)[task].state == "RUNNING"


def why(box: Stand, *words: str) -> tuple[int, str]:
    done = box.call("cdktr-ctl", "why", *words)
    assert done.stderr == b""
    return done.returncode, done.stdout.decode().strip()


def test_a_lost_agent_seen_explained_given_up_and_told(box: Stand) -> None:
    env = box.env
    env.agent("box1")
    tasks = [
        TaskPlan(id="extract", command='test "$CDKTR_ATTEMPT" = 2 || exec sleep 60'),
        TaskPlan(id="publish", command="exec sleep 60", on_agent_lost="hold"),
        TaskPlan(id="load", command="true", depends=["extract"]),
    ]
    run = env.submit(Plan(workflow="nightly", tasks=tasks))
    wait_until(lambda: running(box, run, "extract") and running(box, run, "publish"))
    pids = freeze(box, "box1")
    assert "not heard of" in box.out("cdktr-ctl", "agents")
    code, said = why(box, f"{run}/extract")
    assert code == 15
    assert said.startswith("extract runs on box1, which has not been heard of for ")
    assert said.endswith("at once with: cdktr-ctl lost box1")
    assert why(box, run, "load")[0] == 10

    env.agent("box2")
    lost = box.call("cdktr-ctl", "lost", "box1", "--reason", "burnt")
    assert lost.returncode == 0, lost
    assert b"is your word that all it ran has ended" in lost.stderr
    assert f"cdktr-ctl continue {run} publish".encode() in lost.stderr
    rows = [line.split() for line in lost.stdout.decode().splitlines()[1:]]
    assert sorted(rows) == [
        [run, "nightly", "extract", "1", "queued", "again"],
        [run, "nightly", "publish", "1", "held"],
    ]
    wait_until(lambda: env.tasks(run)["load"].state == "COMPLETED")
    assert "PENDING, held" in box.out("cdktr-ctl", "tasks", run)
    code, said = why(box, run)
    assert code == 16
    assert f"let it go on with cdktr-ctl continue {run} publish" in said
    shown = box.out("cdktr-ctl", "show", run).split("\n\n")[2]
    for part in (
        "extract  attempt 1 on box1: given out ",
        "(called lost by an operator: burnt); queued again\n         attempt 2 on box2: completed",
        "publish  attempt 1 on box1: ",
        f"; held: cdktr-ctl continue {run} publish lets it run again",
    ):
        assert part in shown
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: state(box, "box1") == "ready", what="box1 to come back")


def test_held_tasks_go_on_by_run_or_by_task(box: Stand) -> None:
    env = box.env
    agent = Played(env)
    agent.hello("1")
    held = [TaskPlan(id=name, argv=["true"], on_agent_lost="hold") for name in "abc"]
    run = env.submit(Plan(workflow="w", tasks=held))
    assert len(agent.fetch(3)) == 3
    agent.hello("2")
    assert box.out("cdktr-ctl", "continue", f"{run[:8]}/b").split() == ["RUN", "TASK", run, "b"]
    again = box.call("cdktr-ctl", "continue", run, "b")
    assert (again.returncode, again.stdout) == (1, b"")
    assert f"task b of {run} is not held".encode() in again.stderr
    rest = json.loads(box.out("cdktr-ctl", "continue", run, "--json"))
    assert [row["task"] for row in rest] == ["a", "c"]
    assert box.call("cdktr-ctl", "continue", run).returncode == 1
    unknown = box.call("cdktr-ctl", "continue", run, "d")
    assert unknown.returncode == 3
    assert box.call("cdktr-ctl", "continue", "zzzz").returncode == 3
    box.out("cdktr-ctl", "cancel", run)


class Played:
    """An agent played by hand, so that a late result is one message away."""

    def __init__(self, env: Env, name: str = "played") -> None:
        self.client, self.name, self.boot = env.client(), name, ""

    def hello(self, boot: str) -> None:
        self.boot = boot
        asked = p.AgentHello(agent=self.name, aid="played", boot=boot, slots=3)
        self.client.ask(asked, p.AgentWelcome)

    def fetch(self, free: int = 1) -> list[str]:
        asked = p.TaskFetch(agent=self.name, boot=self.boot, free=free, wait_s=10)
        return [spec.token for spec in self.client.ask(asked, p.TaskBatch, wait_s=10).tasks]

    def report(self, token: str) -> p.TaskReported:
        result = TaskResult(token=token, state="COMPLETED", code=0)
        asked = p.TaskReport(agent=self.name, boot=self.boot, results=[result])
        return self.client.ask(asked, p.TaskReported)


def late_result(box: Stand) -> str:
    """A run of one task whose first attempt was lost, and reported after the second one."""
    agent = Played(box.env)
    agent.hello("1")
    run = box.env.submit(Plan(workflow="stale", tasks=[TaskPlan(id="t", argv=["true"])]))
    (old,) = agent.fetch()
    agent.hello("2")
    (new,) = agent.fetch()
    assert agent.report(new).ack == [new]
    assert agent.report(old).drop == [old]
    assert box.env.wait(run).state == "COMPLETED"
    return run


def test_a_result_that_came_too_late_is_told_from_the_journal_and_from_the_recorder(
    box: Stand,
) -> None:
    run = late_result(box)
    shown = json.loads(box.out("cdktr-ctl", "show", run, "--json"))
    told = [line["text"] for line in shown["story"]]
    assert told[0].endswith("(the agent's supervisor died); queued again")
    assert told[1].startswith("attempt 2 on played: completed in")
    assert told[2].startswith("a result of attempt 1 (COMPLETED, played) came at ")
    assert told[2].endswith(", too late: it changed nothing")
    assert [line["attempt"] for line in shown["story"]] == [1, 2, 1]

    home = str(box.env.home)
    principal = Connection(Settings(home=home), f"ipc://{home}/run/principal.sock")

    def recorded() -> list[str]:
        facts = happened._recorded(principal, shown["run"], story.KINDS)
        return [line.text for line in story.tell(shown["run"], shown["tasks"], facts)]

    wait_until(lambda: len(recorded()) == 3, what="the facts to be recorded")
    assert recorded() == told
    principal.close()


def test_who_waits_hears_what_keeps_it_from_going_on_once(box: Stand) -> None:
    box.env.workflow("gpu", "tasks: {train: {command: 'true', labels: [gpu]}}")
    box.out("cdktr-ctl", "reload")
    adhoc = box.start("cdktr-run", "--label", "gpu", "--", "echo", "ran")
    trigger = box.start("cdktr-trigger", "--workflow", "gpu", "--wait")
    wait_until(lambda: "cdktr-run: run waits for an agent: none is there" in adhoc.errors())
    wait_until(lambda: "train waits for an agent: none is there" in trigger.errors())
    box.env.agent("box1")
    wait_until(lambda: "with gpu: box1 has none" in adhoc.errors())
    wait_until(lambda: "train waits for an agent with gpu" in trigger.errors())
    box.env.agent("box2", "--label", "gpu")
    for waiting in (adhoc, trigger):
        assert waiting.popen.wait(20) == 0
        waiting.asked_to_end = True
        assert len(waiting.errors().splitlines()) == 2
    assert lines(adhoc) == ["ran"]


def test_a_drain_waits_and_is_taken_back(box: Stand) -> None:
    env = box.env
    env.agent("box1")
    gate = env.directory / "gate"
    run = env.run(f"until test -e {gate}; do sleep 0.05; done")
    wait_until(lambda: running(box, run, "t0"))
    late = box.call("cdktr-ctl", "drain", "box1", "--wait", "--timeout", "300ms")
    assert late.returncode == 75
    assert b"box1 still runs 1; the drain holds" in late.stderr
    row = agents(box)["box1"]
    assert (row["state"], row["drain"]) == ("draining", True)
    assert row["reason"].startswith("drained by ")
    other = env.run("true")
    assert why(box, other)[0] == 14
    left = box.start("cdktr-ctl", "drain", "box1", "--reason", "rack moves", "--wait")
    wait_until(lambda: agents(box)["box1"]["reason"] == "rack moves")
    left.signal(signal.SIGINT)
    assert left.popen.wait(20) == 130
    assert "detached; the drain holds: cdktr-ctl drain box1 --wait" in left.errors()
    waiting = box.start("cdktr-ctl", "drain", "box1", "--reason", "kernel update", "--wait")
    wait_until(lambda: agents(box)["box1"]["reason"] == "kernel update")
    gate.touch()
    assert waiting.popen.wait(20) == 0
    waiting.asked_to_end = True
    assert lines(waiting)[1].split() == ["box1", "draining", "yes", "0", "kernel", "update"]
    assert env.tasks(run)["t0"].state == "COMPLETED"
    assert env.tasks(run)["t0"].losses == 0
    assert box.out("cdktr-ctl", "undrain", "box1").split()[5:8] == ["box1", "ready", "-"]
    assert env.wait(other).state == "COMPLETED"


def test_a_drain_outlives_a_restart_of_the_principal_under_the_one_who_waits(box: Stand) -> None:
    env = box.env
    env.agent("box1")
    gate = env.directory / "gate"
    run = env.run(f"until test -e {gate}; do sleep 0.05; done")
    wait_until(lambda: running(box, run, "t0"))
    waiting = box.start("cdktr-ctl", "drain", "box1", "--wait")
    wait_until(lambda: state(box, "box1") == "draining")
    env.procs[0].kill()
    env.principal()
    gate.touch()
    assert waiting.popen.wait(30) == 0
    waiting.asked_to_end = True
    assert agents(box)["box1"]["drain"] is True


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("lost bxo1", 3, "no agent 'bxo1'; did you mean box1?"),
        ("drain bxo1", 3, "did you mean box1?"),
        ("undrain bxo1", 3, "did you mean box1?"),
        ("lost box1", 5, "cdktr-ctl drain box1, or cdktr-ctl lost box1 --force"),
        ("drain box1 --timeout 1s", 2, "--timeout is for --wait"),
        ("drain box1 --wait --timeout soon", 2, "no length of time"),
        ("why zzzz", 3, "no run 'zzzz'"),
        ("why last/", 2, "write RUN, RUN/TASK or RUN TASK"),
        ("why last/a b", 2, "names a task already"),
    ],
)
def test_what_is_refused(one_agent: Stand, words: str, code: int, says: str) -> None:
    for program in (("cdktr-ctl",), ("cdktr", "ctl")):
        done = one_agent.call(*program, *words.split())
        assert (done.returncode, done.stdout) == (code, b"")
        assert says in done.stderr.decode()


@pytest.fixture(scope="module")
def one_agent() -> Iterator[Stand]:
    with stand() as made:
        made.env.everything()
        made.env.agent("box1")
        yield made


def test_on_a_terminal_it_is_asked_first(one_agent: Stand) -> None:
    assert "nothing was done" in on_a_terminal(one_agent, b"n\n", 1)
    assert "nothing was done" in on_a_terminal(one_agent, b"\n", 1)
    assert "nothing ran on box1" in on_a_terminal(one_agent, b"y\n", 0)
    done: Done = one_agent.call("cdktr-ctl", "lost", "box1", "--force", "--yes", "--json")
    assert json.loads(done.stdout)["lost"] == []


def on_a_terminal(box: Stand, answer: bytes, code: int) -> str:
    """`cdktr-ctl lost box1 --force` with that answer typed; what the terminal showed."""
    ours, theirs = pty.openpty()
    proc = subprocess.Popen(
        [str(BIN / "cdktr-ctl"), "lost", "box1", "--force"], env=box.env.environ,
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"Go on?" not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, answer)
    assert proc.wait(20) == code
    try:
        while more := os.read(ours, 4096):
            seen += more
    except OSError:
        pass  # the other end is closed: all was read
    os.close(ours)
    return seen.decode()
