"""A run that only the recorder remembers, folded from its facts as if they had been told just now.

The fact that created it holds its plan: from it come the tasks as they were, and every later fact
does to them what it does to those of a run that is followed. Pure; knows no requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.logd import HistoryPage
from cdktr_common.catalogue.principal import RunDetail, TaskPage
from cdktr_common.catalogue.values import RunRow, TaskPlan, TaskRow
from cdktr_tui.model.keys import Keys
from cdktr_tui.model.model import Model

_TYPES: Final = {str(kind.__struct_config__.tag): kind for kind in f.FACTS}


def rows(page: HistoryPage) -> list[RunRow]:
    """The rows of a page of runs. What a newer recorder tells otherwise is left out."""
    found = []
    for row in _named(page):
        row = {name: value for name, value in row.items() if value is not None}
        try:
            found.append(msgspec.convert(row, RunRow, strict=False))
        except msgspec.ValidationError:
            continue
    return found


def facts(page: HistoryPage) -> list[Fact]:
    """The facts of a page of events, as they come: the newest first."""
    found: list[Fact] = []
    for row in _named(page):
        kind = _TYPES.get(str(row.get("type")))
        try:
            if kind is not None:
                found.append(msgspec.convert(row["body"], kind))
        except (msgspec.ValidationError, KeyError):
            continue
    return found


def take(model: Model, row: RunRow, told: Iterable[Fact]) -> Keys:
    """All that happened to a run, in any order: the model has it as it ended."""
    ordered = sorted(told, key=lambda fact: fact.seq)
    created = next((fact for fact in ordered if isinstance(fact, f.RunCreated)), None)
    dirty = model.runs.history([row])
    if created is None:
        return dirty
    plain = RunDetail(
        run=row, plan=created.plan, payload=created.payload, key=created.key,
        params=created.params, seq=created.seq,
    )  # fmt: skip
    dirty |= model.tasks.detail(plain)
    tasks = [_before(task, created) for task in created.plan.tasks]
    dirty |= model.tasks.page(TaskPage(run=row.run, tasks=tasks, seq=created.seq))
    for fact in ordered:
        if fact.seq > created.seq:
            model.tasks.fold(fact, dirty)
    return dirty


def _before(task: TaskPlan, created: f.RunCreated) -> TaskRow:
    known = created.reused.get(task.id)
    if known is None or known.items is not None:
        return TaskRow(task=task.id, state="PENDING", name=task.name, depends=task.depends)
    return TaskRow(
        task=task.id, state="COMPLETED", name=task.name, depends=task.depends, reused=True,
        outputs=known.outputs, result=known.result,
    )  # fmt: skip


def _named(page: HistoryPage) -> list[dict[str, Any]]:
    return [dict(zip(page.columns, row, strict=True)) for row in page.rows]
