"""The program on the screen: takes what has come, folds it, and lets the view on top repaint.

Once a frame, and only when something has come: news wake it, and while the terminal has not taken
what was drawn before, nothing new is drawn (`terminal.Governor`); what is drawn then is newer. No
work here waits for anybody. Which views there are stands in `views.MAKERS`.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from cdktr_common import clean
from cdktr_tui import keys, themes, views
from cdktr_tui.acting.acting import Acting
from cdktr_tui.acting.actions import Subject
from cdktr_tui.draw import glyphs, standing
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.options import Options
from cdktr_tui.session import FeedLike, Place, Session, Taken
from cdktr_tui.terminal.program import Governor, Terminal
from cdktr_tui.view import View

NAMES = ("workflows", "runs", "agents", "schedule", "events", "query")
"""Views that digits go to, in order."""

FeedOf = Callable[[Place, Callable[[], None]], FeedLike]


class CdktrApp(Terminal):
    """`places` are the principals that can be gone to, the first one at the beginning."""

    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = "view-0"
    BINDINGS: ClassVar[list[BindingType]] = []
    CSS = """
    Screen { layers: base box; }
    #body, RowsView { height: 1fr; }
    #small { height: 1fr; display: none; }
    View.-tiny #small, View.-flat #small { display: block; }
    View.-tiny #body, View.-flat #body { display: none; }
    View.-low WorkflowPane { display: none; }
    """

    def __init__(
        self,
        places: Sequence[Place],
        options: Options,
        feed_of: FeedOf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.options = options
        self.places: Mapping[str, Place] = {place.name: place for place in places}
        self.keys: tuple[keys.Key, ...] = options.own.keys
        self.set_keymap(keys.keymap(self.keys))
        self.signs = glyphs.choose(options.glyphs, utf8=options.utf8, term=options.term)
        self.now = clock
        self._frame_due: asyncio.TimerHandle | None = None
        self._dirty: set[tuple[str, ...]] = set()
        self._loop_: asyncio.AbstractEventLoop | None = None
        """None: news wait for the first frame. Feeds give some as soon as they are started."""
        self.sessions: dict[str, Session] = {}
        self._feed_of = feed_of
        self.session = self._session(places[0])
        self.acting = Acting(self)
        self._modes_of: dict[View, str] = {}
        self._modes_made = 0
        self._governor = Governor(self, options.fps)
        for theme in (*themes.ALL, *options.own.themes):
            self.register_theme(theme)
        self.theme = options.theme
        self.session.root(self._root("workflows"))
        self._mode(self.view)
        self._first = options.view
        self.refused = ""
        """What is wrong with the command that it was started with."""
        self.when_ready: Callable[[], Awaitable[None]] | None = None

    # Principals.

    def _session(self, place: Place) -> Session:
        session = self.sessions.get(place.name)
        if session is None:
            session = Session(place, self._feed_of(place, self._news))
            self.sessions[place.name] = session
            session.feed.start()
        return session

    @property
    def view(self) -> View:
        return self.session.view

    def switch(self, name: str) -> None:
        """Go to another principal; the views that were open on it are still there."""
        self.session.follow(set())
        self.session = self._session(self.places[name])
        if not self.session.stack:
            self.session.root(self._root("workflows"))
        self._show()

    def probe(self) -> None:
        """Ask all principals how they are."""
        for place in self.places.values():
            self._session(place)

    def unprobe(self) -> None:
        """Those on which nothing was opened are left alone again."""
        for name, session in list(self.sessions.items()):
            if not session.stack and session is not self.session:
                session.feed.stop()
                del self.sessions[name]

    # Going from view to view.

    def _root(self, name: str) -> View:
        known = self.session.roots.get(name)
        if known is None:
            known = self.session.roots[name] = views.make(name, self.session)
        return known

    def go(self, name: str) -> None:
        """To a view that stands at the beginning of paths, as it was left."""
        if name in NAMES:
            if self.session.stack != [self._root(name)]:
                self.session.root(self._root(name))
                self._show()
        else:
            self.open(views.make(name, self.session))

    def open(self, view: View) -> None:
        """Down to a view of something."""
        self.session.open(view)
        self._show()

    def back(self) -> None:
        """One step back: what lies over the view, its filter and marks, then the view above."""
        if not self.view.undo() and self.session.up():
            self._show()

    def leave(self) -> None:
        """To the view above; from the uppermost out of the program."""
        if self.session.up():
            self._show()
        else:
            self.exit(0)

    def last(self) -> None:
        """To what was shown before; again: back here."""
        if self.session.past:
            self.session.past[-1], self.session.stack = self.session.stack, self.session.past[-1]
            self._show()

    def history(self, step: int) -> None:
        """Back or forward in what was shown."""
        if self.session.move(step):
            self._show()

    def _show(self) -> None:
        """Bring the view of the session to the screen. Each view is the base of a mode of its own,
        so that what lies over one, a dialog or a form, stays with it."""
        self.switch_mode(self._mode(self.view))
        kept = {view for session in self.sessions.values() for view in session.kept()}
        for view in self._modes_of.keys() - kept:
            self.remove_mode(self._modes_of.pop(view))

    def _mode(self, view: View) -> str:
        mode = self._modes_of.get(view)
        if mode is None:
            mode = self._modes_of[view] = f"view-{self._modes_made}"
            self._modes_made += 1
            self.add_mode(mode, lambda: view)
        return mode

    def delay_update(self, delay: float = 0.05) -> None:
        """Textual waits so long before a view is painted that was gone to; a tenth is enough."""
        super().delay_update(delay / 10)

    def shown(self, view: View) -> None:
        """A view has come to the top: it follows what it needs and asks for its pages."""
        if view is not self.view:
            return
        self.session.follow(view.topics())
        if view.stale and self.session.model.link.state == "up":
            view.stale = False
            view.load()
        words, view.asked_filter = view.asked_filter, ""
        if words and (fault := view.begin(words)):
            self._refuse(fault)
        view.restate()
        self._want_frame()

    def hidden(self, view: View) -> None:
        """A view is shown no longer: what it knows grows old."""
        view.stale = True

    def settled(self) -> bool:
        """Is everything there that the view has asked for, and drawn?"""
        link = self.session.model.link
        if link.state == "refused":
            return True
        shown = self.view.told() or self.view.fault is not None
        asked = bool(self._first or self.session.waiting)
        return link.state == "up" and shown and not asked and not self._dirty

    def on_mount(self) -> None:
        self._loop_ = asyncio.get_running_loop()
        # What the feed's thread calls is to know which app it is in, as all that Textual calls.
        self._inside = contextvars.copy_context()
        self.set_interval(1.0, self.tick)
        self._news()

    def on_ready(self) -> None:
        """The first frame is out."""
        if self.when_ready is not None:
            self.run_worker(self.when_ready(), exit_on_error=True)

    async def on_unmount(self) -> None:
        for session in self.sessions.values():
            session.feed.stop()

    # Frames.

    def _news(self) -> None:
        """Something has come. Called from any thread."""
        if self._loop_ is not None and not self._loop_.is_closed():
            self._loop_.call_soon_threadsafe(self._want_frame, context=self._inside)

    def _want_frame(self) -> None:
        if self._frame_due is None and self._loop_ is not None:
            self._frame_due = self._loop_.call_later(self._governor.wait(), self._frame)

    def _frame(self) -> None:
        self._frame_due = None
        if not self._there():
            return
        for session in self.sessions.values():
            taken = session.take()
            if session is self.session:
                self._take(taken)
        if not self._dirty or not self._there():  # what has come may have opened another view
            return
        if not self._governor.ready():
            self._want_frame()
            return
        dirty, self._dirty = self._dirty, set()
        self._governor.drawn()
        with self.batch_update():
            self.view.changed(dirty)
            self.view.restate()

    def _there(self) -> bool:
        """Can the view be drawn? One that is being made takes what has come when it is shown; when
        the program ends its parts are gone before it is."""
        return self.view.is_mounted and self.view.is_attached

    def _take(self, taken: Taken) -> None:
        self._dirty |= taken.dirty
        if taken.anew:
            self.view.stale = False
            self.view.load()
            self._begin()
        if taken.output:
            self.view.output(taken.output)
            self._dirty.add(("output",))

    def _begin(self) -> None:
        """Obey the command that the program was started with, once there is somebody to ask."""
        line, self._first = self._first, ""
        if line:
            self._refuse(self.acting.line(line))

    def _refuse(self, fault: str | None) -> None:
        if fault:
            self.refused = fault
            self.acting.say(fault, "bad")

    @property
    def quiet(self) -> bool:
        """Is everything that has come on the screen?"""
        return self._frame_due is None and not self._dirty

    def tick(self) -> None:
        """A second has passed."""
        if self.view.is_mounted and self._governor.ready():
            with self.batch_update():
                self.view.tick(self.now())
                self.view.restate()

    # What is said at the top.

    def header(self) -> tuple[Line, Line]:
        """The principal's name and how it stands with it; the views; the clock."""
        place, link = self.session.place, self.session.model.link
        name = place.name.upper() if place.protected else place.name
        style = "protected" if place.protected else place.colour or "accent"
        spans: list[Span | str] = [
            " ",
            (clean.line(name, 60), f"{style} bold"),
            " ",
            self.signs.span(link.state),
        ]
        if link.state == "lost" and link.at is not None:
            spans += [(f" lost {self.now() - link.at:.0f} s", "bad")]
        if away := standing.recorder(link, self.now()):
            spans += [(f" {away}", "warn")]
        if place.read_only or self.options.read_only:
            spans += [(" read-only", "warn")]
        spans += ["  "]
        for number, each in enumerate(NAMES, 1):
            here = bool(self.session.stack) and each == self.session.stack[0].NAME
            text = f"{number} {each.capitalize()}"
            spans += [(text, "title reverse" if here else f"@view('{each}')"), " "]
        clock = time.strftime("%H:%M", time.localtime(self.now()))
        return line(*spans), line((clock, "dim"), " ")

    # Doing something.

    def act(self, verb: str, subjects: Sequence[Subject]) -> None:
        """Do what a key says, to these."""
        self.acting.do(verb, list(subjects))
