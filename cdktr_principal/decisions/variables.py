"""What a task finds in its environment of params, of outputs of tasks before it, and of what its
copy was made for.

Bounded: a variable has a most, and so have all outputs together, the nearest task's first; what is
longer comes by expression alone. Pure reading of the state.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from cdktr_principal.decisions.scope import enclosing, instants, loop_value, told
from cdktr_principal.expressions.functions import written
from cdktr_principal.state.copies import prefix
from cdktr_principal.state.dag import made_once
from cdktr_principal.state.records import Task

OUTPUT: Final = 4 << 10
"""Bytes of an output that is given as a variable."""

OUTPUTS: Final = 32 << 10
"""Bytes of all outputs that are."""

BEFORE: Final = 200
"""Tasks before a task that are looked at for outputs."""

VALUE: Final = 100_000
"""Bytes of a param, or of the value of a copy, that is given as a variable: Linux takes no text of
128 KiB there."""

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


def variables(task: Task) -> dict[str, str]:
    """By name. What is longer than it may be is not there."""
    run = task.run
    if not (run.params or run.gives or task.group or run.tick):
        return {}
    found: dict[str, str] = {}
    if run.tick is not None:
        found = {f"CDKTR_{name.upper()}": text for name, text in instants(run.tick).items()}
    for key, value in run.params.items():
        _add(found, f"CDKTR_PARAM_{in_name(key)}", value, VALUE)
    if run.gives:
        _add_outputs(found, task)
    for group, inner in enclosing(task):
        assert group.plan.group is not None
        if not made_once(group.plan.group):
            made_for = loop_value(group, inner)
            _add(found, "CDKTR_ITEM", made_for["value"], VALUE)
            found["CDKTR_ITEM_INDEX"] = str(made_for["index"])
            break
    return found


def _add(found: dict[str, str], name: str, value: Any, most: int) -> int:
    """Returns how many bytes it has taken."""
    text = written(value)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > most or "\0" in text or name in found:
        return 0
    found[name] = text
    return size


def _add_outputs(found: dict[str, str], task: Task) -> None:
    room = OUTPUTS
    for count, (name, before) in enumerate(_before(task)):
        if count >= BEFORE:
            return
        for key, value in told(before)["outputs"].items():
            room -= _add(
                found, f"CDKTR_OUT_{in_name(name)}_{in_name(key)}", value, min(room, OUTPUT)
            )


def _before(task: Task) -> Iterator[tuple[str, Task]]:
    """All tasks that a task depends on, nearest first, with what they are called from there."""
    run = task.run
    seen: set[Task] = set()
    begin: Task | None = task
    while begin is not None:
        todo = deque([begin])
        while todo:
            for name in todo.popleft().plan.depends:
                before = run.by_id[name]
                if before not in seen:
                    seen.add(before)
                    todo.append(before)
                    yield _local(before), before
        begin = begin.group


def _local(task: Task) -> str:
    """The id in the plan: without the copy it belongs to."""
    if task.group is None or task.group.plan.group is None:
        return task.plan.id
    return task.plan.id[len(prefix(task.group.plan.id, task.group.plan.group, task.copy)) + 1 :]


def in_name(text: str) -> str:
    """A word as it stands in the name of a variable."""
    return _NO_NAME.sub("_", text).upper()
