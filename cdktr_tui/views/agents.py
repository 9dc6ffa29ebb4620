"""All agents: whether they are there, how busy they are and were; below, the one under the cursor
and what it works on.

Loads come by themselves, once a second. What an agent works on is asked for when it has been heard
of, one question at a time: facts about all runs would be many more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any, Final

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.catalogue.principal import AgentDetail, AgentList, AgentPage, AgentShow
from cdktr_common.catalogue.values import AgentRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import agents as draw
from cdktr_tui.draw import glyphs
from cdktr_tui.draw.line import Line, line
from cdktr_tui.model.words import fits
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.rows import Column, RowsView

SAMPLES: Final = 60
STRIP: Final = 18
BAR: Final = 11

COLUMNS: Final = (
    Column("agent", "AGENT", 10, flex=2),
    Column("state", "STATE", 10),
    Column("slots", "SLOTS", BAR),
    Column("strip", "CPU 5 MIN", STRIP, rank=1),
    Column("cpu", "CPU", 4, align=">"),
    Column("mem", "MEM", 4, align=">"),
    Column("load", "LOAD", 5, align=">", rank=4),
    Column("lost", "LOST", 4, align=">", rank=2),
    Column("heard", "HEARD", 5, align=">", rank=1),
    Column("version", "VERSION", 8, rank=5),
    Column("labels", "LABELS", 10, flex=1, rank=5),
    Column("host", "HOST", 10, flex=1, rank=6),
)

_STATES: Final = ("silent", "draining", "ready", "gone")
"""What most needs to be looked at comes first."""

ORDERS: Final[dict[str, Callable[[AgentRow], Any]]] = {
    "agent": lambda row: row.agent,
    "state": lambda row: _STATES.index(row.state) if row.state in _STATES else len(_STATES),
    "slots": lambda row: row.busy / row.slots if row.slots else 0.0,
    "strip": lambda row: sum(row.cpu),
    "cpu": lambda row: row.load.cpu_pct if row.load else -1.0,
    "mem": lambda row: row.load.mem_pct if row.load else -1.0,
    "load": lambda row: row.load.load1 if row.load else -1.0,
    "lost": lambda row: row.losses,
    "heard": lambda row: -(row.heard_ts or 0.0),
    "version": lambda row: row.version,
    "labels": lambda row: row.labels,
    "host": lambda row: row.host,
}
QUIET: Final = frozenset({"agent", "state", "lost", "version", "labels", "host"})
"""Orders that loads do not change."""


class Held:
    """Asks what an agent works on, one question at a time: news that come meanwhile are asked for
    once it is answered."""

    def __init__(
        self, view: View, told: Callable[[], None],
        gone: Callable[[ProtocolError], None] = lambda fault: None,
    ) -> None:  # fmt: skip
        self._view = view
        self._told = told
        self._gone = gone
        self._under_way = ""
        self._wanted = ""

    def want(self, agent: str) -> None:
        """It may work on other things now."""
        if self._under_way:
            self._wanted = agent
            return
        self._under_way = agent
        self._view.ask(AgentShow(agent=agent), self._detail, self._refused)

    def _detail(self, detail: AgentDetail) -> None:
        self._view.model.agents.detail(detail)
        self._told()
        self._over()

    def _refused(self, fault: ProtocolError) -> None:
        """It was forgotten, or the principal does not answer: no question of this one follows."""
        self._wanted = "" if self._wanted == self._under_way else self._wanted
        self._gone(fault)
        self._over()

    def _over(self) -> None:
        wanted, self._wanted, self._under_way = self._wanted, "", ""
        if wanted:
            self.want(wanted)


class Agents(View):
    """Key `3`."""

    NAME = "agents"
    TITLE_ = "Agents"
    DEFAULT_CSS = """
    Agents #detail { height: 50%; max-height: 24; }
    Agents.-low #detail, Agents.-flat #detail { display: none; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._held = Held(self, self._draw)

    def topics(self) -> set[str]:
        return {"agent/", "load/"}

    def body(self) -> ComposeResult:
        yield RowsView(COLUMNS, self._cells, id="rows")
        yield Canvas(id="detail")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    # What is asked for.

    def load(self) -> None:
        def told(page: AgentPage) -> None:
            self.model.agents.page(page)
            self._order()
            self._look()

        self.ask(AgentList(cpu=SAMPLES), told)

    def _look(self) -> None:
        """The agent under the cursor is told of below."""
        self._draw()
        if self.rows.cursor in self.model.agents.rows:
            self._held.want(self.rows.cursor or "")

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        names = {key[1] for key in dirty if key[0] == "agent"}
        sort = self.rows.sort[0] if self.rows.sort else "agent"
        if ("agents",) in self.model.stale:
            self.load()
        if ("agents",) in dirty or (names and (sort not in QUIET or self.filter)):
            self._order()
        self.rows.touch(*names)
        chosen = self.rows.cursor
        if chosen in names:
            self._look()

    def _order(self) -> None:
        known = self.model.agents.rows
        chosen = [row for _, row in sorted(known.items()) if fits(self.filter, *shown(row))]
        if self.rows.sort is not None:
            column, falling = self.rows.sort
            chosen.sort(key=ORDERS[column], reverse=falling)
        self.rows.set_keys([row.agent for row in chosen])
        self._note(len(chosen))

    def _note(self, count: int) -> None:
        some = f"{count} of {len(self.model.agents.rows)} match" if self.filter else ""
        marked = f"{len(self.rows.marks)} marked" if self.rows.marks else ""
        self.rows.set_note(", ".join(part for part in (some, marked) if part))

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"no agent matches {self.filter}", "esc clears the filter")
        return self.nothing(
            "there are no agents: nothing can run",
            "start one with `cdktr start agent`, here or on any machine",
        )

    def filtered(self, text: str) -> tuple[str, str] | None:
        """Words that are in its name, state, host, labels or version; `!` before: are not."""
        self.filter = text
        self._order()
        self.rows.set_empty(self.empty())
        return (f"{len(self.rows.keys)} match", "dim") if text else None

    def undo(self) -> bool:
        if self.rows.unmark():
            return True
        if not self.filter:
            return False
        self.filtered("")
        return True

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        row = self.model.agents.rows[key]
        signs, load = self.signs, row.load
        return (
            (clean.line(row.agent), "dim" if row.state == "gone" else ""),
            draw.state(row, signs),
            draw.slots(row, BAR, signs),
            draw.spark(row, STRIP, signs),
            draw.percent(row, load.cpu_pct if load else None),
            draw.percent(row, load.mem_pct if load else None),
            f"{load.load1:.1f}" if load else "-",
            (str(row.losses), "lost") if row.losses else ("-", "dim"),
            draw.heard(row, self.now),
            (row.version, "dim"),
            " ".join(row.labels),
            (row.host, "dim"),
        )

    def _draw(self) -> None:
        row = self.model.agents.rows.get(self.rows.cursor or "")
        canvas = self.query_one("#detail", Canvas)
        canvas.dim(self.model.link.state != "up")
        if row is None:
            canvas.show([])
            return
        lines = draw.about(row, self.signs, self.now, self.size.width)
        tasks = self.model.agents.tasks.get(row.agent)
        if tasks is not None:
            lines += draw.held(tasks, self.signs, self.now)
        lines += draw.picture(row, self.signs, self.size.width)
        canvas.show(lines)

    def tick(self, now: float) -> None:
        self.rows.tick(int(now))
        self._draw()

    def summary(self) -> Line:
        return summed(self.model.agents.rows.values(), self.signs)

    # What is selected.

    def record(self, key: str) -> AgentRow | None:
        return self.model.agents.rows.get(key)

    def subjects(self) -> list[Subject]:
        known = self.model.agents.rows
        return [subject(known[name]) for name in self.rows.selected() if name in known]

    def on_rows_view_moved(self, event: RowsView.Moved) -> None:
        self._look()

    def on_rows_view_marked(self, event: RowsView.Marked) -> None:
        self._note(len(self.rows.keys))

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        before = self.rows.sort
        falling = before is not None and before == (event.key, False)
        self.rows.set_sort((event.key, falling))
        self._order()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        self.cdktr.open(views.make("agent", self.session, agent=event.key))


def subject(row: AgentRow) -> Subject:
    """What drain and undrain are about."""
    return Subject("agent", row.agent, state=glyphs.of_agent(row))


def shown(row: AgentRow) -> tuple[str, ...]:
    """What words of a filter are looked for in."""
    return (row.agent, glyphs.word(glyphs.of_agent(row)), row.host, row.version, *row.labels)


def summed(rows: Any, signs: glyphs.Glyphs) -> Line:
    """How many agents there are in which state, and how many of their slots are busy."""
    rows = list(rows)
    spans = []
    for state in ("ready", "draining", "silent", "gone"):
        count = sum(glyphs.of_agent(row) == state for row in rows)
        if count:
            spans.append((f"{glyphs.word(state)} {count}  ", glyphs.style(state)))
    there = [row for row in rows if row.state != "gone"]
    busy, slots = sum(row.busy for row in there), sum(row.slots for row in there)
    return line(*spans, f"slots {busy}/{slots}") if rows else ()
