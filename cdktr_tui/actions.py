"""What can be done about what is selected: verbs, and the subjects that they are about.

Pure but for request ids, which the feed gives: here it is decided which requests a verb means for
its subjects, how much is to be asked before, and in which words it is told. Knows no view.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["run", "task", "workflow", "agent", "schedule", "event"]
Verb = Literal[
    "run", "again", "retry", "cancel", "pause", "drain", "undrain", "explain", "logs",
]  # fmt: skip
VERBS: tuple[Verb, ...] = (
    "run", "again", "retry", "cancel", "pause", "drain", "undrain", "explain", "logs",
)  # fmt: skip


class Subject(NamedTuple):
    """What an action is about: a row, or what the view as a whole shows.

    `id` names it among its kind, as people see it: a run's id, a workflow's, an agent's name, for
    a task RUN/TASK. `run`, `workflow`, `task` and `n` (the attempt) are what it belongs to, as far
    as known: of a workflow, `run` is its last one. `state` as in its row: of a run or task its
    state, of an agent its, of a workflow `paused` or empty."""

    kind: Kind
    id: str
    run: str = ""
    workflow: str = ""
    task: str = ""
    n: int = 0
    text: str = ""
    state: str = ""
