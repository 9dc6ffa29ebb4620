"""The command line of the view (`:`): what a line means, and what it could become.

Pure: a line and the names that are known go in, a command or what is wrong with it comes out. Ids
may be shortened as long as they fit one; a word that fits nothing is answered with the nearest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

MOST: Final = 50
"""Completions that are offered."""


class Names(NamedTuple):
    """What can be named in a command, each kind with the wanted first."""

    workflow: Sequence[str] = ()
    run: Sequence[str] = ()
    agent: Sequence[str] = ()
    principal: Sequence[str] = ()
    theme: Sequence[str] = ()
    part: frozenset[str] = frozenset()
    """Kinds of which there may be more than are known here."""

    def of(self, kind: str) -> Sequence[str]:
        """Names of a kind; of `object`: of all that can be opened."""
        if kind == "object":
            return (*self.workflow, *self.run, *self.agent)
        return getattr(self, kind, ())


class Form(NamedTuple):
    """A command. `takes` is the kind of its first word, `text` (all of the rest, as it is) or
    empty; `needs`: it has to be there. `does` is what is done: to views, to subjects, to others."""

    name: str
    takes: str
    needs: bool
    does: str
    help: str


FORMS: Final = (
    Form("workflows", "text", False, "view", "workflows that fit a filter"),
    Form("runs", "text", False, "view", "runs that fit a filter: `:runs state:failed since:24h`"),
    Form("agents", "text", False, "view", "agents that fit a filter"),
    Form("schedule", "text", False, "view", "what is to start by time"),
    Form("events", "text", False, "view", "events that fit a filter"),
    Form("query", "text", False, "view", "a query: `:query select * from runs`"),
    Form("principals", "", False, "view", "the instances that the settings name"),
    Form("diagnostics", "", False, "view", "how this program itself does"),
    Form("help", "", False, "help", "the keys of this place"),
    Form("open", "object", True, "open", "a workflow, run or agent"),
    Form("run", "workflow", True, "act", "start it: `:run etl day=monday`"),
    Form("again", "run", True, "act", "the same workflow and params once more"),
    Form("retry", "run", True, "act", "repeat a run: what failed, from a task, or all"),
    Form("cancel", "run", True, "act", "cancel a run"),
    Form("kill", "run", True, "act", "end a run at once"),
    Form("pause", "workflow", True, "act", "neither time nor events start it"),
    Form("resume", "workflow", True, "act", "take the pause back"),
    Form("drain", "agent", True, "act", "give an agent no new work"),
    Form("undrain", "agent", True, "act", "give it work again"),
    Form("explain", "run", True, "act", "why a run waits, or has failed"),
    Form("logs", "run", True, "act", "the output of a run"),
    Form("principal", "principal", False, "principal", "go to another instance"),
    Form("theme", "theme", True, "theme", "other colours"),
    Form("export", "", False, "export", "write what is shown to a file"),
    Form("resync", "", False, "resync", "ask for everything anew"),
    Form("quit", "", False, "quit", "quit"),
)
ALIASES: Final = {
    "q": "quit", "q!": "quit", "wf": "workflows", "w": "workflows", "r": "runs", "a": "agents",
    "s": "schedule", "e": "events", "sql": "query", "diag": "diagnostics", "log": "logs",
    "why": "explain", "@": "principal", "?": "help", "keys": "help",
}  # fmt: skip
_FORMS: Final = {form.name: form for form in FORMS}


class Command(NamedTuple):
    """What is to be done. `object` is a whole name of the kind that the form takes; `rest` what was
    said after it."""

    form: Form
    object: str = ""
    rest: str = ""


GOTO: Final = Form("goto", "", False, "goto", "the row of this number")


def read(text: str, names: Names) -> Command | str:
    """What a line means, or what is wrong with it. Words of SQL and of filters stay as they are."""
    word, _, rest = text.strip().removeprefix(":").strip().partition(" ")
    rest = rest.strip()
    if word.isdecimal() and not rest:
        return Command(GOTO, word)
    if word.lower() == "select":
        return Command(_FORMS["query"], rest=f"{word} {rest}")
    form = _form(word)
    if form is None:
        near = get_close_matches(word, [*_FORMS, *ALIASES], 1)
        return f"there is no command '{word}'" + (f"; {near[0]}?" if near else "; ? shows them")
    if form.takes in ("", "text"):
        if rest and not form.takes:
            return f"{form.name} takes nothing"
        return Command(form, rest=rest)
    first, _, after = rest.partition(" ")
    if not first:
        return f"{form.name} what? name a {form.takes}" if form.needs else Command(form)
    found = resolve(first, names.of(form.takes), form.takes, form.takes in names.part)
    if isinstance(found, str):
        return Command(form, found, after.strip())
    return found[0]


def _form(word: str) -> Form | None:
    """A command by its name, an alias or a beginning that fits one command only."""
    word = word.lower()
    if word in _FORMS or word in ALIASES:
        return _FORMS[ALIASES.get(word, word)]
    fits = [form for form in FORMS if form.name.startswith(word)] if len(word) > 1 else []
    return fits[0] if len(fits) == 1 else None


def resolve(word: str, known: Sequence[str], kind: str, part: bool = False) -> str | tuple[str]:
    """The whole name, or in a tuple why there is none. Runs that are not known here may be known to
    the principal, and others if only a `part` is known: such a word is taken as it is. Of RUN/TASK
    the first part is looked up."""
    head, slash, tail = word.partition("/") if kind == "run" else (word, "", "")
    if head in known:
        return word
    fits = [name for name in known if name.startswith(head)]
    if len(fits) == 1:
        return fits[0] + slash + tail
    if (part or kind in ("run", "object")) and not fits:
        return word
    if fits:
        return (f"'{word}' fits {len(fits)}: {', '.join(fits[:3])}",)
    if not known:
        return word
    near = get_close_matches(word, known, 1)
    return (f"there is no {kind} '{word}'" + (f"; {near[0]}?" if near else ""),)


def complete(text: str, names: Names) -> list[str]:
    """What the line could become, the best first."""
    word, blank, rest = text.partition(" ")
    if not blank:
        heads = [form.name for form in FORMS if form.name.startswith(word.lower())]
        named = [_FORMS[name].takes not in ("", "text") for name in heads]
        return [f"{name} " if of else name for name, of in zip(heads, named, strict=True)][:MOST]
    form = _form(word)
    if form is None or form.takes in ("", "text") or " " in rest:
        return []
    return [f"{word} {name}" for name in best(rest, names.of(form.takes))][:MOST]


def best(text: str, names: Iterable[str]) -> list[str]:
    """Names by how well they fit: those that begin with the text, then those that hold it, then
    those that have its letters in this order."""
    wanted = text.lower()
    ranked: list[tuple[int, int, int, str]] = []
    for place, name in enumerate(names):
        score = fits(wanted, name)
        if score is not None:
            ranked.append((score, len(name) if wanted else 0, place, name))
    return [name for *_, name in sorted(ranked)]


def fits(wanted: str, name: str) -> int | None:
    """How far a name is from what is wanted, in lower case: 0 is nearest. None: it does not fit."""
    name = name.lower()
    if name.startswith(wanted):
        return 0
    at = name.find(wanted)
    if at >= 0:
        return 1 if not name[at - 1].isalnum() else 2
    gaps, at = 0, -1
    for letter in wanted.replace(" ", ""):
        found = name.find(letter, at + 1)
        if found < 0:
            return None
        gaps += found - at - 1
        at = found
    return 3 + gaps
