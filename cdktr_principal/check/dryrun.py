"""What a run would do: `cdktr-check --plan`.

Tasks by waves, each with what it would run, as far as that follows from params and the event; and
what would be skipped, and why. Nothing is run and nobody is asked. Pure: a plan in, lines out.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from cdktr_common.catalogue.values import Call, Group, Plan, Step, TaskPlan
from cdktr_common.durations import exact
from cdktr_common.schedules import shown as shown_schedule
from cdktr_principal.check.scope import Known, shown
from cdktr_principal.expressions.functions import written
from cdktr_principal.expressions.programs import Failed, Invalid
from cdktr_principal.language.listening import heard
from cdktr_principal.state import dag
from cdktr_principal.state.listening import ENDS

COPIES: Final = 5
"""Copies of a group that are shown one by one."""

SCRIPT_LINES: Final = 10

_IN: Final = "  "


def dry_run(
    plan: Plan, params: Mapping[str, Any], event: Mapping[str, Any] | None
) -> Iterator[str]:
    """The lines. `params` are all that the plan declares."""
    known = Known(
        params=params,
        event=event or {},
        run={"workflow": plan.workflow, "name": plan.name or plan.workflow},
        whole=frozenset({"params", *(("event",) if event is not None else ())}),
    )
    named = f" ({plan.name})" if plan.name else ""
    yield f"{plan.workflow}{named}: {_count(len(plan.tasks), 'task')}"
    yield from (f"starts by {shown_schedule(one)}" for one in plan.schedules)
    if params:
        yield "params " + ", ".join(f"{key}={written(value)}" for key, value in params.items())
    if event is not None:
        name = event.get("name")
        yield f"event {name or '-'}: {written(event.get('payload'))}"
        yield from _unheard(plan, str(name or ""), known)
    yield from _plan(plan, known)


def _unheard(plan: Plan, name: str, known: Known) -> Iterator[str]:
    """Why the event would start no run, when the workflow listens to any."""
    if not name or name in plan.events or not (plan.events or plan.listeners):
        return
    told = []
    for listener in plan.listeners:
        of_runs = name.startswith(ENDS) and not listener.event.startswith(ENDS)
        if of_runs or not fnmatchcase(name, listener.event):
            continue
        try:
            holds = known.holds(listener.cond) if listener.cond else "yes"
        except Failed as fault:
            told.append(f"{listener.cond} fails: {fault}")
            continue
        if holds != "no":
            return
        told.append(f"{listener.cond} is false")
    why = "; ".join(told) or f"which listens to {', '.join(heard(plan))}"
    yield f"it starts no run of this workflow{': ' if told else ', '}{why}"


def _plan(plan: Plan, known: Known) -> Iterator[str]:
    tasks = [task for task in plan.tasks if not task.phase]
    problems: list[str] = []
    for name, value in plan.env.items():
        template = shown(value, known, problems, f"env {name}") if plan.templates else value
        yield f"{_IN}{name}={template}"
    yield from _tasks(tasks, known, "wave {}")
    ends = [task for task in plan.tasks if task.phase]
    if ends:
        yield "at the end"
        for task in ends:
            yield from _indented(_task(task, known, []))
    if plan.output is not None:
        yield f"output {_value(plan.output, known, problems, 'output')}"
    for problem in problems:
        yield f"would fail: {problem}"


def _tasks(tasks: list[TaskPlan], known: Known, heading: str) -> Iterator[str]:
    """Tasks by waves, then those that would be skipped."""
    graph = dag.edges_graph([(task.id, task.depends) for task in tasks])
    skipped: dict[str, str] = {}
    ifs: dict[str, list[str]] = {}
    for at in dag.order(graph):
        task = tasks[at]
        why, ifs[task.id] = _verdict(task, skipped, known.without(frozenset(skipped)))
        if why:
            skipped[task.id] = why
    known = known.without(frozenset(skipped))
    number = 0
    for wave in dag.waves(graph):
        ready = [tasks[at] for at in wave if tasks[at].id not in skipped]
        if ready:
            number += 1
            yield heading.format(number)
            for task in ready:
                yield from _indented(_task(task, known, ifs[task.id]))
    if skipped:
        yield "skipped"
        for task_id, why in skipped.items():
            yield f"{_IN}{task_id}: {why}"


def _verdict(task: TaskPlan, skipped: Mapping[str, str], known: Known) -> tuple[str, list[str]]:
    """Why it would be skipped, if that is certain; else what is left to be seen."""
    open_: list[str] = []
    for name in task.depends:
        rule = task.rules.get(name, "")
        if rule == "always":
            continue
        if rule in ("", "failure"):
            if name in skipped:
                return f"{name} is skipped", []
            if rule:
                open_.append(f"{name} has failed")
            continue
        try:
            holds = known.holds(rule)
        except Failed:
            holds = "open"
        if holds == "no":
            return f"not after {name}: {rule} is false", []
        if holds == "open":
            open_.append(rule)
    if task.cond:
        try:
            holds = known.holds(task.cond)
        except Failed as fault:
            return "", [*open_, f"{task.cond} (would fail: {fault})"]
        if holds == "no":
            return f"if is false: {task.cond}", []
        if holds == "open":
            open_.append(task.cond)
    return "", open_


def _task(task: TaskPlan, known: Known, ifs: list[str]) -> Iterator[str]:
    """A line about a task, and below it what it would run."""
    problems: list[str] = []
    name = shown(task.name, known, problems, "name") if task.templates else task.name
    yield "".join((
        task.id,
        f" ({name})" if name and name != task.id else "",
        f" after {', '.join(task.depends)}" if task.depends else "",
    ))  # fmt: skip
    yield from _indented(f"only if {condition}" for condition in ifs)
    if task.group is not None:
        yield from _indented(_group(task.id, task.group, known, problems))
    elif task.call is not None:
        yield from _indented(_call(task.call, known, problems))
    elif task.noop:
        yield f"{_IN}nothing is run"
    else:
        yield from _indented(_process(task, known, problems))
    told = [
        f"in {task.workdir}" if task.workdir else "",
        f"labels {', '.join(task.labels)}" if task.labels else "",
        f"timeout {_time(task.timeout_s)}" if task.timeout_s else "",
        f"retry {task.retry.limit}" if task.retry else "",
        f"pools {', '.join(task.pools)}" if task.pools else "",
    ]
    if any(told):
        yield _IN + "; ".join(part for part in told if part)
    for problem in problems:
        yield f"{_IN}would fail: {problem}"


def _process(task: TaskPlan, known: Known, problems: list[str]) -> Iterator[str]:
    for step in task.pre:
        yield from _step("before", step, task.templates, known, problems)
    yield from _runs(task, task.templates, known, problems)
    for step in task.post:
        yield from _step("after", step, task.templates, known, problems)
    for name, value in task.env.items():
        said = shown(value, known, problems, f"env {name}") if task.templates else value
        yield f"{name}={said}"
    for name, content in task.files.items():
        said = shown(content, known, problems, f"file {name}") if task.templates else content
        yield f"file {name}: {_count(len(said.encode()), 'byte')}"
    if task.container is not None:
        yield f"image {shown(task.container.image, known, problems, 'image')}"


def _runs(
    what: TaskPlan | Step, templates: bool, known: Known, problems: list[str]
) -> Iterator[str]:
    argv = [shown(word, known, problems, "args") if templates else word for word in what.argv or []]
    if what.command is not None:
        shell = f"{shlex.join(what.shell)} " if what.shell else ""
        first, *rest = what.command.rstrip("\n").split("\n")
        yield f"{shell}$ {first}"
        yield from (f"{' ' * len(shell)}> {line}" for line in rest)
    elif what.script is not None:
        program = argv or what.shell or ([] if what.script.startswith("#!") else ["/bin/sh"])
        yield f"{shlex.join(program)} SCRIPT".strip()
        lines = what.script.rstrip("\n").split("\n")
        yield from (f"| {line}" for line in lines[:SCRIPT_LINES])
        if lines[SCRIPT_LINES:]:
            yield f"| ... {_count(len(lines) - SCRIPT_LINES, 'more line')}"
    elif argv:
        yield shlex.join(argv)


def _step(
    when: str, step: Step, templates: bool, known: Known, problems: list[str]
) -> Iterator[str]:
    name = shown(step.name, known, problems, "name") if templates else step.name
    yield f"{when}{' ' * bool(name)}{name}:"
    yield from _indented(_runs(step, templates, known, problems))


def _group(name: str, group: Group, known: Known, problems: list[str]) -> Iterator[str]:
    items = _items(group, known, problems)
    most = f", at most {group.concurrency} at a time" if group.concurrency else ""
    if dag.made_once(group):
        yield f"{_count(len(group.tasks), 'task')} at once{most}"
        yield from _indented(_tasks(_copies(group, name), known, "wave {}"))
        return
    over = _value(group.matrix or group.each, known, [], "list")
    if items is None:
        yield f"for each of {over}{most}"
        yield from _copy(group, f"{name}[...]", known, "wave {}")
        return
    yield f"{_count(len(items), 'copy', 'copies')}: {written(items)}{most}"
    for index, value in enumerate(items[:COPIES]):
        inside = known.within({group.var: {"value": value, "index": index}})
        yield from _copy(group, f"{name}[{index}]", inside, f"copy {index}, wave {{}}")
    if len(items) > COPIES:
        yield f"{_IN}... {len(items) - COPIES} more like these"


def _copy(group: Group, name: str, known: Known, heading: str) -> Iterator[str]:
    """The only task of a copy, or its tasks by waves."""
    tasks = _copies(group, name)
    if len(tasks) > 1:
        yield from _indented(_tasks(tasks, known, heading))
        return
    why, ifs = _verdict(tasks[0], {}, known)
    if why:
        yield f"{_IN}{tasks[0].id} is skipped: {why}"
    else:
        yield from _indented(_task(tasks[0], known, ifs))


def _copies(group: Group, prefix: str) -> list[TaskPlan]:
    """The tasks of a copy, under the ids that they will have where there is one for each."""
    from msgspec.structs import replace

    return [replace(task, id=task.id or prefix) for task in group.tasks]


def _items(group: Group, known: Known, problems: list[str]) -> list[Any] | None:
    """The values that copies are made for; None: not known before."""
    if dag.made_once(group):
        return None
    try:
        is_known, found = known.value(group.matrix or group.each)
    except (Failed, Invalid) as fault:
        problems.append(f"list: {fault}")
        return None
    if not is_known:
        return None
    if group.matrix:
        lists = found.values()
        wrong = [(f"matrix.{key}", of) for key, of in found.items() if not isinstance(of, list)]
        if not wrong:
            return [dict(zip(found, values, strict=True)) for values in itertools.product(*lists)]
    else:
        wrong = [] if isinstance(found, list) else [("each", found)]
    problems += [f"{key} is not a list: {written(of)[:60]}" for key, of in wrong]
    return None if wrong else found


def _call(call: Call, known: Known, problems: list[str]) -> Iterator[str]:
    detached = ", without waiting for it" if call.detached else ""
    yield f"workflow {call.workflow or 'of its own'}{detached}"
    given: dict[str, Any] = {}
    for key, template in call.params.items():
        try:
            is_known, value = known.value(template)
        except (Failed, Invalid) as fault:
            problems.append(f"params {key}: {fault}")
            continue
        yield f"{_IN}{key}={written(value)}"
        if is_known:
            given[key] = value
    if call.plan is not None:
        defaults = {
            key: param.default
            for key, param in call.plan.params.items()
            if key not in call.params and not param.required
        }
        inside = Known(params={**defaults, **given}, run={"workflow": call.plan.workflow})
        yield from _indented(_plan(call.plan, inside))


def _value(template: Any, known: Known, problems: list[str], key: str) -> str:
    try:
        return written(known.value(template)[1])
    except (Failed, Invalid) as fault:
        problems.append(f"{key}: {fault}")
        return written(template)


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (_IN + line for line in lines)


def _time(seconds: float) -> str:
    told = exact(seconds)
    return told if isinstance(told, str) else f"{told}s"


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"
