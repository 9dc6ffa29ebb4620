"""Tasks as read, one by one, to tasks of a plan: what can be told only when all are known.

Every dialect makes drafts; here dependencies become ids, which must make a DAG, and texts with
expressions are checked against the names that there are at their place. Nested groups are joined
level by level: within a group its own tasks come first, then those outside. Pure.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Collection, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import msgspec

from cdktr_common.catalogue.values import Group, TaskPlan
from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.names import Names, TaskNames
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.nodes import Faults, Note, Scalar
from cdktr_principal.language.reading import PAGE
from cdktr_principal.state import dag


class Need(msgspec.Struct):
    """A dependency as written: an id or name of a task, where it stands, and how that task must
    have ended: "" (success), failure, always, or `cond`, an expression to be checked."""

    node: Scalar
    task: str
    rule: str = ""
    cond: Note | None = None


class Draft(msgspec.Struct):
    """A task without its dependencies. `fields` are arguments of TaskPlan, `group` those of Group,
    whose tasks are `body`; `notes` its texts that are to be checked."""

    id: str
    mark: tuple[int, int]
    fields: dict[str, Any]
    needs: list[Need] = []
    notes: list[Note] = []
    group: dict[str, Any] | None = None
    body: list[Draft] = []

    @property
    def name(self) -> str:
        """The name for people, which may stand for the id."""
        return str(self.fields.get("name", ""))


def join(drafts: list[Draft], hooks: list[Draft], names: Names, faults: Faults) -> list[TaskPlan]:
    """The tasks of a workflow, and then those of its end, for which all others are over. `names`
    holds what is no task: params and secrets."""
    _check_paths([*drafts, *hooks], faults)
    return [*_level(drafts, names, faults), *_level(hooks, known(drafts, names), faults)]


def known(drafts: list[Draft], names: Names) -> Names:
    """`names` and these tasks."""
    mine = {draft.id: _names_of(draft) for draft in drafts if draft.id}
    outer = cast("MutableMapping[str, TaskNames]", names.tasks)
    return replace(names, tasks=ChainMap(mine, outer) if names.tasks else mine)


def check(notes: list[Note], names: Names, faults: Faults) -> None:
    """A fault for all that is wrong in these texts."""
    for note in notes:
        with faults.about(f"{PAGE}#expressions"):
            if note.place == "plain":
                _check_plain(note, names, faults)
            elif faults.worth(note.node):
                _check_expressions(note, names, faults)


def _check_expressions(note: Note, names: Names, faults: Faults) -> None:
    here = replace(names, sealed=note.place == "sealed", hints=not faults.full)
    text, start = note.node.text, 0
    if note.place == "condition":
        source, start = bare(text)
        found = expressions.problems(source, replace(here, condition=True))
    else:
        found = templates.problems(text, here)
    for problem in found:
        at = start + problem.offset
        hint = problem.hint
        if not hint and text[at : at + 1] == "." and text[:at].rstrip().endswith("{{"):
            hint = "write {{ '{{' }} for braces that stay"
        faults.add(*note.node.place(at), f"{note.key}: {problem.what}", hint)


def bare(text: str) -> tuple[str, int]:
    """A condition without its braces, which it need not have, and where it begins in the text."""
    inner = text.strip()
    if inner.startswith("{{") and inner.endswith("}}") and inner.find("}}") == len(inner) - 2:
        inner = inner[2:-2].strip()
    return inner, text.find(inner)


def _level(drafts: list[Draft], names: Names, faults: Faults) -> list[TaskPlan]:
    edges = _edges(drafts, names, faults)
    here = known(drafts, names)
    before = _Order(edges, names.upstream)
    plans = []
    for at, draft in enumerate(drafts):
        mine = replace(here, upstream=before.of(at))
        check(draft.notes, mine, faults)
        rules: dict[str, str] = {}
        for need, task in zip(draft.needs, edges[at][1], strict=True):
            if need.cond is not None:
                check([need.cond], replace(here, upstream=before.ended(task)), faults)
            if need.rule:
                rules[task] = need.rule
        plans.append(_plan(draft, edges[at][1], rules, mine, faults))
    return plans


def _plan(
    draft: Draft, depends: list[str], rules: dict[str, str], names: Names, faults: Faults
) -> TaskPlan:
    found = dict(draft.fields)
    if draft.group is not None:
        inside = names
        if "each" in draft.group or "matrix" in draft.group:
            inside = replace(names, loop=(*names.loop, draft.group.get("var", "item")))
        found["group"] = Group(tasks=_level(draft.body, inside, faults), **draft.group)
    holds = any(note.place in ("template", "sealed") for note in draft.notes)
    return TaskPlan(
        id=draft.id,
        depends=list(dict.fromkeys(depends)),
        rules=rules,
        templates=holds,
        **found,
    )


def _names_of(draft: Draft) -> TaskNames:
    """What others may say of a task. The outputs of a group of several tasks are by their ids."""
    if draft.group is not None:
        if len(draft.body) == 1 and not draft.body[0].id:
            return TaskNames(_names_of(draft.body[0]).outputs, group=True)
        return TaskNames([inner.id for inner in draft.body], group=True)
    return TaskNames([] if draft.fields.get("noop") else draft.fields.get("outputs"))


# Dependencies.


def _edges(drafts: list[Draft], names: Names, faults: Faults) -> list[tuple[str, list[str]]]:
    """Each task with the ids it depends on, one for each of its needs."""
    by_name: dict[str, list[str]] = {}
    for draft in drafts:
        by_name.setdefault(draft.name, []).append(draft.id)
    by_name.pop("", None)
    ids = {draft.id for draft in drafts}
    edges = [
        (draft.id, [_id_of(need, ids, by_name, faults) for need in draft.needs]) for draft in drafts
    ]
    for draft, (_, depends) in zip(drafts, edges, strict=True):
        _check_twice(draft, depends, faults)
    for problem in dag.problems(edges):
        if problem.kind == "unknown" and len(by_name.get(problem.names[0], [])) > 1:
            continue  # told as ambiguous
        hint = ""
        if problem.kind == "unknown" and not faults.full:
            hint = _meant(problem.names[0], (*ids, *by_name), names)
        draft = drafts[problem.task]
        mark = draft.mark
        if problem.position >= 0:
            node = draft.needs[problem.position].node
            mark = node.line, node.col
        with faults.about(f"{PAGE}#depends"):
            faults.add(*mark, str(problem), hint)
    return edges


def _meant(name: str, known: tuple[str, ...], names: Names) -> str:
    """What was probably meant by a dependency that there is not."""
    if name in names.tasks:
        return "it is outside of this group: let the group depend on it"
    group = re.split(r"[.\[]", name)[0]
    if group in known:
        return f"depend on the whole group {group}"
    return nearest(name, known)


def _id_of(need: Need, ids: set[str], by_name: dict[str, list[str]], faults: Faults) -> str:
    """The id that a dependency means: an id, or a name that one task has."""
    named = by_name.get(need.task, [])
    if need.task in ids or not named:
        return need.task
    if len(named) > 1:
        what = f"'{need.task[:80]}' is the name of several tasks"
        faults.at(need.node, what, f"use an id: {', '.join(named[:5])}")
        return need.task
    return named[0]


def _check_twice(draft: Draft, depends: list[str], faults: Faults) -> None:
    """The same dependency by two rules would be none that anybody can mean."""
    rules: dict[str, str] = {}
    for need, task in zip(draft.needs, depends, strict=True):
        if rules.setdefault(task, need.rule) != need.rule:
            with faults.about(f"{PAGE}#rule"):
                what = f"'{task[:80]}' is a dependency by two rules"
                faults.at(need.node, what, "keep one of them")


class _Order:
    """Which tasks of a level are over when the turn of one has come: sets as bits of a number,
    made when the first is asked for."""

    def __init__(self, edges: list[tuple[str, list[str]]], outer: Collection[str] | None) -> None:
        self._edges = edges
        self._outer = outer
        self._index = {name: at for at, (name, _) in reversed(list(enumerate(edges)))}
        self._masks: list[int] | None = None

    def of(self, at: int) -> Collection[str]:
        """All that task number `at` depends on, directly or through others."""
        return Over(self, at, False)

    def ended(self, task: str) -> Collection[str] | None:
        """The same, and the task itself."""
        at = self._index.get(task)
        return None if at is None else Over(self, at, True)

    def holds(self, at: int, itself: bool, task: str) -> bool:
        """Is `task` over by then?"""
        other = self._index.get(task)
        if other is None:
            return self._outer is None or task in self._outer
        if self._masks is None:
            self._masks = self._all()
        mask = self._masks[at]
        return mask < 0 or (itself and other == at) or bool(mask >> other & 1)

    def all_of(self, at: int, itself: bool) -> Iterator[str]:
        """The ids of this level that `holds` is true for."""
        return (name for name in self._index if self.holds(at, itself, name))

    def _all(self) -> list[int]:
        """-1 (everything) for tasks on a cycle and behind it: that fault has been told."""
        masks = [-1] * len(self._edges)
        needs = [
            [self._index[task] for task in dict.fromkeys(depends) if task in self._index]
            for _, depends in self._edges
        ]
        graph = dag.Graph([len(listed) for listed in needs], [[] for _ in needs])
        for at, listed in enumerate(needs):
            for needed in listed:
                graph.dependents[needed].append(at)
        for at in dag.order(graph):
            mask = 0
            for needed in needs[at]:
                mask |= masks[needed] | 1 << needed
            masks[at] = mask
        return masks


@dataclass(frozen=True)
class Over(Collection[str]):
    """The tasks that are over by then, worked out when asked."""

    order: _Order
    at: int
    itself: bool

    def __contains__(self, task: object) -> bool:
        return isinstance(task, str) and self.order.holds(self.at, self.itself, task)

    def __iter__(self) -> Iterator[str]:
        return self.order.all_of(self.at, self.itself)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _check_paths(drafts: list[Draft], faults: Faults) -> None:
    """Tasks of a group made once are called GROUP.ID: nothing else may be."""
    seen: set[str] = set()
    ahead = [(draft, draft.id) for draft in reversed(drafts)]
    while ahead:
        draft, path = ahead.pop()
        if path in seen and "." in path:
            faults.add(*draft.mark, f"two tasks would be called '{path[:120]}'", "rename one")
        seen.add(path)
        many = draft.group is not None and ("each" in draft.group or "matrix" in draft.group)
        prefix = f"{path}[]" if many else path
        ahead.extend((inner, f"{prefix}.{inner.id}") for inner in reversed(draft.body))


# Texts in which nothing is evaluated.

RESERVED: Final = ("params", "inputs", "tasks", "run", "job", "event", "secrets")
"""What expressions find under these names cannot be hidden."""

_BRACES = re.compile(r"\{\{(?P<inner>[^{}]{0,2000})\}\}")


def _check_plain(note: Note, names: Names, faults: Faults) -> None:
    """Braces with one of our names in them were meant as an expression."""
    roots = "|".join(map(re.escape, (*RESERVED, *names.loop)))
    ours = re.compile(rf"(?<![\w.$'\"])(?:{roots})\s*[.\[]")
    for braces in _BRACES.finditer(note.node.text):
        if ours.search(braces["inner"]):
            line, col = note.node.place(braces.start())
            what = f"{note.key} is taken as it stands: {braces.group()[:60]} is never evaluated"
            faults.add(line, col, what, _hint(note, braces.group()))


def _hint(note: Note, expression: str) -> str:
    if note.key in ("command", "script", "python"):
        return f'write env: {{VALUE: "{expression[:60]}"}} and use $VALUE'
    return "expressions stand in name, env, args, files, if, each, matrix, params and output"
