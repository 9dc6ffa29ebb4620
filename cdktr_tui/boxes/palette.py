"""Finding anything by a few of its letters: actions of this place, workflows, runs, agents, themes.

Pure but for what it is given: a list of things that can be done, each with a word for its kind.
What fits is ranked by `commands.fits`; nothing is looked up while somebody types but this list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cdktr_common import clean
from cdktr_tui.acting.commands import fits
from cdktr_tui.draw.line import Line, Span, crop, fit, line
from cdktr_tui.keys import PANES, Key, at, shown
from cdktr_tui.widgets.prompt import Edit

if TYPE_CHECKING:
    from cdktr_tui.acting.acting import Acting

MOST_RUNS: Final = 500
SHOWN: Final = 14
_MOVES: Final = ("movement", "dialogs")


class Thing(NamedTuple):
    """Something to be found. `line` is obeyed as a command line; `key` is pressed instead."""

    kind: str
    name: str
    more: str = ""
    line: str = ""
    key: str = ""


def things(acting: Acting, place: str, keys: Iterable[Key]) -> list[Thing]:
    """All there is to be found from here."""
    app, model = acting.app, acting.session.model
    found = [
        Thing("action", f"{key.label or key.id}: {key.help}", shown(key.keys[0]), key=key.keys[0])
        for where in (place, *(pane for pane in PANES[:1] if place in ("run", "log")))
        for key in at(where, keys)
        if key.group not in _MOVES and key.id != "view.palette"
    ]
    found = list({thing.name: thing for thing in found}.values())
    for name in model.workflows.order:
        row = model.workflows.rows[name]
        found.append(Thing("workflow", name, row.description, line=f"open {name}"))
    for name in model.workflows.order:
        found.append(Thing("start", f"run {name}", "start it", line=f"run {name}"))
    for run in model.runs.order[:MOST_RUNS]:
        row_ = model.runs.rows[run]
        found.append(Thing("run", f"{row_.workflow} {run}", row_.state.lower(), f"open {run}"))
    found += [Thing("agent", name, line=f"open {name}") for name in model.agents.order]
    found += [Thing("principal", name, line=f"principal {name}") for name in app.places]
    found += [Thing("theme", name, line=f"theme {name}") for name in sorted(app.available_themes)]
    return found


class Palette:
    """A line to type in and what fits it, in a box; a thing comes of it."""

    def __init__(self, things: Sequence[Thing]) -> None:
        self.title, self.over = "find", False
        self.result: Any = None
        self._things, self._edit = list(things), Edit()
        self._found = self._things
        self._at = self._top = 0

    def size(self) -> tuple[int, int]:
        return 84, SHOWN + 2

    def lines(self, cells: int, rows: int) -> list[Line]:
        room = max(1, rows - 2)
        if not self._top <= self._at < self._top + room:
            self._top = max(0, min(self._at, len(self._found) - room))
        drawn = [
            self._line(number, cells)
            for number in range(self._top, min(len(self._found), self._top + room))
        ] or [line(("nothing fits; esc leaves", "dim"))]
        count = f"{len(self._found):,} of {len(self._things):,}"
        head = (("> ", "key"), *self._edit.drawn(cells - len(count) - 3), (" " + count, "dim"))
        return [head, (), *drawn]

    def _line(self, number: int, cells: int) -> Line:
        thing, here = self._found[number], number == self._at
        more = clean.line(thing.more, 60)
        name = clean.line(thing.name, 200)
        room = max(8, cells - 14 - min(24, len(more) + 2))
        spans: list[Span] = [(" > " if here else "   ", "key"), (fit(thing.kind, 10), "dim")]
        spans += [(fit(name, room), "bold" if here else ""), ("  ", ""), (more, "dim")]
        return crop(spans, 0, cells)

    def key(self, key: str, character: str | None) -> None:
        if key == "escape":
            self.over = True
        elif key == "enter":
            if self._found:
                self.over, self.result = True, self._found[self._at]
        elif key in ("down", "ctrl+n", "tab", "wheel_down"):
            self._at = min(self._at + 1, max(0, len(self._found) - 1))
        elif key in ("up", "ctrl+p", "shift+tab", "wheel_up"):
            self._at = max(0, self._at - 1)
        elif self._edit.key(key, character):
            self._look()

    def _look(self) -> None:
        """What fits all words, the best first; what is as good stays in its order."""
        self._at = self._top = 0
        words = self._edit.text.lower().split()
        ranked = []
        for number, thing in enumerate(self._things):
            scores = [score for word in words if (score := _fits(word, thing)) is not None]
            if len(scores) == len(words):
                ranked.append((sum(scores), number))
        self._found = [self._things[number] for _, number in sorted(ranked)]

    def paste(self, text: str) -> None:
        self._edit.insert(clean.line(" ".join(text.split())))
        self._look()

    def hit(self, row: int, double: bool) -> None:
        if row >= 2 and self._top + row - 2 < len(self._found):
            self.over, self.result = True, self._found[self._top + row - 2]


def _fits(word: str, thing: Thing) -> int | None:
    """By its name; by its kind as well, but then behind all that fit by name."""
    score = fits(word, thing.name)
    if score is not None and score < 40:
        return score
    return 40 if thing.kind.startswith(word) else None
