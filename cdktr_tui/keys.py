"""The one table of keys: the footer, the help, the page in the docs and the user's key map are all
made from it.

A key is bound at places: views, the panes and dialogs that take keys of their own, or all views. No
place has a key twice. Where a pane has the focus its keys come first; which of them hide a key of
the view is written down in `HIDES`, so that none does by accident. Every key can be sent by any
terminal. Actions are the view's, or of the program (`app.`); `change` marks those that ask the
principal to change something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from textual.binding import Binding

VIEWS: Final = (
    "workflows", "runs", "agents", "schedule", "events", "query", "run", "grid", "log", "agent",
    "principals", "help", "diagnostics",
)  # fmt: skip
PANES: Final = ("output", "dialog", "form")
"""Places within views. A pane of output has the focus in `run` and `log`; dialogs and forms lie
over a view and hide all its keys."""
PLACES: Final = (*VIEWS, *PANES)

_LISTS = ("workflows", "runs", "agents", "schedule", "events", "query", "run", "agent")
_ROWS = (*_LISTS, "grid", "principals", "help", "diagnostics")
_RUNS = ("runs", "run", "grid", "log")
_WORKS = ("workflows", *_RUNS)

FOOT: Final[dict[str, tuple[str, ...]]] = {
    "workflows": (
        "act.run", "act.cancel", "act.retry", "act.pause", "row.open", "act.logs", "filter",
        "view.command", "act.explain", "row.sort",
    ),
    "runs": (
        "row.open", "act.logs", "act.again", "act.cancel", "act.retry", "act.explain", "filter",
        "view.command", "row.sort", "row.mark",
    ),
    "run": (
        "act.cancel", "act.retry", "act.explain", "act.logs", "row.form", "row.times", "pane.next",
        "pane.zoom", "output.all", "act.again", "row.copy", "row.export", "view.command",
    ),
    "grid": ("row.open", "act.logs", "act.retry", "act.again", "row.form"),
    "log": (
        "view.back", "output.follow", "filter", "output.next", "output.matches", "output.streams",
        "output.all", "output.wrap", "row.times", "output.goto", "row.copy", "row.export",
    ),
    "agents": ("row.open", "act.drain", "act.undrain", "row.sort", "row.copy", "filter"),
    "agent": ("row.open", "act.logs", "act.explain", "act.drain", "act.undrain"),
    "schedule": ("row.open", "act.run", "act.pause", "row.form", "row.times", "filter"),
    "events": (
        "row.open", "events.json", "events.follow", "events.pause", "filter", "row.export",
    ),
    "query": ("query.edit", "query.editor", "query.saved", "row.export", "pane.next", "row.copy"),
    "principals": ("row.open", "view.back", "resync"),
    "help": ("view.back", "filter"),
    "diagnostics": ("view.back", "row.export", "filter"),
}  # fmt: skip
"""Ids of the keys that the line at the foot of a view shows, the most wanted first: what does not
fit is left out from the end."""

HIDES: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("output", "run"): frozenset({"v", "w"}),
}
"""(pane, view): keys that mean something else while the pane has the focus. Movement is the same
action everywhere and needs no word here."""


class Key(NamedTuple):
    """An action with its keys. `action` is Textual's; `label` two words at most, for the footer;
    `help` one line. `change`: it asks the principal to change something. `first`: it is heard even
    while a text is typed."""

    id: str
    keys: tuple[str, ...]
    where: tuple[str, ...]
    action: str
    label: str
    help: str
    group: str
    change: bool = False
    first: bool = False


GROUPS: Final = ("views", "this view", "movement", "rows", "actions", "output", "dialogs")


def _all(id: str, keys: str, action: str, label: str, help: str, first: bool = False) -> Key:
    group = "views" if id.startswith(("view.", "history.")) or first else "this view"
    return Key(id, tuple(keys.split()), VIEWS, action, label, help, group, first=first)


def _key(
    group: str, where: Iterable[str], id: str, keys: str, action: str, label: str, help: str
) -> Key:
    return Key(id, tuple(keys.split()), tuple(where), action, label, help, group)


def _act(where: Iterable[str], id: str, keys: str, verb: str, label: str, help: str) -> Key:
    change = id not in ("act.explain", "act.logs", "act.json")
    action = f"act('{verb}')"
    return Key(id, tuple(keys.split()), tuple(where), action, label, help, "actions", change)


_MOVE = (*_ROWS, "output")

KEYS: Final[tuple[Key, ...]] = (
    _all("view.workflows", "1", "view('workflows')", "workflows", "all workflows"),
    _all("view.runs", "2", "view('runs')", "runs", "runs, the newest first"),
    _all("view.agents", "3", "view('agents')", "agents", "agents and their load"),
    _all("view.schedule", "4", "view('schedule')", "schedule", "what is to start by time"),
    _all("view.events", "5", "view('events')", "events", "all that happens, as it happens"),
    _all("view.query", "6", "view('query')", "query", "read-only SQL over the history"),
    _all("view.principals", "@", "view('principals')", "principal", "another instance"),
    _all("view.command", ":", "command", "cmd", "a command: `:run etl`, `:runs state:failed`"),
    _all("view.palette", "ctrl+p", "palette", "palette", "find any action or object", True),
    _all("view.help", "? f1", "help", "help", "the keys of this place"),
    _all("view.back", "escape", "back", "back", "one step back: box, marks, pane, view"),
    _all("view.leave", "q", "leave", "leave", "the view before; at the top: quit"),
    _all("view.quit", "ctrl+q", "quit", "quit", "quit at once", True),
    _all("view.suspend", "ctrl+z", "suspend_process", "suspend", "to the shell until `fg`", True),
    _all("history.last", "-", "last", "last", "the view shown before this one"),
    _all("history.back", "[", "history(-1)", "before", "back in the history of views"),
    _all("history.forward", "]", "history(1)", "after", "forward in the history of views"),
    _all("filter", "/", "filter", "filter", "filter rows, or search in a text"),
    _all("pane.next", "tab", "pane(1)", "pane", "the next pane"),
    _all("pane.previous", "shift+tab", "pane(-1)", "", "the pane before"),
    _all("pane.zoom", "z", "zoom", "zoom", "this pane alone, or all of them"),
    _all("pane.jump", "ctrl+o", "jump", "jump", "letters over the panes: go to one"),
    _all("resync", "ctrl+r", "resync", "resync", "ask for everything anew; connect now"),
    _key("movement", _MOVE, "move.down", "j down", "down", "", "one row down"),
    _key("movement", _MOVE, "move.up", "k up", "up", "", "one row up"),
    _key("movement", _MOVE, "move.top", "g home", "top", "", "the first row"),
    _key("movement", _MOVE, "move.bottom", "G end", "bottom", "", "the last row"),
    _key("movement", _MOVE, "move.page_down", "pagedown ctrl+f", "page_down", "", "a page down"),
    _key("movement", _MOVE, "move.page_up", "pageup ctrl+b", "page_up", "", "a page up"),
    _key("movement", _MOVE, "move.half_down", "ctrl+d", "half_down", "", "half a page down"),
    _key("movement", _MOVE, "move.half_up", "ctrl+u", "half_up", "", "half a page up"),
    _key("movement", _MOVE, "move.left", "H left", "left", "", "to the left"),
    _key("movement", _MOVE, "move.right", "L right", "right", "", "to the right"),
    _key("rows", (*_LISTS, "grid", "principals"), "row.open", "enter", "open", "open",
         "open what the cursor is on"),
    _key("rows", ("workflows", "runs", "agents", "schedule", "run"),
         "row.mark", "space", "mark", "mark", "mark the row, or not"),
    _key("rows", ("workflows", "runs", "agents", "schedule", "run"),
         "row.range", "V", "mark_range", "range", "mark from the last mark to here"),
    _key("rows", ("workflows", "runs", "agents", "schedule", "run"),
         "row.all", "*", "mark_all", "all", "mark all shown, or none"),
    _key("rows", _LISTS, "row.sort", "o", "sort", "sort", "choose the column to sort by"),
    _key("rows", _LISTS, "row.reverse", "O", "reverse", "", "the other way round"),
    _key("rows", (*_LISTS, "grid"), "row.wide", "w", "wide", "wide", "all columns, or what fits"),
    _key("rows", ("workflows", "run", "grid", "schedule"),
         "row.form", "v", "form", "view", "the next form of this view"),
    _key("rows", ("runs", "run", "schedule", "events", "output"),
         "row.times", "t", "times", "times", "times: absolute, relative, UTC"),
    _key("rows", (*_LISTS, "grid", "principals", "output"), "row.copy", "y", "copy", "copy",
         "copy the id, name, row, JSON or command"),
    _key("rows", (*_LISTS, "grid", "output", "diagnostics"), "row.export", "e", "export", "export",
         "write what is shown to a file: ndjson, csv, txt"),
    _key("rows", ("workflows", "runs", "agents", "schedule", "events", "run", "grid", "agent"),
         "row.external", "E", "external", "external", "definition or JSON in $PAGER or $EDITOR"),
    _key("rows", ("events",), "events.json", "J", "json", "json", "the fact as it was sent"),
    _key("rows", ("events",), "events.follow", "f", "follow", "follow", "follow the newest"),
    _key("rows", ("events",), "events.pause", "space", "pause", "pause", "let news wait, or not"),
    _key("rows", ("query",), "query.edit", "i", "edit", "edit", "type the query"),
    _key("rows", ("query",), "query.editor", "E", "external", "$EDITOR", "the query in $EDITOR"),
    _key("rows", ("query",), "query.saved", "s", "saved", "saved", "choose a saved query"),
    _key("rows", ("query",), "query.save", "S", "save", "", "save this query under a name"),
    _act(("workflows", "schedule"), "act.run", "r", "run", "run", "start it: a form of its params"),
    _act(_RUNS, "act.again", "r", "again", "again", "the same workflow and params once more"),
    _act(_WORKS, "act.retry", "R", "retry", "retry", "repeat: what failed, from here, or all"),
    _act(_WORKS, "act.cancel", "c", "cancel", "cancel", "cancel the run; once more: end it now"),
    _act((*_WORKS, "schedule"), "act.pause", "p", "pause", "pause",
         "let neither time nor events start the workflow; again: resume"),
    _act(("agents", "agent"), "act.drain", "d", "drain", "drain", "give the agent no new work"),
    _act(("agents", "agent"), "act.undrain", "u", "undrain", "undrain", "give it work again"),
    _act((*_WORKS, "agent"), "act.explain", "x", "explain", "explain", "why it waits, or failed"),
    _act(("workflows", "runs", "run", "grid", "agent", "events", "schedule"),
         "act.logs", "l", "logs", "logs", "its output, on the full screen"),
    _key("output", ("output", "run"), "output.follow", "f", "follow", "follow",
         "stay at the newest line"),
    _key("output", ("output", "run"), "output.next", "n", "next", "next", "the next match"),
    _key("output", ("output", "run"), "output.previous", "N", "previous", "", "the match before"),
    _key("output", ("output", "run"), "output.matches", "&", "matches", "only",
         "only the lines that match"),
    _key("output", ("output", "run"), "output.streams", "s", "streams", "stream",
         "stdout, stderr, or both"),
    _key("output", ("output", "run"), "output.all", "a", "all_tasks", "all tasks",
         "all tasks of the run, with their names"),
    _key("output", ("output", "run"), "output.older", ",", "attempt(-1)", "try",
         "the attempt before"),
    _key("output", ("output", "run"), "output.newer", ".", "attempt(1)", "",
         "the attempt after"),
    _key("output", ("output",), "output.verbose", "v", "verbose", "verbose",
         "where each line came from"),
    _key("output", ("output",), "output.wrap", "w", "wrap", "wrap", "wrap long lines"),
    _key("output", ("output",), "output.pager", "E", "external", "$PAGER",
         "all of it in $PAGER"),
    _key("output", ("output",), "output.goto", "T", "goto_time", "go to", "go to a time"),
    _key("output", ("output",), "output.marker", "m", "marker", "marker", "a line to find again"),
    _key("output", ("output", "run"), "output.numbers", "#", "numbers", "numbers",
         "numbers of lines"),
    _key("dialogs", ("dialog", "form"), "dialog.no", "escape", "no", "no", "leave all as it is"),
    _key("dialogs", ("dialog",), "dialog.yes", "y", "yes", "yes", "do it"),
    _key("dialogs", ("form",), "form.start", "ctrl+s", "start", "start", "start, from any field"),
    _key("dialogs", ("form",), "form.next", "tab down", "next", "", "the next field"),
    _key("dialogs", ("form",), "form.previous", "shift+tab up", "previous", "", "the field before"),
)  # fmt: skip

BY_ID: Final = {key.id: key for key in KEYS}

_NAMES: Final = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "asterisk": "*"}
_NAMED: Final = frozenset((
    "escape", "enter", "tab", "shift+tab", "space", "up", "down", "left", "right", "home", "end",
    "pageup", "pagedown", "insert", "delete", "backspace", *(f"f{n}" for n in range(1, 13)),
))  # fmt: skip
_TAKEN_BY_TERMINALS: Final = frozenset("hijmcs")
"""Control characters that are backspace, tab, enter or a signal somewhere."""


def sendable(key: str) -> bool:
    """Can every terminal send it, the oldest too?"""
    control = re.fullmatch(r"ctrl\+([a-z])", key)
    if control:
        return control[1] not in _TAKEN_BY_TERMINALS or key == "ctrl+s"
    return key in _NAMED or (len(key) == 1 and key.isprintable() and key.isascii())


def shown(key: str) -> str:
    """How a key is written for people."""
    return _NAMES.get(key, key)


def key_name(key: str) -> str:
    """What Textual calls it."""
    return {",": "comma", ".": "full_stop"}.get(key, key)


def at(place: str, keys: Iterable[Key] = KEYS) -> list[Key]:
    """The keys of a place, in the order of the table."""
    return [key for key in keys if place in key.where]


def bindings(place: str, keys: Iterable[Key] = KEYS) -> list[Binding]:
    """What a view, a pane or a dialog has as `BINDINGS`. The user's own keys come later, through
    `App.set_keymap`."""
    return [
        Binding(
            ",".join("comma" if name == "," else name for name in key.keys),
            key.action, key.label, show=False, priority=key.first, id=key.id,
        )
        for key in at(place, keys)
    ]  # fmt: skip


def with_own(own: Mapping[str, str]) -> tuple[tuple[Key, ...], list[str]]:
    """The table with the user's own keys, by id, several separated by blanks; and what is wrong
    with them. A key map with a fault changes nothing of the places where it stands."""
    keys, faults = {key.id: key for key in KEYS}, []
    for id, text in own.items():
        names = tuple(text.split())
        bad = [name for name in names if not sendable(name)]
        if id not in keys:
            near = get_close_matches(id, keys, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            faults.append(f"keys: there is no '{id}'{hint}")
        elif not names:
            faults.append(f"keys.{id}: no key is named")
        elif bad:
            faults.append(f"keys.{id}: '{bad[0]}' is no key that every terminal can send")
        else:
            keys[id] = keys[id]._replace(keys=names)
    clashing = clashes(keys.values())
    for place, name, ids in clashing:
        faults.append(f"keys: '{shown(name)}' is bound to {' and '.join(ids)} in {place}")
    if clashing:
        return KEYS, faults
    return tuple(keys.values()), faults


def keymap(keys: Iterable[Key]) -> dict[str, str]:
    """What `App.set_keymap` wants of a table with own keys."""
    return {
        key.id: ",".join("comma" if name == "," else name for name in key.keys)
        for key in keys
        if key.keys != BY_ID[key.id].keys
    }


def clashes(keys: Iterable[Key]) -> list[tuple[str, str, list[str]]]:
    """Place, key and ids wherever a key would mean two things."""
    found = []
    table = list(keys)
    for place in PLACES:
        taken: dict[str, list[str]] = {}
        for key in at(place, table):
            for name in key.keys:
                taken.setdefault(name, []).append(key.id)
        found += [(place, name, ids) for name, ids in taken.items() if len(ids) > 1]
    return found
