"""The keys of a place, as they are bound now, and the commands of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widget import Widget

from cdktr_tui.acting.commands import ALIASES, FORMS
from cdktr_tui.draw.line import Line, fit, line, plain
from cdktr_tui.keys import GROUPS, Key, at, shown
from cdktr_tui.view import View
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.prompt import Note

if TYPE_CHECKING:
    from cdktr_tui.session import Session

KEYS_CELLS = 18
ORDER = tuple(sorted(GROUPS, key=lambda group: group in ("views", "this view", "movement")))
"""What is special to a place comes first."""


class Help(View):
    """Key `?`."""

    NAME = "help"
    TITLE_ = "Keys"

    def __init__(self, session: Session, place: str = "") -> None:
        super().__init__(session)
        self.place = place

    def crumb(self) -> str:
        return f"Keys of {self.place}" if self.place else self.TITLE_

    def body(self) -> ComposeResult:
        yield Canvas(id="keys")

    def pane(self) -> Widget | None:
        return self.query_one(Canvas)

    def load(self) -> None:
        self.loaded = True
        self.filtered(self.filter)

    def filtered(self, text: str) -> Note | None:
        """Lines that have all the words; headings stay with what is under them."""
        found = search(lines(self.place, self.cdktr.keys, self.cdktr.acting.denied()), text)
        self.query_one(Canvas).show(found or [line(("nothing fits", "dim"))])
        return None


def lines(place: str, keys: tuple[Key, ...], denied: str = "") -> list[Line]:
    """All keys of a place by groups, then the commands."""
    here = at(place, keys) if place else list(keys)
    if place in ("run", "log"):
        known = {key.id for key in here}
        here += [key for key in at("output", keys) if key.id not in known]
    found: list[Line] = []
    for group in ORDER:
        some = [key for key in here if key.group == group]
        if not some:
            continue
        found += [line((group, "head"))]
        for key in some:
            dim = "dim" if denied and key.change else ""
            names = " ".join(shown(name) for name in key.keys)
            found.append(
                line("  ", (fit(names, KEYS_CELLS), dim or "key"), (key.help, dim), ("", ""))
            )
        found.append(())
    if denied:
        found.insert(0, line((denied, "warn")))
    found.append(line(("commands, after :", "head")))
    short = {name: alias for alias, name in reversed(ALIASES.items())}
    for form in FORMS:
        alias = f" ({short[form.name]})" if form.name in short else ""
        found.append(line("  ", (fit(f"{form.name}{alias}", KEYS_CELLS), "key"), form.help))
    return found


def search(found: list[Line], text: str) -> list[Line]:
    """Those that have all the words of the text, under their headings."""
    words = text.lower().split()
    if not words:
        return found
    kept: list[Line] = []
    heading: Line | None = None
    for one in found:
        said = plain(one).lower()
        if one and one[0][1] == "head":
            heading = one
        elif said.strip() and all(word in said for word in words):
            kept += [*([heading] if heading else []), one]
            heading = None
    return kept
