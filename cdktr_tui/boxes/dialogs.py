"""Boxes over a view: a list of what is touched with a word to be typed, a menu, a text to read.

What a box holds is pure: which lines it has at a size, what a key does to it, and what comes of it.
`Box` draws the lines in a frame, hands it the keys and the clicks, and gives the result to whoever
opened it: None when it was left. All keys belong to the box while it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from cdktr_tui.draw.glyphs import BLOCK, Glyphs
from cdktr_tui.draw.line import Line, Span, crop, fit, line, width
from cdktr_tui.widgets.prompt import Edit
from cdktr_tui.widgets.surface import Surface

WIDEST: Final = 100
LISTED: Final = 200
"""Of what is touched so many are listed; how many there are is always said."""


class Inner(Protocol):
    """What is in a box. `result` is looked at when it is `over`."""

    title: str
    over: bool
    result: Any

    def lines(self, cells: int, rows: int) -> list[Line]:
        """Itself in at most so many cells and rows."""

    def size(self) -> tuple[int, int]:
        """Cells and rows that it would like to have."""

    def key(self, key: str, character: str | None) -> None: ...

    def paste(self, text: str) -> None: ...

    def hit(self, row: int, double: bool) -> None:
        """A click on one of its lines."""


class Reading:
    """Lines to read; scrolls when there are more than fit."""

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        self.title, self.over = title, False
        self.result: Any = None
        self._lines = list(lines) or [line(("nothing", "dim"))]
        self._top = self._page = 0

    def size(self) -> tuple[int, int]:
        return max(map(width, self._lines)), len(self._lines)

    def lines(self, cells: int, rows: int) -> list[Line]:
        self._page = rows
        self._top = max(0, min(self._top, len(self._lines) - rows))
        return self._lines[self._top : self._top + rows]

    def key(self, key: str, character: str | None) -> None:
        moves = {
            "j": 1, "down": 1, "k": -1, "up": -1, "pagedown": self._page, "pageup": -self._page,
            "space": self._page, "home": -self._top, "g": -self._top, "G": 1 << 20, "end": 1 << 20,
            "wheel_down": 3, "wheel_up": -3,
        }  # fmt: skip
        if character in moves or key in moves:
            self._top += moves.get(key) or moves.get(character or "", 0)
        elif key in ("escape", "enter", "q", "x"):
            self.over = True

    def paste(self, text: str) -> None:
        pass

    def hit(self, row: int, double: bool) -> None:
        pass


class Choice(NamedTuple):
    """A line of a menu. `key` is the letter that takes it at once, if it has one."""

    label: str
    value: Any
    key: str = ""
    more: str = ""
    """Said beside it, dim."""


class Menu:
    """One of several is chosen: by its letter, or with the cursor and enter."""

    def __init__(self, title: str, choices: Sequence[Choice], at: int = 0) -> None:
        self.title, self.over = title, False
        self.result: Any = None
        self._choices = list(choices)
        self._at, self._top = at, 0
        self._labels = max((width([(one.label, "")]) for one in choices), default=0)

    def size(self) -> tuple[int, int]:
        more = max((width([(one.more, "")]) for one in self._choices), default=0)
        return self._labels + more + 8, len(self._choices)

    def lines(self, cells: int, rows: int) -> list[Line]:
        if not self._top <= self._at < self._top + rows:
            self._top = max(0, min(self._at, len(self._choices) - rows))
        return [
            crop(self._line(at), 0, cells)
            for at in range(self._top, min(len(self._choices), self._top + rows))
        ]

    def _line(self, at: int) -> Line:
        choice, here = self._choices[at], at == self._at
        spans = [(" > " if here else "   ", "key"), (fit(choice.key, 3), "key")]
        spans += [(fit(choice.label, self._labels), "bold" if here else "")]
        return (*spans, ("  " + choice.more, "dim"))

    def key(self, key: str, character: str | None) -> None:
        letters = {choice.key: at for at, choice in enumerate(self._choices) if choice.key}
        if key == "escape":
            self.over = True
        elif character in letters:
            self._take(letters[character])
        elif key == "enter" and self._choices:
            self._take(self._at)
        elif key in ("down", "j", "tab", "wheel_down"):
            self._at = min(self._at + 1, len(self._choices) - 1)
        elif key in ("up", "k", "shift+tab", "wheel_up"):
            self._at = max(0, self._at - 1)
        elif key == "q":
            self.over = True

    def _take(self, at: int) -> None:
        self._at, self.over, self.result = at, True, self._choices[at].value

    def paste(self, text: str) -> None:
        pass

    def hit(self, row: int, double: bool) -> None:
        if self._top + row < len(self._choices):
            self._take(self._top + row)


class Typed:
    """What will be touched, and a word that has to be typed before it is: True comes of it."""

    def __init__(
        self, title: str, touched: Sequence[Line], word: str, effect: str = "", why: str = ""
    ) -> None:
        self.title, self.over = title, False
        self.result: bool | None = None
        self._word, self._edit, self._wrong = word, Edit(), False
        self._head: list[Line] = []
        if effect:
            self._head.append(line((effect, "")))
        if why:
            self._head.append(line((why, "protected")))
        self._touched = list(touched[:LISTED])
        if len(touched) > LISTED:
            self._touched.append(line((f"… and {len(touched) - LISTED:,} more", "dim")))

    def _foot(self) -> Line:
        ready = self._edit.text == self._word
        asked: list[Span] = [("type ", ""), (self._word, "bold"), (": ", "")]
        asked += self._edit.drawn(max(width([(self._word, "")]) + 2, 12))
        asked.append(("  ", ""))
        if self._wrong:
            asked.append(("that is another word", "bad"))
        else:
            asked += [("enter", "key" if ready else "dim"), (" do it  ", "" if ready else "dim")]
            asked += [("esc", "key"), (" leave", "")]
        return tuple(asked)

    def size(self) -> tuple[int, int]:
        widest = max(map(width, (*self._head, *self._touched)), default=0)
        return max(widest, width(self._foot()) + 8), len(self._head) + len(self._touched) + 2

    def lines(self, cells: int, rows: int) -> list[Line]:
        room = rows - len(self._head) - 2
        shown = self._touched[: max(1, room)]
        if len(shown) < len(self._touched):
            shown[-1] = line((f"… and {len(self._touched) - len(shown) + 1:,} more", "dim"))
        return [*self._head, *shown, (), self._foot()]

    def key(self, key: str, character: str | None) -> None:
        self._wrong = False
        if key == "escape":
            self.over = True
        elif key == "enter":
            if self._edit.text == self._word:
                self.over, self.result = True, True
            else:
                self._wrong = True
        else:
            self._edit.key(key, character)

    def paste(self, text: str) -> None:
        """A word that is pasted was not read."""

    def hit(self, row: int, double: bool) -> None:
        pass


class Face(Surface):
    """The frame and what is in it."""

    DEFAULT_CSS = "Face { background: $surface; }"

    def __init__(self, inner: Inner, signs: Glyphs) -> None:
        super().__init__()
        self.inner, self._signs = inner, signs

    def drawn(self, y: int) -> tuple[Line, str]:
        cells, rows = self.size.width, self.size.height
        across, down = self._signs.box[10], self._signs.box[5]
        corners = self._signs.corners
        if y == 0:
            title = f" {fit(self.inner.title, min(width([(self.inner.title, '')]), cells - 6))} "
            rest = across * (cells - 3 - width([(title, "")]))
            return line(
                (corners[0] + across, "bar"), (title, "title"), (rest + corners[1], "bar")
            ), ""
        if y == rows - 1:
            return line((corners[2] + across * (cells - 2) + corners[3], "bar")), ""
        inside = self.inner.lines(cells - 4, rows - 2)
        text = inside[y - 1] if y - 1 < len(inside) else ()
        edge: Span = (down, "bar")
        return (edge, (" ", ""), *crop(text, 0, cells - 4), (" ", ""), edge), ""


class Box(ModalScreen[Any]):
    """An inner thing in a frame in the middle of the screen."""

    DEFAULT_CSS = "Box { align: center middle; background: transparent; }"
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, inner: Inner, signs: Glyphs = BLOCK) -> None:
        super().__init__()
        self.inner = inner
        self._face = Face(inner, signs)

    def compose(self) -> ComposeResult:
        yield self._face

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        cells, rows = self.inner.size()
        title = width([(self.inner.title, "")]) + 4
        most = min(WIDEST, self.app.size.width)
        self._face.styles.width = min(most, max(24, cells, title) + 4)
        self._face.styles.height = min(max(3, self.app.size.height - 2), rows + 2)

    def hold(self, inner: Inner) -> None:
        """Something else is in it from now on."""
        self.inner = self._face.inner = inner
        self._fit()
        self._face.paint()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.inner.key(event.key, event.character)
        self._after()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.inner.paste(event.text)
        self._after()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        x, y = self._face.region.x, self._face.region.y
        if not self._face.region.contains(event.screen_x, event.screen_y):
            self.inner.key("escape", None)
        elif 0 < event.screen_y - y < self._face.size.height - 1 and event.screen_x > x:
            self.inner.hit(event.screen_y - y - 1, event.chain > 1)
        self._after()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.inner.key("wheel_down", None)
        self._after()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.inner.key("wheel_up", None)
        self._after()

    def _after(self) -> None:
        if self.inner.over:
            self.dismiss(self.inner.result)
        else:
            self._face.paint()


Opened = Callable[[Any], None]
