"""What is said of the task under the cursor: its story, long or short, and what the output is of.

Mixed into the view of a run, which knows which task that is. The words are `draw/story.py`'s.
"""

from __future__ import annotations

from cdktr_common import clean
from cdktr_common.catalogue.values import TaskRow
from cdktr_tui.draw import runs, story
from cdktr_tui.draw.buses import ACROSS
from cdktr_tui.draw.line import Line, Span, line, width
from cdktr_tui.session import Session
from cdktr_tui.views.run_table import RunTable
from cdktr_tui.widgets.bar import Bar
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.output import OutputPane


class RunTold(RunTable):
    """The words of one run."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.n = 0
        """The attempt whose output is shown; 0: the last one."""
        self.all_tasks = False
        self.feeds: dict[str, list[str]] = {}
        """What each task is needed by."""

    def tell(self) -> None:
        """The story of the task under the cursor, and what the output is of."""
        row = self.chosen
        self._head(row)
        self._rule(self.query_one("#title", Bar), line((f"tasks {len(self.known)}", "title")))
        details, brief = self.query_one("#details", Canvas), self.query_one("#story", Canvas)
        if row is None:
            details.show([])
            brief.show([])
            return
        plan = self.open.plan(row.task) if self.open is not None else None
        feeds = self.feeds.get(row.task, [])
        if details.display:
            causes = self.causes.get(row.task, ())
            told = story.about(row, plan, feeds, self.known, causes, self.now, self.signs)
            details.show([line((clean.line(row.task, 60), "title")), *told, *self._compared()])
        if brief.display:
            drawn = story.brief(row, plan, feeds, self.known, self.now)
            brief.show([line(" ", *one) for one in drawn])

    def _compared(self) -> list[Line]:
        drawn = runs.compared(self.row, self.seconds, self.now, self.signs) if self.row else ()
        return [(), drawn] if drawn else []

    def _head(self, row: TaskRow | None) -> None:
        """What the output is of, and how it is shown."""
        bar, pane = self.query_one("#heading", Bar), self.query_one(OutputPane)
        if self.all_tasks:
            self._rule(bar, line(("all tasks", "title")), pane.heading())
        elif row is None:
            self._rule(bar, ())
        else:
            n = self.n or (row.attempts[-1].n if row.attempts else 0)
            one = next((one for one in row.attempts if one.n == n), None)
            where = (
                f" try {n} on {clean.line(one.agent, 40)}"
                if one is not None
                else f" {_silent(row)}"
            )
            self._rule(bar, line((clean.line(row.task, 60), "title"), where), pane.heading())

    def _rule(self, bar: Bar, title: Line, more: Line = ()) -> None:
        """A line across with these words in it."""
        dash = self.signs.box[ACROSS]
        said: list[Span] = [(f"{dash} ", "dim"), *title, (" ", "")]
        if more:
            said += [(f"{dash} ", "dim"), *more, (" ", "")]
        bar.show((*said, (dash * max(0, bar.size.width - width(said)), "dim")))


def _silent(row: TaskRow) -> str:
    """Why there is no output of a task without attempts."""
    if row.calls:
        return f"is the run {row.calls}: enter opens it"
    if row.state == "PENDING":
        return "has not begun"
    return "writes nothing itself" if row.state != "SKIPPED" else "was skipped"
