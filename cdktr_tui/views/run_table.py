"""The tasks of a run as a table with its time axis, and as a graph.

Mixed into the view of a run. What stands in a row is decided in `draw/tasks.py`; here it is known
how much room there is, and which rows are to be painted anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_tui.draw import gantt, glyphs, graph, tasks, times
from cdktr_tui.draw.graph import NAME_MOST
from cdktr_tui.draw.line import Line, Span, fit, line, width
from cdktr_tui.session import Session
from cdktr_tui.views.run_panes import GRAPH_MOST, WIDE, RunPanes
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.graph import GraphView
from cdktr_tui.widgets.rows import Column


class RunTable(RunPanes):
    """The table and the graph of one run."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.mode: times.Mode = "absolute"
        self.scale = gantt.Scale(0.0, 1.0, 1)
        self._names = 4

    def _columns(self) -> list[Column]:
        wide = self.size.width >= WIDE
        name = min(self._names, max(16, self.size.width // 3))
        axis = gantt.axis(self.scale)[0][0]
        return [
            Column("task", "TASK", name),
            Column("state", "STATE", 11 if self.signs.ascii else 9),
            Column("try", "TRY", 3, rank=2),
            Column("agent", "AGENT", 8, rank=3),
            *([Column("queued", "QUEUED", 6, ">", rank=4)] if wide else []),
            *([Column("start", "START", 8, rank=4)] if wide else []),
            Column("time", axis, 10, flex=1, rank=2),
            Column("dur", "DUR", 7, ">", rank=1),
        ]

    def measure(self) -> None:
        """The width that the names of the tasks want, with their lanes."""
        self.table.room = self.size.width // 3 - 12
        drawn = (self.table.name(self.known[task], self.signs) for task in self.table.keys)
        self._names = max(map(width, drawn), default=4)

    def rescale(self) -> None:
        """The axis of time for the room there is; its marks are the title of a column."""
        row = self.row
        if row is None:
            return
        begin = row.started_ts if row.started_ts is not None else row.created_ts
        end = row.ended_ts if row.ended_ts is not None else max(self.now, begin)
        cells = next((one.width for one in self.rows.placed() if one.column.id == "time"), 10)
        for _ in range(2):  # the width may become another with other columns
            self.scale = gantt.scale(begin, end, cells)
            columns = self._columns()
            if columns != self.rows.columns:
                self.rows.set_columns(columns)
            placed = (one.width for one in self.rows.placed() if one.column.id == "time")
            found = next(placed, cells)
            if found == cells:
                return
            cells = found

    def cells(self, key: str, now: int) -> Sequence[Cell]:
        row, at = self.known[key], self.now
        last = row.attempts[-1] if row.attempts else None
        plan = self.open.plan(key) if self.open is not None else None
        cells: list[Cell] = [
            self.table.name(row, self.signs),
            tasks.state(row, self.signs),
            tasks.attempt(row, plan),
            (clean.line(last.agent, 100) if last is not None else "", "dim"),
        ]
        if any(column.id == "queued" for column in self.rows.columns):
            began = last.started_ts if last is not None else None
            cells += [tasks.queued(row), self._began(began)]
        made = [self.known[one] for one in self.table.members.get(key, ())]
        whole = gantt.spanned(row, made) if made else row
        bar = gantt.bar(whole, self.scale, at, self.signs)
        return (*cells, bar, tasks.duration(whole, at, None))

    def _began(self, ts: float | None) -> str:
        """When, in eight cells."""
        if ts is None:
            return ""
        if self.mode == "relative":
            return times.age(self.now - ts)
        return times.clock(ts, UTC if self.mode == "utc" else None)

    # The graph.

    def label(self, task: str) -> Line:
        row = self.known[task]
        took = tasks.duration(row, self.now, None)[0]
        made = self.table.members.get(task, ())
        over = sum(self.known[one].state not in ("PENDING", "RUNNING") for one in made)
        spans: list[Span | str] = [self.signs.span(glyphs.of_task(row)), " "]
        name = clean.line(task, 200)
        spans.append(fit(name, min(NAME_MOST, cell_len(name))))
        if made:
            spans.append((f" {over}/{len(made)}", "dim"))
        if took and not took.startswith("in "):
            spans.append((f" {took}", "dim"))
        return line(*spans)

    def draw_graph(self) -> None:
        top = self.table.top
        if len(top) > GRAPH_MOST:
            return
        widths = {
            task: graph.label_width(
                clean.line(task, 200), 9 + (6 if task in self.table.members else 0)
            )
            for task in top
        }
        self.query_one(GraphView).boxes(top, widths, {task: self.label(task) for task in top})
