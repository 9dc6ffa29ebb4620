"""The work that a campaign does: workflows, how often each, and what must come of it.

Each task is `work` (see work.c), so its output is known to the byte and its executions are in the
ledger. It knows no faults; `allowed_end` says what their worst may do to each workflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

MANY = "max_losses: 1000"


class Job(NamedTuple):
    """One task: what it prints, how long it takes, its exit code; `leaves` processes behind."""

    lines: int
    milliseconds: int
    code: int = 0
    depends: tuple[str, ...] = ()
    leaves: bool = False
    policy: str = MANY

    def yaml(self, worker: Path) -> str:
        """As a task of a workflow file."""
        words = ["-", self.lines, self.milliseconds, self.code, *(["leave"] if self.leaves else [])]
        args = ", ".join(f'"{word}"' for word in words)
        depends = f"    depends: [{', '.join(self.depends)}]\n" if self.depends else ""
        policy = "".join(f"    {line.strip()}\n" for line in self.policy.split(","))
        return f"    config: !Subprocess {{cmd: {worker}, args: [{args}]}}\n{depends}{policy}"


class Workflow(NamedTuple):
    """Some tasks; `weight`: how often it is triggered; `events` it listens to."""

    weight: int
    jobs: dict[str, Job]
    event: str = ""

    def yaml(self, worker: Path) -> str:
        """As a file."""
        tasks = "".join(f"  {name}:\n{job.yaml(worker)}" for name, job in self.jobs.items())
        return (f"events: [{self.event}]\n" if self.event else "") + f"tasks:\n{tasks}"


DIAMOND = {
    "a": Job(3, 20),
    "b": Job(30, 60, depends=("a",)),
    "c": Job(5, 150, depends=("a",)),
    "d": Job(0, 0, depends=("b", "c")),
}

WORKFLOWS: dict[str, Workflow] = {
    "quick": Workflow(40, {"a": Job(3, 10)}),
    "diamond": Workflow(30, DIAMOND, "diamonds"),
    "chatty": Workflow(8, {"a": Job(3000, 800), "b": Job(6000, 200)}, "talk"),
    "slow": Workflow(6, {"a": Job(200, 11000), "b": Job(5, 50, depends=("a",))}),
    "tree": Workflow(6, {"a": Job(20, 300, leaves=True)}),
    "deaf": Workflow(4, {"a": Job(20, 9000, leaves=True)}),
    "failing": Workflow(5, {"a": Job(5, 50, 3), "b": Job(1, 0, 0, ("a",)), "c": Job(1, 50)}),
    "mortal": Workflow(6, {"a": Job(10, 1200, policy="max_losses: 3")}),
    "stay": Workflow(4, {"a": Job(40, 4000, policy="on_principal_lost: finish, " + MANY)}),
    "once": Workflow(5, {"a": Job(10, 800, policy="on_agent_lost: fail")}),
    "asked": Workflow(5, {"a": Job(10, 800, policy="on_agent_lost: hold, " + MANY)}),
}  # fmt: skip


def write(directory: Path, worker: Path) -> None:
    """All as files."""
    for name, workflow in WORKFLOWS.items():
        (directory / f"{name}.yaml").write_text(workflow.yaml(worker))


def of_event(event: str) -> list[str]:
    """Workflows that listen to it."""
    return [name for name, workflow in WORKFLOWS.items() if workflow.event == event]


def wrong_end(workflow: str, ended: dict[str, Any], crashes: Sequence[int], cancelled: bool) -> str:
    """What is wrong with the end of a run, nothing if nothing is. `crashes`: how many attempts
    each task lost; `cancelled`: somebody asked for it."""
    state, code = ended["state"], ended.get("code", 0)
    if state == "CANCELLED":
        return "" if cancelled else "CANCELLED, and nobody had asked for it"
    if workflow == "failing":
        lawful = state == "FAILED" and code == 3
    elif state == "FAILED" and workflow == "mortal":
        lawful = code == 125 and max(crashes) == 3
    elif state == "FAILED" and workflow == "once":
        lawful = code == 125 and max(crashes) == 1
    else:
        lawful = state == "COMPLETED"
    return "" if lawful else f"{state} with code {code}: {ended.get('reason', '')}"
