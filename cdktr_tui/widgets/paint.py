"""From lines to what Textual shows: names of styles become colours of the theme.

A strip says the same with as few changes of colour as possible: over a slow line they are most of
what a frame costs. Two strips that look alike are equal, so that what did not change can be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.color import Color as RichColor
from rich.color import ColorParseError
from rich.errors import StyleSyntaxError
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.color import ColorParseError as OddColour
from textual.strip import Strip
from textual.theme import Theme

from cdktr_tui.draw.line import Span, crop
from cdktr_tui.terminal.glass import cells_of, ground
from cdktr_tui.themes import rich_colour, styles

NULL: Final = Style.null()


class Palette:
    """What the names of styles mean in a theme."""

    def __init__(self, theme: Theme, ground: str) -> None:
        self.theme = theme
        self.text = NULL
        if not theme.ansi:
            made = theme.to_color_system().generate()
            self.text = Style(color=_colour(made["foreground"]), bgcolor=_colour(made[ground]))
        self._words = styles(theme)
        self._known: dict[str, Style] = {}
        self._over: dict[str, Style] = {}

    def style(self, names: str) -> Style:
        """Names separated by blanks; what is none of ours is a colour (`#ff8800`, `red`) or of
        `clean.styled`, and what is nothing at all changes nothing."""
        known = self._known.get(names)
        if known is None:
            known = self._known[names] = self.text + self.over(names)
        return known

    def over(self, names: str) -> Style:
        """What these say themselves, to be laid over others: colours that they do not name stay."""
        known = self._over.get(names)
        if known is None:
            known = self._over[names] = Style.combine([NULL, *map(self._one, names.split())])
        return known

    def _one(self, name: str) -> Style:
        try:
            return Style.parse(self._words.get(name) or _words(name))
        except (StyleSyntaxError, ColorParseError):
            return NULL


_palettes: dict[tuple[str, str], Palette] = {}


def palette(theme: Theme, ground: str = "background") -> Palette:
    """The palette of a theme, made once, on one of its grounds (`background`, `surface`, ...)."""
    known = _palettes.get((theme.name, ground))
    if known is None or known.theme is not theme:
        known = _palettes[theme.name, ground] = Palette(theme, ground)
    return known


def strip(
    line: Iterable[Span], width: int, colours: Palette, over: str = "", start: int = 0
) -> Strip:
    """The cells of a line from `start` on, filled up to `width`. `over` names a style that is laid
    over all of it; one that reverses hides the others, which would be stripes else."""
    above = colours.over(over) if over else NULL
    alone = bool(above.reverse)
    if alone:
        above = colours.style(over)
    segments: list[Segment] = []
    texts: list[str] = []
    last: Style | None = None
    for text, names in crop(line, start, width):
        if not text:
            continue
        style = above if alone else colours.style(names) + above if over else colours.style(names)
        if last is not None and (
            style == last or (text.isspace() and ground(style) == ground(last))
        ):
            texts.append(text)
            continue
        if last is not None:
            segments.append(Segment("".join(texts), last))
        texts, last = [text], style
    if last is not None:
        segments.append(Segment("".join(texts), last))
    return Strip(segments, width)


def changed(old: Strip, new: Strip) -> tuple[int, int] | None:
    """From which cell to which one two strips of the same width differ; None: they do not."""
    if old == new:
        return None
    before, after = cells_of(old), cells_of(new)
    if len(before) != len(after):
        return 0, max(len(before), len(after))
    first = next((at for at, cell in enumerate(before) if cell != after[at]), None)
    if first is None:
        return None
    last = len(after)
    while before[last - 1] == after[last - 1]:
        last -= 1
    return first, last


def _words(name: str) -> str:
    """Rich's words for a name that no theme has."""
    where, number = name[:2], name[2:]
    if where in ("fg", "bg") and number:
        ink = f"color({number})" if number.isdecimal() else number
        return ink if where == "fg" else f"on {ink}"
    return rich_colour(name)


def _colour(text: str) -> RichColor | None:
    try:
        return Color.parse(text).rich_color
    except OddColour:
        return None
