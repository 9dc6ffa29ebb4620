"""Which panes of the view of a run are shown, and how much room each has.

On a small screen one form at a time; on a large one the graph stands over the table and the story
beside both. What is in the panes is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from cdktr_common.catalogue.values import TaskRow
from cdktr_tui.draw import tasks
from cdktr_tui.session import Session
from cdktr_tui.views.run_data import RunData
from cdktr_tui.widgets.bar import Bar
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.graph import GraphView
from cdktr_tui.widgets.output import OutputPane
from cdktr_tui.widgets.rows import RowsView

WIDE, TALL = 120, 30
"""From here on the story stands beside the tasks, and the graph above them."""
DETAILS: Final = 42
"""Cells of the story when it stands beside."""

SMALL_FORMS: Final = ("lanes", "graph", "story")
LARGE_FORMS: Final = ("all", "lanes")

_PANES: Final = ("graph", "rows", "details", "output")

GRAPH_MOST: Final = 3 * tasks.UNFOLDED
"""Of more tasks no graph is drawn."""


class RunPanes(RunData):
    """The panes of one run."""

    DEFAULT_CSS = """
    RunPanes #upper { height: 1fr; }
    RunPanes #left { width: 1fr; }
    RunPanes #graph { height: 1fr; }
    RunPanes #details { width: 42; padding: 0 0 0 1; }
    RunPanes #output { height: 1fr; }
    RunPanes #story { height: 2; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.table = tasks.Table()
        self.form = 0
        self.zoomed = ""
        self._arranged: object = None

    def body(self) -> ComposeResult:
        with Horizontal(id="upper"):
            with Vertical(id="left"):
                yield GraphView(id="graph")
                yield Bar(id="title")
                yield RowsView((), self.cells, id="rows")
            yield Canvas(id="details")
        yield Bar(id="heading")
        yield OutputPane(self.session.ask, lambda: self.now, id="output")
        yield Canvas(id="story", can_focus=False)

    @property
    def there(self) -> bool:
        """Has it its panes? Not before it is shown, and no longer when it is being closed."""
        return self.is_mounted and bool(self.query("#rows")) and bool(self.query("#story"))

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    @property
    def known(self) -> dict[str, TaskRow]:
        return self.open.rows if self.open is not None else {}

    @property
    def chosen(self) -> TaskRow | None:
        """The one under the cursor."""
        return self.known.get(self.rows.cursor or "")

    def cells(self, key: str, now: int) -> Sequence[Cell]:
        """The cells of the row of a task."""
        raise NotImplementedError

    def placed_panes(self) -> None:
        """The panes have another size now."""

    # The panes.

    def place_panes(self) -> None:
        """Which panes are shown, and how high they are."""
        wide, tall = self.size.width >= WIDE, self.size.height >= TALL
        forms = LARGE_FORMS if wide and tall else SMALL_FORMS
        form = forms[self.form % len(forms)]
        room = max(1, self.size.height - 3)
        rows = len(self.table.keys) + 1 + bool(self.filter or self.rows.marks)
        drawn = 0
        if form == "all" and 1 < len(self.table.top) <= GRAPH_MOST:
            drawn = self.query_one(GraphView).wanted(room * 2 // 5)
        upper = min(max(rows, 4) + (drawn + 1 if drawn else 0), room * 3 // 5)
        if wide and tall:
            upper = max(upper, min(16, room * 2 // 5))
        if form == "graph":
            upper = min(max(4, self.query_one(GraphView).wanted(room // 2)), room // 2)
        shown = {
            "graph": drawn > 0 or form == "graph", "title": drawn > 0,
            "rows": form in ("all", "lanes"),
            "details": (wide and form != "graph") or form == "story", "left": form != "story",
            "upper": True, "heading": room > 8, "output": room > 8,
            "story": not wide and form != "story" and room > 12,
        }  # fmt: skip
        if form == "story":
            upper = room * 3 // 5
        if self.zoomed:
            shown = {name: name in _zoom(self.zoomed) for name in shown}
        height = "1fr" if self.zoomed or room <= 8 else str(upper)
        arranged = (tuple(shown.values()), height, drawn, form)
        if arranged == self._arranged:
            return
        self._arranged = arranged
        for name, visible in shown.items():
            self.query_one(f"#{name}").display = visible
        self.query_one("#upper").styles.height = height
        self.query_one("#graph").styles.height = drawn if form == "all" and drawn else "1fr"
        self.query_one("#details").styles.width = DETAILS if form != "story" else "1fr"
        focused = self.focused
        if focused is None or not focused.display or (form == "graph" and focused is self.rows):
            next((pane for pane in self.panes() if pane.display), self.rows).focus()

    def panes(self) -> list[Widget]:
        every: list[Widget] = [self.query_one(f"#{name}") for name in _PANES]
        left = self.query_one("#left").display
        return [
            one for one in every
            if one.display and (left or one.id not in ("graph", "rows"))
        ]  # fmt: skip

    def on_resize(self) -> None:
        if self.there:
            self.place_panes()
            self.placed_panes()

    def action_form(self) -> None:
        """The next form: lanes, graph, story; on a large screen with the graph or without."""
        self.zoomed = ""
        self.form += 1
        self.place_panes()
        self.placed_panes()

    def action_zoom(self) -> None:
        pane = self.focused
        self.zoomed = "" if self.zoomed or pane is None else pane.id or ""
        self.place_panes()

    def undo(self) -> bool:
        if self.zoomed:
            self.action_zoom()
            return True
        pane = self.focused
        if isinstance(pane, OutputPane) and pane.undo():
            return True
        return super().undo()


def _zoom(pane: str) -> tuple[str, ...]:
    """What is shown when a pane is alone on the screen."""
    if pane == "output":
        return ("heading", "output")
    return (pane, "upper") if pane == "details" else (pane, "upper", "left")
