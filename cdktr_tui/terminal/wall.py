"""The last wall before the terminal: no text that would steer it gets by, no colour that it lacks.

Text from outside was made clean where it came in; whoever forgot that there is caught here, since
all that Textual paints goes through it. Knows no widget.
"""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from cdktr_common import clean


class Wall(LineFilter):
    """Replaces what a terminal would act on. All text was made clean where it came in; this is for
    what was forgotten there. Without colours, it takes those away as well; and a colour that is the
    terminal's own is not said at all."""

    def __init__(self, colours: bool = True) -> None:
        super().__init__()
        self._style = lru_cache(4096)(_bare if colours else _colourless)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        bare = self._style
        return [
            Segment(
                text if text.isprintable() or clean.is_clean(text) else harmless(text),
                None if style is None else bare(style),
            )
            for text, style, _ in segments
        ]


def harmless(text: str) -> str:
    """The text with a dot for each character that is not to be drawn."""
    return "".join(one if clean.is_clean(one) else "·" for one in text)


def _bare(style: Style) -> Style | None:
    """The style without colours that are there anyway; None: nothing is left of it."""
    ink, ground = style.color, style.bgcolor
    if (ink is None or ink.is_default) and (ground is None or ground.is_default):
        return _colourless(style)
    return style


def _colourless(style: Style) -> Style | None:
    bare = style.without_color
    return bare if bare and bare.render("x") != "x" else None
