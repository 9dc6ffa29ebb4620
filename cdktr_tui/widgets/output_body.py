"""What a pane of output shows: what a run's tasks wrote, as it comes and back to the beginning.

It follows the newest line until somebody scrolls up, and then stays where it is whatever comes.
Pages are asked for before the edge of what is loaded is reached. It draws only the lines that are
to be seen, once a frame; what is loaded is in `model/transcript.py`, which rows are shown in
`model/sift.py`, and how a row looks in `draw/loglines.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any, Final

from textual.message import Message
from textual.strip import Strip

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogPage
from cdktr_common.errors import ProtocolError
from cdktr_tui.draw import loglines, standing
from cdktr_tui.draw.line import Line
from cdktr_tui.draw.loglines import Look
from cdktr_tui.feed.items import Link, Output
from cdktr_tui.model.asks import Ask, Scope
from cdktr_tui.model.sift import SLICE, Sift
from cdktr_tui.model.tape import Row
from cdktr_tui.model.transcript import Transcript
from cdktr_tui.widgets import paint
from cdktr_tui.widgets.output_heading import heading, nothing
from cdktr_tui.widgets.surface import Surface

SLICE_S: Final = 0.005
"""How long a slice of a search takes about, so that keys are never late."""

QUIET_S: Final = 2.0
"""After so long without output it is looked whether the last of it was lost on its way."""

Asks = Callable[[Request, Callable[[Any], None], Callable[[ProtocolError], None]], int]
"""How it asks: a request, what to do with the reply, what to do with a refusal."""


class OutputBody(Surface):
    """What a pane of output shows; `OutputPane` adds what can be done with it."""

    class Changed(Message):
        """The heading is another one."""

    def __init__(
        self,
        ask: Asks,
        now: Callable[[], float] = time.time,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.scope: Scope | None = None
        self.script = Transcript(Scope("", ""))
        self.sift = Sift(self.script.tape)
        self.look = Look()
        self.following = True
        self.fault: ProtocolError | None = None
        self.dimmed = False
        self.top, self.sub, self.left = 0, 0, 0
        self.found: int | None = None
        self.seeking = 0
        self.chosen: tuple[int, int] | None = None
        self._ask, self._now = ask, now
        self._page: list[tuple[int | None, Line]] = []
        self._laid = (0, 0)
        self._heard_at = 0.0
        self._quiet = True
        self._slice = SLICE
        self._sifting = False
        self._heading: Line = ()
        self._link = Link(state="connecting")

    # What it shows.

    def show(self, scope: Scope | None) -> None:
        """The output of this scope from now on: its newest lines first. None: of nothing."""
        if scope == self.scope:
            return
        self.scope = scope
        self.script = Transcript(scope or Scope("", ""))
        pattern, only, streams = self.sift.pattern, self.sift.only, self.sift.streams
        self.sift = Sift(self.script.tape)
        self.sift.search(pattern)
        self.sift.show(streams=streams, only=only)
        self.look = self.look._replace(names=0 if scope is None or scope.task else 8)
        self.following, self.fault = True, None
        self.top = self.sub = self.left = self.seeking = 0
        self.found = self.chosen = None
        self.pump()
        self.draw()

    def topics(self) -> set[str]:
        """What is to be followed while it is shown."""
        return {self.scope.topic} if self.scope is not None and self.scope.workflow else set()

    def named(self, scope: Scope) -> None:
        """It is the same output; its workflow is known now."""
        self.scope = self.script.scope = scope

    def refused(self, fault: ProtocolError) -> None:
        """Something that is needed to show it was refused."""
        self.fault = fault
        self.draw()

    def load(self) -> None:
        """Ask for what may have been missed: it was not shown, or the link was away."""
        self.fault = None
        self.script.missed()
        self.pump()

    def output(self, items: Iterable[Output]) -> None:
        """Output has come live; it is drawn once for all of it."""
        taken = [item for item in items if self.script.live(item.seq, item.chunk)]
        if taken:
            self._heard_at, self._quiet = time.monotonic(), False
            if self.look.names:
                self._names(max(len(item.chunk.task) for item in taken))
            self.draw()

    def tick(self, now: float) -> None:
        """A second has passed."""
        if not self._quiet and time.monotonic() - self._heard_at > QUIET_S:
            self._quiet = True
            self.script.missed()
            self.pump()
        if self.fault is not None and self.fault.retry:
            self.load()
        if self.look.clock == "relative":
            self.draw()

    def stands(self, link: Link) -> None:
        """How it stands with those whom the output is from. What they told nobody meanwhile is
        asked for when they are back."""
        was, self._link = self._link, link
        dimmed = link.state != "up" or bool(self.away)
        back = was.logd_at is not None and link.logd_at is None and link.state == "up"
        if back:
            self.load()
        if back or dimmed != self.dimmed:
            self.dimmed = dimmed
            self.draw()

    @property
    def away(self) -> str:
        """What is wrong with the recorder."""
        return standing.recorder(self._link, self._now())

    def heading(self) -> Line:
        """What it shows and how, in one line."""
        return heading(self)

    @property
    def sifting(self) -> bool:
        """Is it being searched still?"""
        return self._sifting

    def row(self, number: int) -> Row | None:
        """A row, if it is kept still."""
        try:
            return self.script.tape.row(number)
        except IndexError:
            return None

    # Asking.

    def pump(self) -> None:
        """Ask for what the transcript wants."""
        if self.scope is None:
            return
        for ask in self.script.asks():
            self._ask(ask.request, self._then(ask), self._refused(ask))

    def _then(self, ask: Ask) -> Callable[[Any], None]:
        script = self.script

        def told(reply: Any) -> None:
            if script is not self.script or not self.is_running or not isinstance(reply, LogPage):
                return
            self.fault = None
            script.answer(ask, reply)
            if self.look.names:
                self._names(max((len(chunk.task) for chunk in reply.chunks), default=0))
            self.arrived(ask)
            self.draw()

        return told

    def _refused(self, ask: Ask) -> Callable[[ProtocolError], None]:
        script = self.script

        def told(fault: ProtocolError) -> None:
            if script is self.script and self.is_running:
                script.refused(ask)
                self.refused(fault)

        return told

    def arrived(self, ask: Ask) -> None:
        """The answer to something that was asked is on the tape."""

    def seek(self, step: int) -> None:
        """Go on to a match that was not loaded."""

    def _names(self, longest: int) -> None:
        names = min(loglines.NAME_MOST, max(self.look.names, longest))
        self.look = self.look._replace(names=names)

    # Drawing.

    def draw(self) -> None:
        """Lay the rows out anew and paint what is different."""
        self.script.hold = not self.following
        self.sift_on()
        self._lay()
        self._ask_ahead()
        self.paint()
        heading = self.heading()
        if heading != self._heading:
            self._heading = heading
            self.post_message(self.Changed())

    def sift_on(self) -> None:
        """Look at more rows for the search, for as long as a frame can spare."""
        began, more = time.monotonic(), True
        while more and time.monotonic() < began + SLICE_S:
            before = time.monotonic()
            more = self.sift.advance(self._slice)
            slow = time.monotonic() - before > SLICE_S / 2  # some patterns take long for a row
            self._slice = max(1, self._slice // 2) if slow else min(SLICE, self._slice * 2)
        if more and not self._sifting:
            self._sifting = True
            self.set_timer(0.01, self._sift_later)
        elif not more:
            self._sifting = False
        if not more and self.seeking:
            self.seek(self.seeking)

    def _sift_later(self) -> None:
        self._sifting = False
        self.draw()

    def lines(self, number: int) -> list[Line]:
        """A row as it is drawn."""
        pattern = self.sift.pattern
        return loglines.lines(
            self.script.tape.row(number), self.look, max(1, self.size.width), self._now(),
            self.left, pattern.spans if pattern is not None else None,
        )  # fmt: skip

    def room(self) -> int:
        """Cells of a line that are for what the task wrote."""
        return loglines.room(self.look, max(1, self.size.width), self._now())

    def _lay(self) -> None:
        cells, room = self.size
        if not cells or not room:
            return
        self._laid = (cells, room)
        self.look = self.look._replace(utc=UTC)
        sift = self.sift
        if not self.following:
            page = self._down_from(sift.place(self.top), room)
            if len(page) == room or not len(sift):
                self._page = page
                return
        self._page = self._up_from(len(sift), room)

    def _down_from(self, place: int, room: int) -> list[tuple[int | None, Line]]:
        page: list[tuple[int | None, Line]] = []
        skip = self.sub if place < len(self.sift) and self.sift.number(place) == self.top else 0
        while place < len(self.sift) and len(page) < room:
            number = self.sift.number(place)
            page += [(number, drawn) for drawn in self.lines(number)[skip:]]
            place, skip = place + 1, 0
        return page[:room]

    def _up_from(self, place: int, room: int) -> list[tuple[int | None, Line]]:
        """The page that ends before that place; it decides what the top is."""
        page: list[tuple[int | None, Line]] = []
        over = 0
        while place > 0 and len(page) < room:
            place -= 1
            number = self.sift.number(place)
            page[:0] = [(number, drawn) for drawn in self.lines(number)]
            over = len(page) - room
        if page:
            self.top, self.sub = page[0][0] or 0, max(0, over)
        return page[max(0, over) :]

    def _ask_ahead(self) -> None:
        """More is asked for before the edge is seen."""
        ahead = 2 * max(1, self.size.height)
        sift = self.sift
        if self.script.loaded and self.fault is None:
            if sift.place(self.top) < ahead and not self._sifting:
                self.script.older()
            if len(sift) - sift.place(self.top) < 2 * ahead:
                self.script.newer()
        self.pump()

    def strip(self, y: int) -> Strip:
        if (self.size.width, self.size.height) != self._laid:
            self._lay()
        if y < len(self._page):
            number, drawn = self._page[y]
        else:
            number, drawn = None, () if y or self._page else nothing(self)
        over = "dim" if self.dimmed else ""
        if self.chosen is not None and number is not None:
            first, last = sorted(self.chosen)
            over = "cursor" if first <= number <= last else over
        elif number is not None and number == self.found:
            over = over or "bold"
        return paint.strip(drawn, self.size.width, self.colours, over)

    def seen(self) -> Sequence[int]:
        """The rows on the screen."""
        return sorted({number for number, _ in self._page if number is not None})

    def at(self, y: int) -> int | None:
        """The row at that height."""
        return self._page[y][0] if 0 <= y < len(self._page) else None

    def on_mount(self) -> None:
        signs = getattr(self.app, "signs", None)
        self.look = self.look._replace(plain=bool(signs and signs.ascii))

    def on_resize(self) -> None:
        self._lay()
        self._ask_ahead()
