"""What all views have in common: where they stand on the screen, what they ask for and follow, and
the states that a view can be in, which look the same everywhere.

A view asks for its pages when it is shown (`load`), is told what has changed (`changed`) at most
once a frame, and repaints that. It holds nothing that the model holds. What is done about its
subjects, and the boxes at its foot, are of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Container
from textual.widget import Widget

from cdktr_common import clean
from cdktr_common.catalogue.base import Request
from cdktr_common.errors import ProtocolError
from cdktr_tui import keys
from cdktr_tui.acting.actions import Subject
from cdktr_tui.acting.hands import Hands
from cdktr_tui.draw import glyphs, standing
from cdktr_tui.draw.line import Line, Span, line
from cdktr_tui.feed.items import Output
from cdktr_tui.terminal.program import SMALLEST, Governed
from cdktr_tui.widgets.bar import Bar
from cdktr_tui.widgets.footer import Footer
from cdktr_tui.widgets.rows import RowsView
from cdktr_tui.widgets.surface import Surface

if TYPE_CHECKING:
    from cdktr_tui.app import CdktrApp
    from cdktr_tui.model.model import Model
    from cdktr_tui.session import Session

Key = tuple[str, ...]


class TooSmall(Surface):
    """What is shown where nothing useful can be."""

    def drawn(self, y: int) -> tuple[Line, str]:
        columns, rows = SMALLEST
        words = ("this terminal is too small:", f"{columns} columns and {rows} rows are needed")
        return (line(f" {words[y]}") if y < len(words) else ()), ""


class View(Hands, Governed):
    """Base of all views. `NAME` is the place whose keys it has; `TITLE_` stands in the path."""

    NAME: ClassVar[str] = ""
    TITLE_: ClassVar[str] = ""
    RECORDED: ClassVar[bool] = False
    """All that it shows comes from the recorder."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.filter = ""
        self.loaded = False
        self.loading_since: float | None = None
        self.fault: ProtocolError | None = None
        self.paused_with: int | None = None
        self.stale = True
        self.asked_filter = ""
        """A filter that is to be set once it is shown."""
        self._bindings = BindingsMap(keys.bindings(self.NAME))

    # What a view says of itself.

    def topics(self) -> set[str]:
        """Beginnings of topics that it follows while it is shown."""
        return set()

    def load(self) -> None:
        """Ask for its pages: when it is shown, after a gap, when the principal is back."""

    def told(self) -> bool:
        """Is there something to be shown, be it that there is nothing?"""
        return self.loaded

    def changed(self, dirty: Set[Key]) -> None:
        """These keys of the model have changed: repaint what is shown of them."""

    def output(self, items: list[Output]) -> None:
        """Output has come on a topic that it follows."""

    def tick(self, now: float) -> None:
        """A second has passed: repaint what counts seconds."""

    def pane(self) -> Widget | None:
        """Which widget keys of movement and of rows are for: the focused one."""
        return self.focused

    def undo(self) -> bool:
        """Take back the last small thing done here: marks, a filter. False: there is nothing."""
        pane = self.pane()
        if isinstance(pane, RowsView) and pane.unmark():
            return True
        if not self.filter:
            return False
        self.set_filter("")
        return True

    def subjects(self) -> list[Subject]:
        """What an action is about: marked rows, or the one under the cursor."""
        return []

    def crumb(self) -> str:
        """Its place in the path, as short as it is clear."""
        return self.TITLE_

    def summary(self) -> Line:
        """What stands to the right of the path."""
        return ()

    def empty(self) -> list[Line]:
        """What stands where there are no rows; made by `nothing`."""
        return self.nothing("nothing is here")

    def body(self) -> ComposeResult:
        """The widgets between the path and the footer."""
        yield Widget()

    # What it can use.

    @property
    def cdktr(self) -> CdktrApp:
        return cast("CdktrApp", self.app)

    @property
    def model(self) -> Model:
        return self.session.model

    @property
    def now(self) -> float:
        """Seconds of the day's clock: of the recording, when one is shown."""
        return self.cdktr.now()

    @property
    def signs(self) -> glyphs.Glyphs:
        return self.cdktr.signs

    def ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        refused: Callable[[ProtocolError], None] | None = None,
    ) -> int:
        """Ask; `then` gets the reply. What is refused becomes the state of the view, unless it is
        taken care of."""
        if self.loading_since is None:
            self.loading_since = time.monotonic()
        told = self._answered(then)
        return self.session.ask(request, told, self._unless_gone(refused or self._refused))

    def _unless_gone(
        self, refused: Callable[[ProtocolError], None]
    ) -> Callable[[ProtocolError], None]:
        return lambda fault: refused(fault) if self.is_running else None

    def _answered(self, then: Callable[[Any], None]) -> Callable[[Any], None]:
        def told(reply: Any) -> None:
            if not self.is_running:  # gone for good: nobody can go back to it
                return
            self.loaded, self.fault, self.loading_since = True, None, None
            then(reply)
            self.restate()

        return told

    def _refused(self, fault: ProtocolError) -> None:
        self.fault, self.loading_since = fault, None
        self.restate()

    # The screen.

    def compose(self) -> ComposeResult:
        yield Bar(id="header")
        yield Bar(id="path")
        with Container(id="body"):
            yield from self.body()
        yield TooSmall(id="small")
        yield Footer(self.NAME)

    def on_screen_resume(self) -> None:
        self.cdktr.shown(self)

    def on_screen_suspend(self) -> None:
        if self.cdktr.view is not self:
            self.cdktr.hidden(self)

    def restate(self) -> None:
        """Say anew how it stands: the header, the path, and what is old is dim."""
        if not self.is_mounted or self.cdktr.view is not self:
            return
        self.query_one("#header", Bar).show(*self.cdktr.header())
        self.query_one(Footer).allow(self.cdktr.acting.denied(), self.cdktr.keys)
        self.query_one("#path", Bar).show(self._path(), (*self.summary(), (" ", "")))
        old = self.model.link.state != "up" or bool(self._away())
        for rows in self.query(RowsView):
            rows.dim(old)
            if not rows.keys:
                rows.set_empty(self.empty())

    def _path(self) -> Line:
        crumbs: list[Span] = []
        for view in self.session.path():
            crumbs.append((clean.line(view.crumb(), 40), "title" if view is self else "dim"))
            crumbs.append((" › " if not self.signs.ascii else " > ", "dim"))
        return (" ", ""), *crumbs[:-1], *self._state()

    def _away(self) -> str:
        return standing.recorder(self.model.link, self.now) if self.RECORDED else ""

    def _state(self) -> Line:
        """How it stands with what is shown, in a few words; nothing when all is well."""
        link = self.model.link
        if self.fault is not None:
            said = clean.line(self.fault.detail, 200)
            return line("  ", (f"{self.fault.code}: {said}", "bad"))
        if link.state == "lost":
            return line("  ", ("old data", "warn"))
        if away := self._away():
            return line("  ", (away, "warn"))
        if self.paused_with is not None:
            return line("  ", (f"paused: {self.paused_with} waiting", "warn"))
        if self.loading_since is not None and time.monotonic() - self.loading_since > 0.15:
            waited = time.monotonic() - self.loading_since
            return line("  ", (f"loading {waited:.0f} s" if waited >= 1 else "loading", "dim"))
        return ()

    def nothing(self, empty: str, hint: str = "") -> list[Line]:
        """What stands where there are no rows: why, and what to do next."""
        link = self.model.link
        if link.state == "refused":
            return [line((clean.line(link.detail, 300), "bad"))]
        if link.state in ("connecting", "lost") and not self.loaded:
            return [
                line(
                    (
                        clean.line(f"no principal answers at {self.session.place.endpoint}", 300),
                        "warn",
                    )
                ),
                line(("it is looked for again and again; ctrl+r looks now", "dim")),
                line(("start one here with `cdktr start principal --with-agent`", "dim")),
            ]
        if not self.loaded:
            return [line(("loading", "dim"))]
        said = line(clean.line(empty, 300))
        return [said, *([line((clean.line(hint, 300), "dim"))] if hint else [])]

    # Actions that all views have.

    def action_view(self, name: str) -> None:
        self.cdktr.go(name)

    def action_back(self) -> None:
        self.cdktr.back()

    def action_leave(self) -> None:
        self.cdktr.leave()

    def action_quit(self) -> None:
        self.cdktr.exit(0)

    def action_last(self) -> None:
        self.cdktr.last()

    def action_history(self, step: int) -> None:
        self.cdktr.history(step)

    def action_resync(self) -> None:
        self.fault = None
        self.cdktr.redraw()
        self.session.feed.retry()
        self.load()

    def action_act(self, verb: str) -> None:
        self.cdktr.act(verb, self.subjects())


PASSED: Final = (
    "down", "up", "top", "bottom", "page_down", "page_up", "half_down", "half_up", "left", "right",
    "open", "mark", "mark_range", "mark_all", "wide",
)  # fmt: skip
"""Actions that are the focused pane's."""


def _passed(action: str) -> Callable[[View], None]:
    def act(self: View) -> None:
        does = getattr(self.pane(), action, None)
        if does is not None:
            does()

    return act


for _name in PASSED:
    setattr(View, f"action_{_name}", _passed(f"action_{_name}"))
