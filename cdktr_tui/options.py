"""How the program is to behave on this terminal: from the command line, the environment and the
settings. Plain values."""

from __future__ import annotations

from typing import NamedTuple

from cdktr_tui.settings import Own


class Options(NamedTuple):
    """`glyphs` names a set of `draw.glyphs`, empty: chosen by `utf8` and `term`. `fps`: frames a
    second at most. `view` is a command line to begin with, as typed after `:`. `own` is what
    the program's settings file says besides."""

    theme: str = "cdktr-dark"
    glyphs: str = ""
    utf8: bool = True
    term: str = ""
    fps: float = 20.0
    read_only: bool = False
    mouse: bool = True
    view: str = ""
    own: Own = Own()
