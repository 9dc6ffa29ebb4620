"""What an expression may speak of at its place, and what is wrong when it speaks of other things.

Pure; knows nothing of values, or of the library that evaluates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from cdktr_common.catalogue.values import Param
from cdktr_principal.expressions import explain, kinds, references
from cdktr_principal.expressions.functions import TYPE_NAMES, WORDS
from cdktr_principal.expressions.syntax import Node


class TaskNames(NamedTuple):
    """What is known of a task: the outputs it declares (None: it may write any), and whether it is
    a group, which has lists."""

    outputs: list[str] | None = None
    group: bool = False


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a place may speak of. `loop` are the variables of the groups around it; `run` and
    `event` say whether these roots are there, `work` whether params and tasks are. `secrets` are
    the declared ones, and `sealed` whether one may stand at this place. `upstream` are the tasks
    that are over by then; None: all. Without `hints` nothing like a wrong name is looked for: that
    takes long among many. Of a `condition` the whole has to be true or false."""

    params: Mapping[str, Param] = field(default_factory=dict)
    tasks: Mapping[str, TaskNames] = field(default_factory=dict)
    loop: tuple[str, ...] = ()
    run: bool = True
    event: bool = True
    work: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)
    sealed: bool = False
    upstream: Collection[str] | None = None
    hints: bool = True
    condition: bool = False


class Problem(NamedTuple):
    """One thing wrong in an expression, or in a text with expressions, at an offset of it."""

    offset: int
    what: str
    hint: str = ""


