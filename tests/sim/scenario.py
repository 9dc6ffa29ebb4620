"""What a seed stands for: machines, work, and faults. Drawn once, then only read, so that a shorter
scenario can be made by leaving parts out."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue.values import Group, Listener, Plan, Retry, TaskPlan

HORIZON_S: Final = 34.0
"""Faults are over by then."""

BOTH: Final = ("net", "sup")


class Fault(NamedTuple):
    """One thing that goes wrong: at a time, for a while, to somebody. `fine` tells how exactly:
    after how many effects a kill hits, how bad the network is."""

    at: float
    kind: str
    who: str = ""
    lasts: float = 0.0
    fine: float = 0.0

    def text(self) -> str:
        words = [f"{self.at:6.2f} s", self.kind, self.who]
        if self.lasts:
            words.append(f"for {self.lasts:.2f} s")
        if self.fine:
            words.append(f"({self.fine:.2f})")
        return " ".join(word for word in words if word)


class Work(NamedTuple):
    """A run to start. `style`: how the client names it (`key`, `id`: the request's own id, or
    `keys`: a new request id each time, the same key)."""

    at: float
    plan: Plan
    style: str
    cancel_at: float | None

    def text(self) -> str:
        tasks = " ".join(
            task.id + ("<" + ",".join(task.depends) if task.depends else "") + _odd(task)
            for task in self.plan.tasks
        )
        cancel = "" if self.cancel_at is None else f", cancelled at {self.cancel_at:.2f} s"
        return f"{self.at:6.2f} s run of {self.plan.workflow}: {tasks} (by {self.style}){cancel}"


def _odd(task: TaskPlan) -> str:
    odd = [
        f"lease {task.lost_after_s:g} s" if task.lost_after_s is not None else "",
        f"lost: {task.on_agent_lost}" if task.on_agent_lost != "rerun" else "",
        "finishes" if task.on_principal_lost == "finish" else "",
        f"time-out {task.timeout_s:g} s" if task.timeout_s is not None else "",
        f"{task.retry.limit} retries" if task.retry is not None else "",
        f"if {task.cond}" if task.cond else "",
        "3 copies" if task.group is not None else "",
    ]
    text = ", ".join(word for word in odd if word)
    return f" [{text}]" if text else ""


class Shout(NamedTuple):
    """An event to fire: at a time, by its number, perhaps for later."""

    at: float
    number: int
    delay_s: float

    def text(self) -> str:
        later = f", for {self.delay_s:g} s later" if self.delay_s else ""
        return f"{self.at:6.2f} s event {self.number}{later}"


class Scenario(NamedTuple):
    """Everything that is decided before the clock starts. `listener`: who hears the shouts."""

    seed: int
    agents: int
    slots: int
    lost_after_s: float
    works: tuple[Work, ...]
    faults: tuple[Fault, ...]
    listener: Listener | None = None
    shouts: tuple[Shout, ...] = ()


# Kind, weight, and whom it can hit: p the principal, l logd, a an agent, n the network.
_KINDS: Final = (
    ("kill principal", 5, "p"),
    ("freeze principal", 2, "p"),
    ("kill network process", 3, "a"),
    ("kill supervisor", 3, "a"),
    ("kill both", 2, "a"),
    ("power off", 2, "a"),
    ("freeze network process", 2, "a"),
    ("freeze supervisor", 3, "a"),
    ("freeze both", 2, "a"),
    ("cut from principal", 4, "a"),
    ("fading link", 4, "a"),
    ("cut from logd", 2, "a"),
    ("bad network", 4, "n"),
    ("kill logd", 2, "l"),
    ("logd disk full", 1, "l"),
    ("logd database gives up", 1, "l"),
    ("agent disk full", 1, "a"),
    ("principal disk full", 1, "p"),
    ("drain", 1, "a"),
    ("stop agent", 1, "a"),
    ("lost", 1, "a"),
    ("continue", 1, "p"),
)
_NAMES: Final = [kind for kind, _, _ in _KINDS]
_WEIGHTS: Final = [weight for _, weight, _ in _KINDS]
_WHOM: Final = {kind: whom for kind, _, whom in _KINDS}
_SHAPES: Final = (("a",), ("a", "b<a"), ("a", "b"), ("a", "b", "c<a,b"), ("a", "b<a", "c<a"))


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    dice = random.Random(seed)
    agents = dice.choice((1, 2, 2, 3))
    lost_after_s = dice.choice((6.0, 8.0, 12.0))
    works = tuple(_work(dice, i, seed) for i in range(dice.randint(1, 4)))
    faults = tuple(sorted(_fault(dice, agents) for _ in range(dice.randint(1, 5))))
    slots = dice.choice((1, 2, 3))
    return Scenario(seed, agents, slots, lost_after_s, works, faults, *_events(seed))


def _events(seed: int) -> tuple[Listener | None, tuple[Shout, ...]]:
    """Events that wait in a window, and some that are for later. From dice of their own."""
    dice = random.Random(f"{seed}/events")
    if dice.random() > 0.25:
        return None, ()
    window = dice.choice(
        ({}, {"debounce_s": 3.0}, {"batch_s": 4.0}, {"batch_s": 9.0, "batch_size": 2})
    )
    shouts = [
        Shout(round(dice.random() * 14.0, 2), number, dice.choice((0.0, 0.0, 2.0, 9.0)))
        for number in range(dice.randint(2, 5))
    ]
    return Listener(event="e", **window), tuple(shouts)


def _work(dice: random.Random, index: int, seed: int) -> Work:
    tasks = []
    for text in dice.choice(_SHAPES):
        name, _, depends = text.partition("<")
        tasks.append(_task(dice, name, depends.split(",") if depends else []))
    tasks = _language(random.Random(f"{seed}/{index}"), tasks)
    together = "together" if dice.random() < 0.2 else "spread"
    plan = Plan(workflow=f"w{index}", tasks=tasks, placement=together)  # type: ignore[arg-type]
    at = round(dice.random() * 12.0, 2)
    cancel_at = round(at + dice.random() * 15.0, 2) if dice.random() < 0.15 else None
    return Work(at, plan, dice.choice(("key", "key", "id", "keys")), cancel_at)


def _language(dice: random.Random, tasks: list[TaskPlan]) -> list[TaskPlan]:
    """What the principal decides about between attempts: retries, conditions, groups, the run's
    end. From dice of its own, so that the rest of a seed stays what it was."""
    if dice.random() < 0.3:
        retry = Retry(limit=dice.choice((1, 3)), delay_s=dice.choice((0.0, 2.0)), jitter=0.5)
        tasks[0] = replace(tasks[0], retry=retry)
    if dice.random() < 0.2:
        tasks[-1] = replace(tasks[-1], cond=dice.choice(("1 < 2", "1 > 2")))
    if dice.random() < 0.2:
        body = TaskPlan(id="", argv=["x"], retry=tasks[0].retry)
        group = Group(tasks=[body], each=[1, 2, 3], concurrency=dice.choice((0, 1)))
        tasks.append(TaskPlan(id="g", group=replace(group, fail_fast=dice.random() < 0.5)))
    if dice.random() < 0.15:
        tasks.append(TaskPlan(id="finally", argv=["x"], phase="finally"))
    return tasks


def _task(dice: random.Random, name: str, depends: list[str]) -> TaskPlan:
    rare = dice.random
    return TaskPlan(
        id=name,
        argv=["x"],
        depends=depends,
        max_losses=dice.choice((2, 3, 3)),
        timeout_s=3.0 if rare() < 0.08 else None,
        lost_after_s=dice.choice((4.0, 10.0)) if rare() < 0.2 else None,
        on_agent_lost=dice.choice(("fail", "hold")) if rare() < 0.15 else "rerun",
        on_principal_lost="finish" if rare() < 0.12 else "stop",
    )


def _fault(dice: random.Random, agents: int) -> Fault:
    kind = dice.choices(_NAMES, _WEIGHTS)[0]
    at = round(0.5 + dice.random() * 18.0, 2)
    whom = _WHOM[kind]
    who = {"p": "P", "l": "L", "n": ""}.get(whom) or f"A{dice.randint(1, agents)}"
    if whom == "n":
        who = ""
    longest = HORIZON_S - at - 4.0
    lasts = dice.choice((0.3, 1.0, 3.0, 8.0, 16.0)) * (0.5 + dice.random())
    if kind == "fading link":
        lasts += 6.0
    return Fault(at, kind, who, round(min(lasts, longest), 2), round(dice.random(), 2))
