"""Workflow files, loaded and looked at together: their plans, their faults, what else to say.

As the principal would load them, but any file that is named, in whichever dialect it is said to be.
What only shows between files is told here: names that stand for several workflows, calls of
workflows that there are not. Changes nothing; what it has found is shown elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from cdktr_common.catalogue.values import Fault, Plan, TaskPlan
from cdktr_principal.decisions.variables import in_name
from cdktr_principal.folder import Folder, Found, load, read, workflow_id
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.source import MAX_BYTES, parse

STDIN = "<stdin>"


class How(NamedTuple):
    """The dialect of the files, when it is said; whether images are stripped."""

    dialect: str | None = None
    strip_image: bool = False
    lone_task: bool = False
    """May a file be a single task, as for `cdktr-trigger --file`?"""


class Good(NamedTuple):
    """A file without faults."""

    file: str
    plan: Plan
    whole: bool
    """Is it of a directory, so that all workflows there are were looked at?"""


class Checked(NamedTuple):
    """What was found: files looked at, the good ones, faults, and the texts of faulty ones."""

    files: list[str]
    good: list[Good]
    faults: list[Fault]
    texts: dict[str, bytes]


def check(paths: Sequence[str], how: How = How()) -> Checked:  # noqa: B008
    """Load all files that the paths mean; `-` is standard input."""
    checked = Checked([], [], [], {})
    directories = [path for path in dict.fromkeys(paths) if os.path.isdir(path)]
    for path in directories:
        _check_directory(checked, path, how)
    done = {os.path.realpath(file) for file in checked.files}
    for path in dict.fromkeys(paths):
        if path == "-":
            _check_text(
                checked, Found(STDIN, path, "stdin", 0, 0), stdin(), how._replace(lone_task=True)
            )
        elif path not in directories and os.path.realpath(path) not in done:
            _check_file(checked, path, how)
    _check_calls(checked)
    return checked


def stdin() -> bytes:
    """Standard input, up to one byte more than a file may have."""
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def plain(text: str) -> str:
    """Text that does nothing to a terminal."""
    text = os.fsencode(text).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _check_text(checked: Checked, found: Found, data: bytes, how: How) -> None:
    checked.files.append(found.name)
    plan, faults = load(found, data, *how)
    if plan is not None:
        checked.good.append(Good(found.name, plan, False))
    checked.texts[found.name] = data
    checked.faults.extend(faults)


def _check_file(checked: Checked, path: str, how: How) -> None:
    name = plain(path)
    try:
        data = read(path)
    except OSError as fault:
        checked.files.append(name)
        checked.faults.append(Fault(file=name, what=f"cannot be read: {fault.strerror}"))
        return
    found = Found(name, path, workflow_id(os.path.basename(name)), 0, 0)
    _check_text(checked, found, data, how)


def _check_directory(checked: Checked, path: str, how: How) -> None:
    """As the principal would load it, ids that clash included."""
    loading = partial(load, dialect=how.dialect, strip_image=how.strip_image)
    scan = Folder(path).scan({}, loading)
    checked.files.extend(os.path.join(path, name) for name in scan.known)
    for good in scan.loaded:
        checked.good.append(Good(os.path.join(path, good.file), good.plan, True))
    checked.faults.extend(Fault(file=plain(path), what=trouble) for trouble in scan.troubles)
    for broken in scan.broken:
        for fault in broken.faults:
            file = os.path.join(plain(path), fault.file)
            checked.faults.append(replace(fault, file=file))
            if file not in checked.texts:
                checked.texts[file] = _content(os.path.join(path, fault.file))


def _content(path: str) -> bytes:
    try:
        return read(path)
    except OSError:
        return b""  # the fault is told without its line


# What shows only when files are looked at together.


def warnings(checked: Checked) -> list[str]:
    """What is no fault, and may surprise."""
    return [
        *_ambiguous_names(checked.good),
        *_containers(checked.good),
        *_never(checked.good),
        *_variables(checked.good),
        *_absent(checked),
    ]


def _ambiguous_names(goods: Sequence[Good]) -> Iterator[str]:
    """Names that cannot stand for an id: several workflows have them, or one has it as its id."""
    by_name: dict[str, list[str]] = {}
    for good in goods:
        if good.plan.name:
            by_name.setdefault(good.plan.name, []).append(good.plan.workflow)
    ids = {good.plan.workflow for good in goods}
    for name, workflows in by_name.items():
        if len(workflows) > 1:
            listed = ", ".join(sorted(workflows))
            yield f"the name '{name}' is of several workflows, use their ids: {listed}"
        elif name in ids and name != workflows[0]:
            yield f"the name '{name}' of {workflows[0]} is the id of another workflow"


def _containers(goods: Sequence[Good]) -> Iterator[str]:
    for good in goods:
        found = [task.id for task in all_tasks(good.plan) if task.container is not None]
        if found:
            shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if found[3:] else "")
            waits = "wait" if found[1:] else "waits"
            yield (
                f"{good.file}: {shown} {waits} until an agent has the label container; "
                "--strip-image makes plain processes of it"
            )


def _never(goods: Sequence[Good]) -> Iterator[str]:
    """Tasks behind both branches of a condition: one of the branches is always skipped."""
    for good in goods:
        for tasks in _lists(good.plan):
            for join, source in _joins({task.id: task for task in tasks}):
                yield (
                    f"{good.file}: {join} never runs: it waits for what follows the success of "
                    f"{source} and for what follows its failure, of which one is skipped"
                )


def _variables(goods: Sequence[Good]) -> Iterator[str]:
    """Tasks side by side whose outputs would be the same variables of what follows them."""
    for good in goods:
        for tasks in _lists(good.plan):
            by_name: dict[str, list[str]] = {}
            for task in tasks:
                by_name.setdefault(in_name(task.id), []).append(task.id)
            for name, ids in by_name.items():
                if len(ids) > 1 and any(task.depends for task in tasks):
                    yield (
                        f"{good.file}: outputs of {', '.join(ids)} are the same variables "
                        f"CDKTR_OUT_{name}_KEY: what follows several finds those of one"
                    )


def _joins(tasks: Mapping[str, TaskPlan]) -> Iterator[tuple[str, str]]:
    """Tasks that need a task to succeed and to fail, themselves or by what they wait for."""
    succeeds: dict[str, set[str]] = {}
    fails: dict[str, set[str]] = {}
    for name, task in tasks.items():
        by_rule = [(of, task.rules.get(of, "success")) for of in task.depends]
        succeeds[name] = {of for of, rule in by_rule if rule == "success"}
        fails[name] = {of for of, rule in by_rule if rule == "failure"}
    for name in tasks:
        needed = [name, *succeeds[name], *fails[name]]
        both = set[str]().union(*(fails[of] for of in needed))
        if both:
            both &= set[str]().union(*(succeeds[of] for of in needed))
        # A failure that is tolerated is a success as well.
        yield from [(name, of) for of in tasks if of in both and not tasks[of].tolerated][:1]


def all_tasks(plan: Plan) -> Iterator[TaskPlan]:
    """The tasks of a plan, those in groups and in plans that it calls among them."""
    for tasks in _lists(plan):
        yield from tasks


def _lists(plan: Plan) -> Iterator[list[TaskPlan]]:
    """The tasks of a plan, then of each group and each plan that it calls. The only task of a
    group has no id of its own, here it is called as the group is."""
    ahead = [plan.tasks]
    while ahead:
        tasks = ahead.pop()
        yield tasks
        for task in reversed(tasks):
            if task.group is not None:
                inside = task.group.tasks
                ahead.append([replace(one, id=one.id or task.id) for one in inside])
            if task.call is not None and task.call.plan is not None:
                ahead.append(task.call.plan.tasks)


class _Call(NamedTuple):
    """A call of a workflow that is not among the files."""

    good: Good
    task: str
    workflow: str
    hint: str


def _missing_calls(checked: Checked) -> Iterator[_Call]:
    known = {good.plan.workflow for good in checked.good}
    known |= {good.plan.name for good in checked.good if good.plan.name}
    # A file with faults defines its workflow all the same.
    files = {*checked.files, *(fault.file for fault in checked.faults)}
    broken = {workflow_id(file) for file in files}
    there = known.union(*map(_endings, broken))
    for good in checked.good:
        for task in all_tasks(good.plan):
            called = task.call.workflow if task.call is not None else None
            if called and called not in there:
                yield _Call(good, task.id, called, nearest(called, known))


def _endings(name: str) -> set[str]:
    """The ids that a file may have, as long as it is not known which directory is the first."""
    parts = name.split(".")
    return {".".join(parts[at:]) for at in range(len(parts))}


def _absent(checked: Checked) -> Iterator[str]:
    for good, task, workflow, hint in _missing_calls(checked):
        if not good.whole:
            near = f" ({hint})" if hint else ""
            yield f"{good.file}: {task} calls {workflow}, which is not among these files{near}"


def _check_calls(checked: Checked) -> None:
    """In a whole directory, a call of a workflow that is not there is a fault."""
    for good, task, workflow, hint in list(_missing_calls(checked)):
        if good.whole:
            checked.texts.setdefault(good.file, _content(good.file))
            line, col = _place(checked.texts[good.file], workflow)
            what = f"{task} calls the workflow '{workflow[:80]}', which there is not"
            fault = Fault(file=plain(good.file), line=line, col=col, what=what, hint=hint)
            checked.faults.append(fault)


def _place(text: bytes, workflow: str) -> tuple[int, int]:
    """Where a file calls a workflow."""
    ahead: list[Node | None] = [parse(text, Faults(""))]
    while ahead:
        node = ahead.pop()
        if isinstance(node, List):
            ahead.extend(reversed(node.items))
        elif isinstance(node, Map):
            called = node.items.get("workflow")
            if isinstance(called, Scalar) and called.text == workflow:
                return called.line, called.col
            ahead.extend(reversed(node.items.values()))
    return 0, 0
