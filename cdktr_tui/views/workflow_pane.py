"""What is shown of one workflow below the list: its graph, what starts it, how it went.

Figures over its last runs are asked for once the cursor stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_common.catalogue.principal import WorkflowDetail
from cdktr_common.catalogue.values import Plan, RunMark, RunRow, WorkflowRow
from cdktr_tui.draw import glyphs, graph, times
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.widgets.canvas import Canvas

NAME_MOST: Final = 28
"""Cells of a task's name in the graph."""


class WorkflowPane(Canvas):
    """Lines about a workflow; `show_row` when another is selected or it has changed."""

    DEFAULT_CSS = "WorkflowPane { height: 45%; max-height: 20; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row: WorkflowRow | None = None
        self._detail: WorkflowDetail | None = None
        self._figures: Figures | None = None

    def has(self, row: WorkflowRow) -> bool:
        """Is its plan, as it is now, known already?"""
        known = self._detail.workflow if self._detail is not None else None
        return known is not None and (known.workflow, known.hash) == (row.workflow, row.hash)

    def show_row(self, row: WorkflowRow | None, signs: glyphs.Glyphs, now: float) -> None:
        """This one is selected."""
        if row is None or self._row is None or row.workflow != self._row.workflow:
            self.top = self.left = 0
            self._figures = None
        self._row = row
        if row is not None and not self.has(row):
            self._detail = None
        self._draw(signs, now)

    def plan(self, detail: WorkflowDetail, signs: glyphs.Glyphs, now: float) -> None:
        """Its plan has come."""
        self._detail = detail
        self._draw(signs, now)

    def figures(self, figures: Figures, signs: glyphs.Glyphs, now: float) -> None:
        """How its runs went has come."""
        self._figures = figures
        self._draw(signs, now)

    @property
    def needs_figures(self) -> bool:
        return self._row is not None and self._figures is None

    def _draw(self, signs: glyphs.Glyphs, now: float) -> None:
        if self._row is None:
            self.show([])
            return
        plan = self._detail.plan if self._detail is not None else None
        self.show(about(self._row, plan, self._figures, signs, now, self.size.width))


class Figures:
    """Over the last runs: how many have ended, how many of them COMPLETED, seconds they took."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        ended = [row for row in rows if row.ended_ts is not None]
        took = sorted(
            row.ended_ts - row.started_ts
            for row in ended
            if row.ended_ts is not None and row.started_ts is not None
        )
        self.runs = len(ended)
        self.completed = sum(row.state == "COMPLETED" for row in ended)
        self.p50_s = took[len(took) // 2] if took else None
        self.p95_s = took[min(len(took) - 1, len(took) * 95 // 100)] if took else None

    def said(self) -> list[Span]:
        """In a few words."""
        if not self.runs:
            return [("no run on record", "dim")]
        share = 100 * self.completed / self.runs
        style = "ok" if share >= 95 else "warn" if share >= 50 else "bad"
        return [
            (f"p50 {times.span(self.p50_s)}  p95 {times.span(self.p95_s)}  ", ""),
            (f"ok {share:.0f} %", style), (f" of {self.runs}", "dim"),
        ]  # fmt: skip


def about(
    row: WorkflowRow,
    plan: Plan | None,
    figures: Figures | None,
    signs: glyphs.Glyphs,
    now: float,
    width: int,
) -> list[Line]:
    """All that is said of a workflow, the graph first of the longer things."""
    rule = "-" if signs.ascii else "─"
    title = clean.line(row.workflow, 60)
    head: list[Span] = [(f"{rule} ", "dim"), (title, "title"), (" ", "")]
    head.append((rule * max(0, width - cell_len(title) - 4), "dim"))
    lines = [tuple(head)]
    tasks = "1 task" if row.tasks == 1 else f"{row.tasks} tasks"
    facts: list[Span] = [(clean.line(row.file, 60) or "no file", "dim"), (f"   {tasks}   ", "")]
    lines.append((*facts, *(figures.said() if figures else ())))
    if row.description:
        lines.append(line((clean.line(row.description, 300), "")))
    for fault in row.broken[:3]:
        lines.append(line((f"line {fault.line}: {clean.line(fault.what, 200)}", "bad")))
        if fault.hint:
            lines.append(line(("  " + clean.line(fault.hint, 200), "dim")))
    if plan is not None:
        lines += drawn(plan, signs)
    lines += _starts(row, now)
    failed = next((mark for mark in reversed(row.last) if mark.state == "FAILED"), None)
    if failed is not None:
        lines.append(_failed(failed, now))
    return lines


def drawn(plan: Plan, signs: glyphs.Glyphs) -> list[Line]:
    """The tasks of a plan as a graph."""
    needs = {task.id: task.depends for task in plan.tasks}
    names = {task.id: clean.line(task.id, NAME_MOST) for task in plan.tasks}
    widths = {task: graph.label_width(name, 0) for task, name in names.items()}
    labels = {task: line(name) for task, name in names.items()}
    return [line(" ", *row) for row in graph.paint(graph.layout(needs, widths), labels, signs)]


def _starts(row: WorkflowRow, now: float) -> list[Line]:
    lines: list[Line] = []
    if row.paused:
        why = clean.line(row.paused_reason, 100)
        lines.append(line(("paused ", "warn"), (why or "p lets time and events start it", "dim")))
    if row.schedule:
        told = times.near(row.next_ts, now) if row.next_ts is not None else "nobody fires it now"
        lines.append(line(("next   ", "dim"), told, ("  " + clean.line(row.schedule, 100), "dim")))
    if row.events:
        lines.append(line(("event  ", "dim"), clean.line("  ".join(row.events), 200)))
    return lines


def _failed(mark: RunMark, now: float) -> Line:
    old = times.age(now - (mark.ended_ts or mark.created_ts))
    return line(
        ("failed ", "dim"),
        (clean.line(mark.run, 40), "bad"),
        f"  {old} ago",
        ("   x explain", "dim"),
    )