RESULTS: Final = ("outputs", "result", "state", "code")
"""What there is of a task; of a group there is `results` too."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "run": (
        "id",
        "workflow",
        "name",
        "created_ts",
        "scheduled_time",
        "previous_time",
        "tick_state",
    ),
    "event": ("name", "payload"),
    "loop": ("value", "index"),
}
_TYPES: Final[Mapping[tuple[str, ...], str]] = {
    ("run", "id"): "text", ("run", "workflow"): "text", ("run", "name"): "text",
    ("run", "created_ts"): "double", ("event", "name"): "text",
    ("run", "scheduled_time"): "text", ("run", "previous_time"): "text",
    ("run", "tick_state"): "text",
}  # fmt: skip
_TASK_TYPES: Final[Mapping[str, str]] = {"state": "text", "code": "int", "results": "list"}
_PARAM_TYPES: Final[Mapping[str, str]] = {
    "string": "text", "integer": "int", "number": "double", "boolean": "bool",
    "list": "list", "object": "map",
}  # fmt: skip
_ALIASES: Final = {"inputs": "params", "job": "run"}


def problems(source: str, tree: Node, names: Names) -> list[Problem]:
    """All that is wrong with an expression that can be read."""
    look = _Look(source, names)
    for node, path in references.free(tree):
        look.at(node, path, whole=node is tree)
    typed = partial(_typed, names)
    for clash in kinds.clashes(source, tree, typed):
        look.add(*clash)
    whole = kinds.kind(tree, typed) if names.condition and not look.found else "any"
    if whole not in ("bool", "text", "any"):  # the texts true and false are taken, too
        look.add(tree.start, f"the condition is {WORDS[whole]}, not true or false")
    return sorted(look.found)


def _typed(names: Names, path: tuple[str, ...]) -> str:
    """The type of what a path leads to, for `kinds`."""
    root, *rest = path
    root = _ALIASES.get(root, root)
    if root in names.loop:
        return "int" if rest == ["index"] else "any"
    if not rest and root in TYPE_NAMES:
        return "type"
    if root == "params" and len(rest) == 1 and rest[0] in names.params:
        param = names.params[rest[0]]
        settled = param.required or param.default is not None
        return _PARAM_TYPES[param.type] if settled else "any"
    if root == "tasks" and len(rest) == 2:
        return _TASK_TYPES.get(rest[1], "any") if rest[1] != "code" else "any"
    return _TYPES.get((root, *rest), "any")


class _Look:
    """The names of one expression against those that there are."""

    def __init__(self, source: str, names: Names) -> None:
        self._source = source
        self._names = names
        self._passed: list[range] = []
        self.found: list[Problem] = []

    def add(self, offset: int, what: str, hint: str = "") -> None:
        """One thing wrong, unless it is a part of one already told."""
        if not any(offset in passed for passed in self._passed):
            self.found.append(Problem(offset, what, hint))

    def at(self, node: Node, path: tuple[str, ...], *, whole: bool) -> None:
        """One reference; `whole`: the expression is nothing else."""
        root, *rest = path
        root = _ALIASES.get(root, root)
        offsets = _offsets(node)
        names = self._names
        if root in names.loop:
            self._field(rest, offsets, path[0], _FIELDS["loop"])
        elif len(path) == 1 and root in TYPE_NAMES and not whole:
            pass
        elif root == "params" and names.work:
            if rest and rest[0] not in names.params:
                self._unknown("param", rest[0], offsets[1], path[0], names.params)
        elif root == "tasks" and names.work:
            self._task(rest, offsets)
        elif root == "secrets" and names.work:
            self._secret(rest, offsets, whole)
        elif (root == "run" and names.run) or (root == "event" and names.event):
            self._field(rest, offsets, path[0], _FIELDS[root])
        else:
            self._root(path[0], offsets[0])

    def _nearest(self, word: str, there: Iterable[str]) -> str:
        return explain.nearest(word, there) if self._names.hints else ""

    def _root(self, root: str, offset: int) -> None:
        names = self._names
        roots = {
            "params": names.work, "tasks": names.work, **dict.fromkeys(names.loop, True),
            "run": names.run, "event": names.event, "secrets": names.sealed,
        }  # fmt: skip
        there = [root for root, is_there in roots.items() if is_there]
        words = {**_WORDS, **_WORDS_OF_WORK} if names.work else _WORDS
        hint = words.get(root) or self._nearest(root, there) or f"there are {', '.join(there)}"
        self.add(offset, f"there is no '{explain.clipped(root)}' here", hint)

    def _field(
        self, rest: list[str], offsets: list[int], what: str, there: tuple[str, ...]
    ) -> None:
        if rest and rest[0] not in there:
            hint = self._nearest(rest[0], there) or f"it has {', '.join(there)}"
            self.add(offsets[1], f"{what} has no '{explain.clipped(rest[0])}'", hint)

    def _unknown(
        self, what: str, name: str, offset: int, root: str, there: Collection[str]
    ) -> None:
        """A name that is not there, or one that has to be written in another way."""
        near = there if self._names.hints else ()
        meant = [one for one in near if self._source.startswith(one, offset)]
        meant = [one for one in meant if not one.isidentifier() and len(one) > len(name)]
        if meant:
            longest = max(meant, key=len)
            self.add(offset, f"'{longest}' cannot be written with a point",
                     f"write {root}['{longest}']")  # fmt: skip
            self._passed.append(range(offset, offset + len(longest)))
        else:
            hint = self._nearest(name, there)
            self.add(offset, f"there is no {what} '{explain.clipped(name)}'", hint)

    def _task(self, rest: list[str], offsets: list[int]) -> None:
        names = self._names
        if not rest:
            self.add(offsets[0], "the task must be named", "write tasks.ID or tasks['ID']")
            return
        name = rest[0]
        if name not in names.tasks:
            self._unknown("task", name, offsets[1], "tasks", names.tasks)
            return
        if names.upstream is not None and name not in names.upstream:
            self.add(offsets[1], f"task '{name}' need not be over by then", "add it to depends")
        task = names.tasks[name]
        there = (*RESULTS, "results") if task.group else RESULTS
        self._field(rest[1:], offsets[1:], f"tasks.{name}", there)
        known = task.outputs if rest[1:2] == ["outputs"] and len(rest) > 2 else None
        if known is not None and rest[2] not in known:
            what = f"task '{name}' has no output '{explain.clipped(rest[2])}'"
            self.add(offsets[3], what, self._nearest(rest[2], known) or "add it to its outputs")

    def _secret(self, rest: list[str], offsets: list[int], whole: bool) -> None:
        names = self._names
        if not names.sealed:
            self.add(offsets[0], "a secret may stand only in values of env and in files")
        elif not whole or len(rest) != 1:
            self.add(offsets[0], "a secret stands alone in its braces", "{{ secrets.NAME }}")
        elif rest[0] not in names.secrets:
            self._unknown("secret", rest[0], offsets[1], "secrets", names.secrets)


_WORDS: Final[Mapping[str, str]] = {
    "and": "write &&", "or": "write ||", "not": "write !", "None": "write null",
    "True": "write true", "False": "write false", "payload": "write event.payload",
}  # fmt: skip
_WORDS_OF_WORK: Final[Mapping[str, str]] = {
    "env": "write params.NAME, or secrets.NAME for a secret", "task": "did you mean tasks?",
    "input": "did you mean inputs?", "outputs": "write tasks.ID.outputs",
}  # fmt: skip


def _offsets(node: Node) -> list[int]:
    """Where the names of a path stand, in order."""
    found = []
    while node.kind != "name":
        found.append(node.end - len(node.text) if node.kind == "field" else node.parts[1].start)
        node = node.parts[0]
    return [node.start, *reversed(found)]
