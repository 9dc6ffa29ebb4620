"""What is to start by time within a day: instant by instant, or by the hour; below, the schedule
under the cursor.

Instants are computed here from the schedules in force, so many at a time; facts tell what became of
those that have passed, and when schedules change.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.calendar.schedule import Invalid
from cdktr_common.calendar.zones import Unknown
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import schedules as draw
from cdktr_tui.draw import times
from cdktr_tui.draw.line import Line, line
from cdktr_tui.model.coming import MOST_AN_HOUR, Coming, Due, Hour, Id, by_hour
from cdktr_tui.model.words import fits
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.views.schedule_asking import Asking
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.rows import Column, RowsView

DAY_S: Final = 86_400.0
YEARS_S: Final = 4 * 366 * DAY_S
PAGE: Final = 300
"""Instants that are computed at a time."""

INSTANTS: Final = (
    Column("time", "TIME", 11),
    Column("in", "IN", 4, align=">"),
    Column("workflow", "WORKFLOW", 12, flex=2),
    Column("schedule", "SCHEDULE", 12, flex=2, rank=1),
    Column("note", "NOTE", 8, flex=3),
)


class Schedule(View):
    """Key `4`."""

    NAME = "schedule"
    TITLE_ = "Schedule"
    DEFAULT_CSS = """
    Schedule #detail { height: 11; }
    Schedule.-low #detail, Schedule.-flat #detail { display: none; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.mode: times.Mode = "absolute"
        self.grid = False
        self._coming = Coming({}, 0.0, 0.0)
        self._due: dict[str, Due] = {}
        self._hours: dict[Id, tuple[float, float, list[Hour]]] = {}
        self._asking = Asking(self, self._renewed, self._refused)
        self._detail_of: tuple[Id, list[Due], str] | None = None

    def topics(self) -> set[str]:
        return {"workflow/", "tick/"}

    def body(self) -> ComposeResult:
        yield RowsView(INSTANTS, self._cells, id="rows")
        yield Canvas(id="detail")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    @property
    def shown(self) -> draw.Shown:
        return draw.Shown(self.now, self.mode)

    def load(self) -> None:
        self._asking.load()

    # What is computed.

    def _wanted(self) -> dict[Id, ScheduleRow]:
        return {
            id: row for id, row in self.model.schedules.rows.items()
            if fits(self.filter, row.workflow, draw.said(row), row.spec.timezone or "UTC")
        }  # fmt: skip

    def _renewed(self) -> None:
        self._compute(len(self._coming.found))

    def _compute(self, count: int) -> None:
        """The day from now on, at least so many instants of it."""
        wanted = self._wanted()
        self._coming = Coming(wanted, self.now, self.now + DAY_S)
        self._coming.take(max(PAGE, count))
        self._hours.clear()
        self._detail_of = None
        self._lay()

    def _lay(self) -> None:
        if self.grid:
            begin = self._hour()
            columns = (
                Column("workflow", "WORKFLOW", 10, flex=1),
                Column("grid", draw.ruler(begin, None), draw.HOURS * draw.CELL),
                Column("schedule", "SCHEDULE", 12, flex=1, rank=1),
            )
            self.rows.set_columns(columns)
            self.rows.set_keys(sorted("|".join(id) for id in self._wanted()))
        else:
            self._due = {due.key: due for due in self._coming.found}
            self.rows.set_columns(INSTANTS)
            self.rows.set_keys(list(self._due))
        self.rows.set_note(self._note())
        if not self.rows.keys:
            self.rows.set_empty(self.empty())
        self._draw()

    def _hour(self) -> float:
        """When the hour began that it is, by the clock of this machine."""
        _, minute, second = times.clock(self.now).split(":")
        return float(int(self.now)) - int(minute) * 60 - int(second)

    def _note(self) -> str:
        marked = f", {len(self.rows.marks)} marked" if self.rows.marks else ""
        if self.grid:
            once, more = self.signs.node, f"+ {MOST_AN_HOUR} times or more"
            return f"a day from this hour on: {once} once, {more}{marked}"
        count = len(self._coming.found)
        return f"{count}{' or more' if self._coming.more else ''} within a day{marked}"

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        self._asking.renew()
        ticked = {key[1:] for key in dirty if key[0] == "schedule"}
        self._asking.fired(id[0] for id in ticked)
        if ("schedules",) in dirty and not self._asking.busy:
            self._renewed()
        elif ticked:
            self._detail_of = None
            self._draw()

    def tick(self, now: float) -> None:
        found = self._coming.found
        if found and found[0].ts <= self.now:
            self._renewed()
        self._asking.renew()
        self.rows.tick(int(now))
        self._draw()

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        if self.grid:
            return self._hours_of(key)
        due = self._due.get(key)
        if due is None:  # of the rows before, which are about to be replaced
            return ()
        shown, signs = self.shown, self.signs
        if not due.workflow:
            rule = "--" if signs.ascii else "──"
            zone, note = (f"{rule} {clean.line(due.schedule)}", "warn"), (due.note, "warn")
            return (shown.at(due.ts), "warn"), draw.until(due, self.now), zone, "", note
        row = self.model.schedules.rows.get((due.workflow, due.schedule))
        style = "dim" if row is None or row.paused else ""
        return (
            (shown.at(due.ts), style),
            (draw.until(due, self.now), "dim"),
            (clean.line(due.workflow), style),
            (draw.said(row) if row else "", "dim"),
            draw.note(due, row),
        )

    def _hours_of(self, key: str) -> Sequence[Cell]:
        workflow, _, schedule = key.rpartition("|")
        row = self.model.schedules.rows.get((workflow, schedule))
        if row is None:
            return ()
        begin, after = self._hour(), self.now
        known = self._hours.get((workflow, schedule))
        # What is left of this hour changes by the minute, and the others with the hour.
        if known is None or known[0] != begin or after - known[1] >= 60:
            try:
                counted = by_hour(row, begin, draw.HOURS, after)
            except (Invalid, Unknown):
                counted = []
            known = self._hours[workflow, schedule] = (begin, after, counted)
        style = "dim" if row.paused else ""
        grid = draw.hours(known[2], row.paused, self.signs)
        return (
            (clean.line(workflow), style),
            grid or ("cannot be told here", "warn"),
            (draw.said(row), "dim"),
        )

    def _chosen(self) -> ScheduleRow | None:
        key = self.rows.cursor or ""
        if self.grid:
            workflow, _, schedule = key.rpartition("|")
            return self.model.schedules.rows.get((workflow, schedule))
        due = self._due.get(key)
        return self.model.schedules.rows.get((due.workflow, due.schedule)) if due else None

    def _draw(self) -> None:
        canvas, row = self.query_one("#detail", Canvas), self._chosen()
        canvas.dim(self.model.link.state != "up")
        if row is None:
            canvas.show([])
            return
        id = row.workflow, row.schedule
        known = self._detail_of
        if known is None or known[0] != id or (known[1] and known[1][0].ts <= self.now):
            coming = Coming({id: row}, self.now, self.now + YEARS_S)
            due = [each for each in coming.take(2 * draw.NEXT) if each.workflow][: draw.NEXT]
            known = self._detail_of = (id, due, coming.faults.get(id, ""))
        canvas.show(draw.about(row, known[1], known[2], self.shown, self.signs, self.size.width))

    def summary(self) -> Line:
        rows = self.model.schedules.rows.values()
        paused = sum(row.paused for row in rows)
        spans = [(f"{len(rows)} schedules", "")] if rows else []
        if paused:
            spans.append((f"  {paused} paused", "warn"))
        kept = [row for row in rows if not row.paused]
        if kept and all(draw.unfired(row, self.now) for row in kept):
            spans.append(("  no cdktr-cron fires them", "warn"))
        return line(*spans, ("  times: " + self.mode, "dim")) if rows else ()

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no schedule matches {self.filter}", "esc clears the filter")
        if self.model.schedules.rows:
            return self.nothing("nothing is due within a day", "v shows the schedules there are")
        return self.nothing(
            "no workflow starts by time", "`schedule: \"0 * * * *\"` in its file makes it so"
        )  # fmt: skip

    # What can be done.

    def filtered(self, text: str) -> tuple[str, str] | None:
        """Words of the workflow, the schedule or its zone; `!` before: are not."""
        self.filter = text
        self._compute(PAGE)
        return (f"{len(self._wanted())} schedules match", "dim") if text else None

    def undo(self) -> bool:
        if self.rows.unmark():
            return True
        if not self.filter:
            return False
        self.filtered("")
        return True

    def action_form(self) -> None:
        """Instant by instant, or by the hour; the cursor stays on the schedule."""
        row = self._chosen()
        self.grid = not self.grid
        self.rows.marks.clear()
        self._lay()
        if row is not None:
            ids = (row.workflow, row.schedule)
            keys = (key for key in self.rows.keys if tuple(key.rsplit("|", 2)[-2:]) == ids)
            self.rows.move_to(next(keys, ""))

    def action_times(self) -> None:
        """The next form of times."""
        self.mode = times.MODES[(times.MODES.index(self.mode) + 1) % len(times.MODES)]
        self.rows.paint()
        self._draw()
        self.restate()

    def record(self, key: str) -> ScheduleRow | None:
        workflow, schedule = key.rsplit("|", 2)[-2:]
        return self.model.schedules.rows.get((workflow, schedule))

    def subjects(self) -> list[Subject]:
        found = (self.record(key) for key in self.rows.selected())
        rows = {(row.workflow, row.schedule): row for row in found if row is not None}
        return [_subject(row) for row in rows.values()]

    def on_rows_view_moved(self, event: RowsView.Moved) -> None:
        self._draw()

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self.rows.set_note(self._note())

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        order = "names" if self.grid else "time"
        self.cdktr.acting.say(f"this view is in the order of {order}", "warn")

    def on_rows_view_near_end(self, event: RowsView.NearEnd) -> None:
        if not self.grid and self._coming.more and self._coming.take(PAGE):
            self._lay()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        """The run that it started last."""
        row = self._chosen()
        if row is not None and row.run:
            self.cdktr.open(views.make("run", self.session, run=row.run))
        elif row is not None:
            self.cdktr.acting.say(f"{row.workflow} was not started by this schedule yet", "warn")


def _subject(row: ScheduleRow) -> Subject:
    return Subject(
        "schedule", row.workflow, run=row.run, workflow=row.workflow,
        state="paused" if row.paused else "", text=draw.said(row),
    )  # fmt: skip
