"""The line at the foot: keys of this place, or what has just been done, or what is being asked.

One widget that is always there, so that a question costs one line and no new layout. A hint is also
a button: a click on it is the key. Hints that do not fit are left out from the end, but never that
of the help. While something is asked all keys belong to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.widget import Widget

from cdktr_tui.draw.line import Line, Span, crop, plain
from cdktr_tui.keys import FOOT, KEYS, Key, shown
from cdktr_tui.widgets.prompt import Asked
from cdktr_tui.widgets.surface import Surface

LAST = "view.help"
"""Stays, however narrow it is."""
SAID_S = 6.0


class Hint(NamedTuple):
    """A hint in the line: from which cell to which, and the key it stands for."""

    first: int
    last: int
    key: str


def hints(
    ids: Sequence[str], table: Iterable[Key], cells: int, denied: bool
) -> tuple[Line, list[Hint]]:
    """The line of these keys, and where each of them is. `denied`: changes cannot be asked for."""
    known = {key.id: key for key in table}
    wanted = [known[id] for id in dict.fromkeys((*ids, LAST)) if id in known]
    sizes = [cell_len(shown(key.keys[0])) + 1 + cell_len(key.label) + 2 for key in wanted]
    kept = list(range(len(wanted)))
    while len(kept) > 1 and sum(sizes[one] for one in kept) > cells + 1:
        del kept[-1 if wanted[kept[-1]].id != LAST else -2]
    spans: list[Span] = []
    found: list[Hint] = []
    at = 1
    for one in kept:
        key, dim = wanted[one], denied and wanted[one].change
        name = shown(key.keys[0])
        spans += [(" " if not spans else "  ", ""), (name, "dim" if dim else "key")]
        spans.append((f" {key.label}", "dim" if dim else ""))
        found.append(Hint(at, at + sizes[one] - 2, key.keys[0]))
        at += sizes[one]
    return tuple(spans), found


class Footer(Surface):
    """See the module text."""

    DEFAULT_CSS = "Footer { height: 1; dock: bottom; }"

    def __init__(self, place: str = "") -> None:
        super().__init__(id="foot")
        self._ids: tuple[str, ...] = FOOT.get(place, ())
        self._table: tuple[Key, ...] = KEYS
        self._denied = ""
        self._said: Line = ()
        self._number = 0
        self._before: Widget | None = None
        self.asked: Asked | None = None

    def allow(self, denied: str, table: tuple[Key, ...] = KEYS) -> None:
        """`denied`: why nothing can be changed now; "": it can. `table` has the user's own keys."""
        if (denied, table) != (self._denied, self._table):
            if self._denied and plain(self._said) == self._denied:
                self._said = ()  # it is so no longer
            self._denied, self._table = denied, table
            self.paint()

    def say(self, *spans: Span) -> None:
        """What has just happened, for a while or until it is clicked away."""
        self._said = spans
        self._number += 1
        number = self._number
        self.set_timer(SAID_S, lambda: self.unsay(number))
        self.paint()

    def unsay(self, number: int = 0) -> None:
        """The hints again."""
        if self._said and number in (0, self._number):
            self._said = ()
            self.paint()

    @property
    def said(self) -> Line:
        return self._said

    def ask(self, asked: Asked) -> None:
        """This is asked now, whatever was before."""
        if self.asked is None:
            self._before = self.screen.focused
        self.asked, self._said = asked, ()
        self.can_focus = True
        self.screen.set_focus(self, scroll_visible=False)
        self.paint()

    def drop(self) -> None:
        """What is asked was answered, or is asked no more."""
        if self.asked is None:
            return
        self.asked = None
        self.can_focus = False
        before, self._before = self._before, None
        self.screen.set_focus(
            before if before is not None and before.is_attached else None, scroll_visible=False
        )
        self.paint()

    def drawn(self, y: int) -> tuple[Line, str]:
        cells = self.size.width
        if self.asked is not None:
            return self.asked.drawn(cells), ""
        if self._said:
            first, *rest = self._said
            return crop(((f" {first[0]}", first[1]), *rest), 0, cells), ""
        return hints(self._ids, self._table, cells, bool(self._denied))[0], ""

    def on_key(self, event: events.Key) -> None:
        if self.asked is None:
            return
        event.stop()
        event.prevent_default()
        asked = self.asked
        asked.key(event.key, event.character)
        self._after(asked)

    def on_paste(self, event: events.Paste) -> None:
        if self.asked is not None:
            event.stop()
            asked = self.asked
            asked.paste(event.text)
            self._after(asked)

    def _after(self, asked: Asked) -> None:
        """It may be over, and its answer may have asked something else."""
        if asked.over and self.asked is asked:
            self.drop()
        self.paint()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return self.asked is not None

    def on_blur(self) -> None:
        """Whoever takes the focus away ends the question: it is never answered by accident. A
        terminal that goes into the background takes it for a while only."""
        if not self.app.app_focus:
            return
        if self.asked is not None and not self.asked.over:
            self.asked.over = True
            self.asked = None
            self.can_focus = False
            self.paint()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if self.asked is not None:
            return
        if self._said:
            self.unsay()
            return
        for hint in hints(self._ids, self._table, self.size.width, bool(self._denied))[1]:
            if hint.first <= event.x < hint.last:
                self.app.simulate_key(hint.key)
