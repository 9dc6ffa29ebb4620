"""All that happens, as it happens, and what has happened: every fact of the principal.

The last ones are asked of the principal, older ones of the recorder. New ones come at the top;
while the list is paused they wait and are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any, Final

import msgspec
from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.facts import FACTS
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import EventList, EventPage
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import facts as draw
from cdktr_tui.draw import times
from cdktr_tui.draw.line import Line, line
from cdktr_tui.model import filters, terms
from cdktr_tui.model.events import MOST, read
from cdktr_tui.model.terms import Fault
from cdktr_tui.session import Session
from cdktr_tui.terminal.patience import Patience
from cdktr_tui.view import View
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import Column, RowsView

LAST: Final = 300
"""Facts that are asked for at first."""
PAGE: Final = 500
NOTHING: Final = 1 << 62

COLUMNS: Final = (
    Column("time", "TIME", 12),
    Column("seq", "SEQ", 7, align=">", rank=1),
    Column("type", "TYPE", 15),
    Column("about", "OBJECT", 20, flex=3),
    Column("by", "BY", 8, flex=1, rank=2),
    Column("says", "DETAIL", 14, flex=4),
)

TOPICS: Final = ("event/", "tick/", "run/", "workflow/", "agent/", "principal/")
KINDS: Final = tuple(sorted(str(kind.__struct_config__.tag) for kind in FACTS))


class Events(View):
    """Key `5`. Rows are known by their numbers; `_reach`: from this number on all are here."""

    NAME = "events"
    TITLE_ = "Events"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._wanted = filters.ALL
        self._shown: list[str] = []
        self._upto = 0
        self._reach = self._first = NOTHING
        self._asking: int | None = None
        self._recorder = True
        self._oldest = 1
        self._second = (0, 0)
        self._rate = 0
        self.times: times.Mode = "absolute"

    def topics(self) -> set[str]:
        return set(TOPICS)

    def body(self) -> ComposeResult:
        yield RowsView(COLUMNS, self._cells, id="rows")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    # What is asked for.

    def load(self) -> None:
        def newest(page: EventPage) -> None:
            first = max(page.oldest - 1, page.newest - LAST)
            self._recorder, self._oldest, self._first = True, page.oldest, first + 1
            self._fetch(first, page.newest, first + 1)

        if self._asking is not None:
            self.session.forget(self._asking)
            self._asking = None
        self.ask(EventList(after=-1), newest)

    def on_rows_view_near_end(self, event: RowsView.NearEnd) -> None:
        self._older()

    def _older(self) -> None:
        if self._asking is not None or not 1 < self._reach < NOTHING or self._full:
            return
        if self._recorder:
            asked = HistoryList(
                table="events", before=self._reach, limit=PAGE, **self._wanted.asked
            )
            self._asking = self.ask(asked, self._history, self._no_recorder)
        elif self._reach > self._oldest:
            first = max(self._oldest - 1, self._reach - 1 - PAGE)
            self._fetch(first, self._reach - 1, first + 1)

    @property
    def _full(self) -> bool:
        return len(self.model.events.facts) >= MOST

    def _history(self, page: HistoryPage) -> None:
        body = page.columns.index("body")
        told = (read(row[body]) for row in page.rows)
        self.model.events.older(fact for fact in told if fact is not None)
        self._more(page.next if page.next is not None else 1)

    def _no_recorder(self, fault: ProtocolError) -> None:
        self._asking, self._recorder = None, False
        self._older()

    def _fetch(self, after: int, upto: int, reach: int) -> None:
        """Of the principal, which may give less than it was asked for."""

        def told(page: EventPage) -> None:
            self.model.events.older(_facts(page.events))
            if after < page.last < upto:
                self._fetch(page.last, upto, reach)
            else:
                self._more(reach)

        self._asking = self.ask(EventList(after=after, limit=max(1, upto - after)), told)

    def _more(self, reach: int) -> None:
        before = len(self._shown)
        self._asking, self._reach = None, reach
        self._all()
        if len(self._shown) == before:
            self._older()  # none of them fits

    # What is shown.

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        if ("events",) in dirty:
            new = self._fitting(self.model.events.after(self._upto))
            if self.paused_with is not None:
                self.paused_with = len(new)
                return
            self._take(new)

    def _take(self, new: list[str]) -> None:
        events = self.model.events
        self._upto = max(self._upto, events.facts[-1].seq if events.facts else 0)
        first = str(events.facts[0].seq) if events.facts else ""
        kept = self._shown
        if kept and first and int(kept[-1]) < int(first):
            kept = [key for key in kept if int(key) >= int(first)]
        if new or kept is not self._shown:
            self._show([*reversed(new), *kept])

    def _all(self) -> None:
        """Look at all of them again."""
        facts = self.model.events.facts
        if self.paused_with is not None:
            facts = [fact for fact in facts if fact.seq <= self._upto]
        elif facts:
            self._upto = max(self._upto, facts[-1].seq)
        found = self._fitting(fact for fact in facts if fact.seq >= self._reach)
        self._show(found[::-1])

    def _fitting(self, facts: Iterable[Fact]) -> list[str]:
        fits = self._wanted.fits
        return [str(fact.seq) for fact in facts if fits(fact)]

    def _show(self, keys: list[str]) -> None:
        rows, at_top = self.rows, self.rows.at == 0
        self._shown = keys
        rows.set_keys(keys)
        if at_top and keys:
            rows.move_to(keys[0])
        some = f"{len(keys)} match" if self.filter else f"{len(keys)}"
        if self._wanted.late:
            rows.set_note(filters.LATE)
            return
        rows.set_note(f"{some} of the newest {MOST}: filter for others" if self._full else some)

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        fact = self.model.events.get(int(key))
        if fact is None:
            return ("", key, ("forgotten", "dim"), "", "", "")
        if self.times == "absolute":
            time = times.clock(fact.ts, millis=True)
            if self.now - fact.ts > 43200:
                time = times.near(fact.ts, self.now)
        else:
            time = times.told(fact.ts, self.now, self.times)
        return (
            (time, "dim"), (key, "dim"), (filters.tag(fact), draw.style(fact)), draw.about(fact),
            (draw.by(fact), "dim"), draw.says(fact),
        )  # fmt: skip

    def filtered(self, text: str) -> Note | None:
        try:
            wanted = filters.of_events(text, self.now, Patience)
        except Fault as fault:
            return f"{fault.what} (at {fault.at + 1})", "bad"
        if wanted.asked != self._wanted.asked and self._reach < self._first:
            # What was asked of the past were only those that fitted.
            self._reach = self._first
            self.model.events.drop_before(self._first)
        if self._asking is not None and self._reach < NOTHING:
            self.session.forget(self._asking)
            self._asking = None
        self._wanted = wanted
        self._all()
        if len(self._shown) < self.rows.page:
            self._older()
        if self._wanted.late:
            return filters.LATE, "bad"
        return (f"{len(self._shown)} match", "dim") if text else None

    def filter_words(self, text: str) -> list[str]:
        groups = {kind.split(".")[0] for kind in KINDS}
        values = {"type": {*KINDS, *groups}, "since": ("1h", "24h", "7d")}
        return terms.keys(text, filters.OF_EVENTS, values)

    def empty(self) -> list[Line]:
        if self.filter:
            return self.nothing(f"nothing matches {self.filter}", "esc clears the filter")
        return self.nothing("nothing has happened yet", "start a workflow: 1, then r")

    def tick(self, now: float) -> None:
        newest = self.model.events.facts[-1].seq if self.model.events.facts else 0
        before, at = self._second
        self._rate = max(0, newest - before) if before and int(now) != at else 0
        self._second = newest, int(now)
        if self.times == "relative":
            self.rows.tick(int(now))

    def summary(self) -> Line:
        wanted = (f"/{clean.line(self.filter, 60)}  ", "accent") if self.filter else ("", "")
        return line(wanted, (f"{self._rate}/s" if self._rate else "", "dim"))

    # What is done with it.

    def action_pause(self) -> None:
        """Let what comes wait; again: show it."""
        if self.paused_with is None:
            self.paused_with = 0
        else:
            self.paused_with = None
            self._all()
        self.restate()

    def action_follow(self) -> None:
        """To the newest, and stay there."""
        if self.paused_with is not None:
            self.action_pause()
        if self._shown:
            self.rows.move_to(self._shown[0])

    def action_json(self) -> None:
        """The fact as it was sent."""
        fact = self._chosen()
        if fact is None:
            return

        def told(page: EventPage) -> None:
            sent = page.events[0] if page.events and page.last >= fact.seq else None
            self._page_json(bytes(sent) if sent is not None else msgspec.json.encode(fact))

        asked = EventList(after=fact.seq - 1, limit=1)
        self.ask(asked, told, lambda fault: self._page_json(msgspec.json.encode(fact)))

    def _page_json(self, sent: bytes) -> None:
        self.page(msgspec.json.format(sent, indent=2).decode(), "json")

    def action_times(self) -> None:
        """Instants, ages, or UTC."""
        self.times = times.MODES[(times.MODES.index(self.times) + 1) % len(times.MODES)]
        self.rows.tick(int(self.now))

    def _chosen(self) -> Fact | None:
        key = self.rows.cursor
        return self.model.events.get(int(key)) if key is not None else None

    def record(self, key: str) -> Any:
        return self.model.events.get(int(key))

    def subjects(self) -> list[Subject]:
        fact = self._chosen()
        return [] if fact is None else [_subject(fact)]

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        """The run or the agent that it is about."""
        fact = self.model.events.get(int(event.key))
        if fact is None:
            return
        if run := getattr(fact, "run", "") or next(iter(getattr(fact, "runs", ())), ""):
            self.cdktr.open(views.make("run", self.session, run=run))
        elif agent := getattr(fact, "agent", ""):
            self.cdktr.open(views.make("agent", self.session, agent=agent))
        elif workflow := getattr(fact, "workflow", ""):
            self.cdktr.go("workflows")
            self.cdktr.view.seek(workflow)


def _facts(told: Iterable[Any]) -> list[Fact]:
    return [fact for each in told if (fact := read(each)) is not None]


def _subject(fact: Fact) -> Subject:
    def of(name: str) -> Any:
        return getattr(fact, name, "") or ""

    return Subject(
        "event", str(fact.seq), run=of("run"), workflow=of("workflow"), task=of("task"),
        n=of("n") or 0, text=filters.tag(fact),
    )  # fmt: skip
