"""Stories: scripts of what the principal is told, and what follows from it, kept as text.

A story is a file of blocks. A block is lines of what happens, `----`, then what came of it: the
facts, and the answers that were held back until then. Lines that begin with `#` say why.

    start w: a, b<a       a run of a plan; `b<a` depends on a; words after a slash are labels, after
                          an exclamation mark a policy: hold, fail, finish, once (one loss fails)
    hello AGENT BOOT [running=a,b] [outbox=c]     tasks stand for the tokens last
                          given out, task@n for that of an earlier attempt
    fetch AGENT N · beat AGENT TASK… [stuck] · report AGENT TASK STATE [CODE]
    cancel · wait SECONDS · bye AGENT · drain AGENT · undrain AGENT · lost AGENT [force]
    continue [TASK] · why [TASK] · restart       of the principal: what it only remembered is gone
    retry [TASK…]         the run once more, as a new one
    file [key=value…]     a run of the workflow file in the indented lines that follow, with params
    load NAME             the workflow file in the indented lines is in force by that name
    listens NAME PATTERN [key=value…]     a workflow of one task that is done at once is in force:
                          it listens to events like the pattern, with these fields of a listener
    fire EVENT [JSON] [key=value…]        with these fields of `event.fire`
    pause [NAME] · resume [NAME]
    do [TASK=CODE[:JSON]…]    an agent `box` does all that it is given until there is nothing more:
                          with these codes, and outputs, else 0

`STORIES=rewrite pytest tests/stories` writes the results anew; commit them only if you know why
they changed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.values import Listener, Plan, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import agents, events, operators, pauses, triggers, windows
from cdktr_principal.language.dialects import load_text
from cdktr_principal.requests import why
from tests.unit.principal.world import World

STORIES = sorted(Path(__file__).parent.glob("*.txt"))
SHOWN = (
    "task", "n", "agent", "state", "code", "because", "cause", "requeued", "held", "drain",
    "reason", "boot", "delay_s", "items", "outputs", "result", "output", "queued", "retry_of",
)  # fmt: skip
OF_EVENTS = (
    "event", "payload", "workflows", "held", "passed", "due_ts", "chain", "workflow", "listener",
    "reason",
)  # fmt: skip
"""Of facts about events, and of runs that they start."""
POLICIES: dict[str, dict[str, Any]] = {
    "": {},
    "hold": {"on_agent_lost": "hold"},
    "fail": {"on_agent_lost": "fail"},
    "once": {"max_losses": 1},
    "finish": {"on_principal_lost": "finish"},
}


class Teller:
    """Plays one story."""

    def __init__(self) -> None:
        self.world = World(lost_after_s=600.0)
        self.run = ""
        self.tokens: dict[str, str] = {}
        self.lines: list[str] = []
        self.file = ""

    def play(self, text: str) -> list[str]:
        """What comes of the lines of one block."""
        self.lines = []
        lines = text.splitlines()
        self.file = "\n".join(line[4:] for line in lines if line.startswith("    "))
        for line in lines:
            if line and not line.startswith(("#", "    ")):
                before = len(self.world.facts)
                verb, *words = shlex.split(line) if line.startswith("listens") else line.split()
                getattr(self, f"do_{verb}")(*words)
                self.lines += [shown(fact) for fact in self.world.facts[before:]]
        return self.lines or ["(nothing)"]

    def loaded(self, name: str) -> Plan:
        plan, faults = load_text(self.file.encode(), name, f"{name}.yaml")
        assert plan is not None, faults
        return plan

    def do_file(self, *params: str) -> None:
        given = dict(word.split("=") for word in params)
        self.run = self.world.start(self.loaded("w"), params=given)

    def do_load(self, name: str) -> None:
        core, plan = self.world.core, self.loaded(name)
        core.emit(
            f.WorkflowLoaded, "workflow/", self.world.at(), workflow=name, hash="h", plan=plan
        )
        self.world.turn()

    def do_listens(self, name: str, pattern: str, *fields: str) -> None:
        given: dict[str, Any] = {
            key: value if key == "cond" else msgspec.json.decode(value)
            for key, value in map(_halves, fields)
        }
        listener = Listener(event=pattern, **given)
        plan = Plan(workflow=name, tasks=[TaskPlan(id="t", noop=True)], listeners=[listener])
        core, at = self.world.core, self.world.at()
        windows.before_change(core, name, plan, at)
        core.emit(f.WorkflowLoaded, "workflow/", at, workflow=name, hash="h", plan=plan)
        self.world.turn()

    def do_fire(self, event: str, *words: str) -> None:
        payload = words[0] if words and "=" not in words[0] else None
        fields = dict(map(_halves, words[payload is not None :]))
        request = p.EventFire(
            event=event, payload=payload and msgspec.json.decode(payload),
            **{key: msgspec.json.decode(value) for key, value in fields.items()},
        )  # fmt: skip
        reply: Any = events.event_fire(self.world.core, None, request, self.world.at())
        self.world.turn()
        started = [run.workflow for run in reply.runs]
        self.say("started", runs=started, listeners=reply.listeners, duplicate=reply.duplicate)

    def do_pause(self, name: str | None = None) -> None:
        request = p.WorkflowPause(workflow=name)
        pauses.pause(self.world.core, None, request, self.world.at())
        self.world.turn()

    def do_resume(self, name: str | None = None) -> None:
        request = p.WorkflowResume(workflow=name)
        pauses.resume(self.world.core, None, request, self.world.at())
        self.world.turn()

    def do_do(self, *words: str) -> None:
        told = dict(word.split("=", 1) for word in words)
        if not self.world.core.knows("box", "b1"):
            self.world.hello("box", slots=9, tasks_v=1)
        self.world.beat("box", [])
        while given := self.world.fetch("box", 9):
            for spec in given:
                code, _, outputs = told.get(spec.task, "0").partition(":")
                state = "FAILED" if int(code) else "COMPLETED"
                fields = {"outputs": msgspec.json.decode(outputs)} if outputs else {}
                self.world.report("box", spec.token, state, code=int(code), **fields)
        self.world.core.session.fetches.clear()

    def do_retry(self, *tasks: str) -> None:
        run = self.world.core.state.runs[self.run]
        request = p.RunRetry(run=run.id, tasks=list(tasks))
        reply = triggers.run_retry(self.world.core, run, request, self.world.at())
        self.world.turn()
        self.run = reply.runs[0].run  # type: ignore[attr-defined]

    def say(self, name: str, **fields: object) -> None:
        told = " ".join(f"{key}={value}" for key, value in fields.items() if value)
        self.lines.append(f"< {name} {told}".rstrip())

    def names(self, tokens: list[str]) -> str:
        known = {token: task for task, token in reversed(self.tokens.items())}
        return ",".join(known.get(token, token) for token in tokens)

    def do_start(self, workflow: str, *tasks: str) -> None:
        made = []
        for word in tasks:
            word, _, policy = word.rstrip(",").partition("!")
            word, _, labels = word.partition("/")
            name, _, depends = word.partition("<")
            needs = depends.split("+") if depends else []
            wanted = labels.split("+") if labels else []
            task = TaskPlan(id=name, argv=["true"], depends=needs, labels=wanted)
            made.append(msgspec.structs.replace(task, **POLICIES[policy]))
        self.run = self.world.start(Plan(workflow=workflow.rstrip(":"), tasks=made))

    def do_hello(self, agent: str, boot: str, *extra: str) -> None:
        given = dict(word.split("=") for word in extra)
        lists = {
            key: [self.tokens[task] for task in value.split(",")]
            for key, value in given.items()
            if key not in ("labels", "aid")
        }
        labels = given.get("labels", "").split(",") if "labels" in given else []
        fields = {"aid": given["aid"]} if "aid" in given else {}
        reply = self.world.hello(agent, boot, labels=labels, **lists, **fields)
        self.say(
            "welcome", adopt=self.names(reply.adopt), ack=self.names(reply.ack),
            drop=self.names(reply.drop),
        )  # fmt: skip

    def do_fetch(self, agent: str, free: str) -> None:
        for spec in self.world.fetch(agent, int(free)):
            self.tokens[spec.task] = self.tokens[f"{spec.task}@{spec.n}"] = spec.token

    def do_beat(self, agent: str, *tasks: str) -> None:
        held = [self.tokens[task] for task in tasks if task != "stuck"]
        orders = self.world.beat(agent, held, stuck="stuck" in tasks)
        cancel, drop = self.names(orders.cancel), self.names(orders.drop)
        self.say("orders", cancel=cancel, drop=drop, drain=orders.drain, hello=orders.hello)

    def do_report(self, agent: str, task: str, state: str, code: str = "0") -> None:
        loss = state == "CRASHED"
        reply = self.world.report(agent, self.tokens[task], state, code=int(code), loss=loss)
        self.say("reported", ack=self.names(reply.ack), drop=self.names(reply.drop))

    def do_cancel(self, now: str = "") -> None:
        run = self.world.core.state.runs[self.run]
        self.world.core.run_cancel(run, "enough", self.world.at(), now=bool(now))
        self.world.turn()

    def do_wait(self, seconds: str) -> None:
        self.world.pass_time(float(seconds))

    def do_bye(self, agent: str) -> None:
        request = p.AgentBye(agent=agent, boot=self.world.boots[agent])
        agents.bye(self.world.core, None, request, self.world.at())
        self.world.turn()

    def do_drain(self, agent: str) -> None:
        self.operate(operators.drain, p.AgentDrain(agent=agent, reason="new kernel"))

    def do_undrain(self, agent: str) -> None:
        self.operate(operators.undrain, p.AgentUndrain(agent=agent))

    def do_lost(self, agent: str, force: str = "") -> None:
        self.operate(operators.lost, p.AgentLost(agent=agent, reason="burnt", force=bool(force)))

    def operate(self, what: Any, request: Any) -> None:
        try:
            reply = what(self.world.core, None, request, self.world.at())
        except ProtocolError as refusal:
            self.say("error", code=refusal.code)
            return
        self.world.turn()
        row = reply.agent
        self.say("status", state=row.state, reason=row.reason, lost=self.names(reply.lost))

    def do_continue(self, *task: str) -> None:
        run = self.world.core.state.runs[self.run]
        core, name = self.world.core, task[0] if task else None
        held = operators.unhold(core, run, name, self.world.at())
        self.world.turn()
        self.say("continued", tasks=",".join(held))

    def do_why(self, *task: str) -> None:
        run = self.world.core.state.runs[self.run]
        for cause in why.explain(self.world.core, run, task[0] if task else None, self.world.at()):
            text = cause.text.replace(self.run, "RUN")
            self.lines.append(f"< {cause.code}: {cause.task + ' ' if cause.task else ''}{text}")

    def do_restart(self) -> None:
        self.world.restart()


def shown(fact: Fact) -> str:
    """A fact in a line: its type, and what a reader wants to see of it."""
    fields = msgspec.structs.asdict(fact)
    kind = str(type(fact).__struct_config__.tag)
    if kind.startswith("event.") or fields.get("event"):
        return " ".join((kind, *_of_event(fields)))
    words = [f"{key}={fields[key]}" for key in SHOWN if fields.get(key) not in (None, "", 0, {})]
    return " ".join((kind, *words))


def _of_event(fields: dict[str, Any]) -> Iterator[str]:
    """Times count from the beginning of the story; what the end of a run tells is cut short."""
    for key in OF_EVENTS:
        value = fields.get(key)
        if key == "due_ts" and value:
            value = f"{value - 1e9:g}"
        elif key == "held" and value:
            value = " ".join(
                f"{held.workflow}/{held.listener}@{held.due_ts - 1e9:g}" for held in value
            )
        elif key == "payload" and str(fields["event"]).startswith("run."):
            value = f"{value['workflow']} {value['state']}"
        if value not in (None, "", 0, {}, []) or (key == "listener" and value is not None):
            yield f"{key}={value}"


def _halves(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key, value


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    teller = Teller()
    retold = []
    for block in path.read_text().strip().split("\n\n"):
        told = block.split("\n----")[0]
        retold.append("\n".join((told, "----", *teller.play(told))))
    text = "\n\n".join(retold) + "\n"
    if os.environ.get("STORIES") == "rewrite":
        path.write_text(text)
    assert path.read_text() == text
