"""The tasks of a run in the order in which people read them: the copies of a group stand below it,
a long group is folded to what matters in it.

Also what a row says beyond its fields: that a failure was handled or tolerated, when the next
attempt comes, what was given. Pure: rows and a plan go in, rows and words come out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cdktr_cli.table import Row, began, epoch
from cdktr_common.durations import rough

if TYPE_CHECKING:
    from cdktr_common.catalogue.plan import TaskPlan

COPIES: Final = 12
"""Tasks of one group that are shown one by one."""

CELL: Final = 40
"""Characters of an output in a table."""

FINAL: Final = ("COMPLETED", "FAILED", "CANCELLED", "SKIPPED")

_ORDER: Final = ("COMPLETED", "FAILED", "CANCELLED", "SKIPPED", "RUNNING", "PENDING")
_FIRST: Final = ("FAILED", "RUNNING", "CANCELLED", "PENDING", "SKIPPED", "COMPLETED")


def arranged(tasks: Iterable[Row]) -> list[Row]:
    """All rows, each group followed by what it has made; `depth` says how far to the right, and
    `copies` of a group what became of its tasks."""
    listed = list(tasks)
    ids = {row["task"] for row in listed}
    below: dict[str, list[Row]] = {}
    for row in listed:
        group = row.get("group") or ""
        below.setdefault(group if group in ids else "", []).append(row)
    shown: list[Row] = []
    waiting = [(row, 0) for row in reversed(below.pop("", []))]
    while waiting:
        row, depth = waiting.pop()
        mine = below.pop(row["task"], [])
        states = Counter(one["state"] for one in mine)
        shown.append({**row, "depth": depth, "copies": dict(states)})
        waiting += [(one, depth + 1) for one in reversed(mine)]
    _time_groups(shown)
    return shown


def _time_groups(rows: list[Row]) -> None:
    """A group runs from when the first of its tasks began until the last has ended."""
    by_task = {row["task"]: row for row in rows}
    for row in reversed(rows):  # what is inside is timed before what it is inside of
        group = by_task.get(row.get("group") or "") if row["depth"] else None
        attempts = row.get("attempts") or [row]
        start, end = began(attempts[0]), attempts[-1].get("ended")
        if group is None or group.get("attempts") or not start:
            continue
        group["started"] = min(filter(None, (group.get("started"), start)))
        if group["state"] in FINAL and end:
            group["ended"] = max(filter(None, (group.get("ended"), end)))


def folded(rows: Iterable[Row], most: int = COPIES) -> list[Row]:
    """`arranged` rows with long groups cut: of each those that matter most stay, and a row tells
    how many more there are. What is below a row that was cut is cut too."""
    shown: list[Row] = []
    kept: dict[str, set[str]] = {}
    cut: dict[str, Counter[str]] = {}
    listed = list(rows)
    for group, mine in _groups(listed).items():
        if len(mine) > most:
            best = sorted(mine, key=lambda row: _FIRST.index(row["state"]))[: most - 4]
            kept[group] = {row["task"] for row in best}
            cut[group] = Counter(row["state"] for row in mine if row["task"] not in kept[group])
    pending: list[tuple[int, Row]] = []
    hidden: int | None = None
    for row in listed:
        if hidden is not None and row["depth"] > hidden:
            continue
        hidden = None
        while pending and row["depth"] < pending[-1][0]:
            shown.append(pending.pop()[1])
        if row["task"] not in kept.get(row.get("group") or "", {row["task"]}):
            hidden = row["depth"]
            continue
        shown.append(row)
        if row["task"] in cut:
            pending.append((row["depth"] + 1, _rest(row, cut[row["task"]])))
    return shown + [row for _, row in reversed(pending)]


def _groups(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["depth"]:
            found.setdefault(row["group"], []).append(row)
    return found


def _rest(group: Row, states: Counter[str]) -> Row:
    task = f"… {states.total()} more of {group['task']}"
    return {"task": task, "state": counted(states), "depth": group["depth"] + 1, "fold": True}


def counted(states: Mapping[str, int]) -> str:
    """`3 COMPLETED, 1 FAILED`."""
    return ", ".join(f"{states[state]} {state}" for state in _ORDER if states.get(state))


def name(row: Row) -> str:
    """The id of a task, to the right as far as it is inside groups."""
    return "  " * int(row.get("depth") or 0) + str(row["task"])


def state(row: Row) -> str:
    """The state, and what makes it another one than it seems."""
    words = str(row["state"])
    if row.get("progress") is not None and words == "RUNNING":
        return f"{words} {row['progress']:.0f}%"
    for mark in ("held", "reused", "tolerated", "handled"):
        if row.get(mark):
            return f"{words}, {mark}"
    if row.get("retry") and words == "PENDING":
        return f"{words}, retry"
    return words


def remark(row: Row, now_ts: float) -> str:
    """Why it is so, what comes next, what it stands for."""
    words = [row.get("reason") or ""]
    if row.get("retry") and row["state"] == "PENDING":
        left = epoch(row["retry"]) - now_ts
        words.append(f"next attempt in {rough(left)}" if left > 0 else "next attempt is due")
    if row.get("calls") and row["calls"] not in words[0]:
        words.append(f"is run {row['calls']}")
    if row.get("copies"):
        words.append(counted(row["copies"]))
    return "; ".join(word for word in words if word)


def given(row: Row, most: int = CELL) -> str:
    """What a task gave to others, shortened: its outputs, or its result."""
    outputs = row.get("outputs") or {}
    if outputs:
        return short(", ".join(f"{key}={_word(value)}" for key, value in outputs.items()), most)
    return short(row.get("result") or "", most)


def short(words: str, most: int) -> str:
    """The first line of a text, as far as it fits."""
    line, more, _ = words.strip().partition("\n")
    return f"{line[: most - 1]}…" if len(line) > most or more else line


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def annotate(tasks: Iterable[TaskPlan], rows: Iterable[Row]) -> None:
    """Mark the rows of failed tasks that the plan handles or tolerates."""
    by_task = {row["task"]: row for row in rows}
    if any(row["state"] == "FAILED" for row in by_task.values()):
        _annotate(list(tasks), by_task, "")


def _annotate(tasks: list[TaskPlan], rows: Mapping[str, Row], prefix: str) -> None:
    for task in tasks:
        row = rows.get(prefix + task.id)
        for dependency, rule in task.rules.items():
            failed = rows.get(prefix + dependency)
            if rule == "failure" and failed and row and row["state"] != "SKIPPED":
                failed["handled"] = failed["state"] == "FAILED"
        if row is not None and row["state"] == "FAILED":
            row["tolerated"] = row.get("tolerated") or _tolerates(task, row.get("code"))
        if task.group is not None:
            for inner in _prefixes(prefix + task.id, rows):
                _annotate(task.group.tasks, rows, inner)


def _tolerates(task: TaskPlan, code: int | None) -> bool:
    if isinstance(task.tolerated, bool):
        return task.tolerated
    return code in task.tolerated


def _prefixes(group: str, rows: Mapping[str, Row]) -> set[str]:
    """What the ids of the tasks of each copy begin with."""
    found = {f"{group}."} if any(task.startswith(f"{group}.") for task in rows) else set()
    for task in rows:
        copy, dot, _ = task.removeprefix(group).partition("].")
        if task.startswith(f"{group}[") and dot:
            found.add(f"{group}{copy}].")
    return found
