"""A plan that came by wire must be as good as one from a file: everything is checked again.

What a single task may say is in `plan_fields`; here is what tasks are to one another, to the
params and secrets of the plan, and what their expressions may speak of. The first thing that is
wrong is told. Pure.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from cdktr_common.catalogue.values import Group, Param, Plan, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_principal.expressions import patterns, templates
from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions.names import Names, Problem, TaskNames
from cdktr_principal.language.data import MAX_ENUM, MAX_PARAMS, MAX_SECRETS, REFERENCE
from cdktr_principal.language.draft import RESERVED
from cdktr_principal.language.fields import ID, MAX_LIST, VARIABLE
from cdktr_principal.language.given import Wrong, checked
from cdktr_principal.language.groups import MAX_LISTS
from cdktr_principal.requests.plan_fields import (
    Refused,
    check_env,
    check_fields,
    check_length,
    check_range,
    check_texts,
)
from cdktr_principal.requests.plan_starts import check_starts
from cdktr_principal.requests.sizes import check_size
from cdktr_principal.state import dag

PLAN_TASKS: Final = 20_000
"""Tasks of a plan, those in groups included."""

VALUE_BYTES: Final = 2 << 20
"""Of a list, params or an output that stand in a plan, as JSON: a file has no more."""

MAX_RUNS: Final = 1000
MAX_DEPTH: Final = 10
"""Groups and called plans inside one another."""

RULES: Final = ("success", "failure", "always")

_WORKFLOW: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,199}")


def check_plan(plan: Plan) -> None:
    """Raises ProtocolError."""
    try:
        _Checker().plan(plan, 0)
    except Refused as fault:
        raise ProtocolError(fault.code, str(fault)) from None


class _Checker:
    """Counts the tasks on the way, and remembers what they are called."""

    def __init__(self) -> None:
        self._tasks = 0
        self._paths: set[str] = set()

    def plan(self, plan: Plan, depth: int) -> None:
        if not _WORKFLOW.fullmatch(plan.workflow):
            raise Refused(f"'{plan.workflow[:80]}' is no workflow id", "bad_field")
        _about_itself(plan)
        _params(plan.params)
        _secrets(plan.secrets)
        names = Names(params=plan.params, secrets=plan.secrets)
        hooks = {task.id for task in plan.tasks if task.phase}
        for task in plan.tasks:
            if task.phase and task.depends:
                raise Refused(f"task {task.id}: a task of the end of the run has no depends")
            if not hooks.isdisjoint(task.depends):
                raise Refused(f"task {task.id}: depends on a task of the end of the run")
        known = self.level(plan.tasks, names, depth, "", plan.output is not None)
        if plan.templates:
            _problems("env", plan.env.values(), replace(names, sealed=True))
        check_size("output", plan.output, VALUE_BYTES)
        _template("output", plan.output, known)

    def level(
        self, tasks: list[TaskPlan], names: Names, depth: int, path: str, spoken_of: bool = False
    ) -> Names:
        """Tasks that may depend on one another; what may be said of them, if anybody does."""
        if not tasks:
            raise Refused("has no tasks" if path else "the plan has no tasks")
        self._tasks += len(tasks)
        if self._tasks > PLAN_TASKS:
            raise Refused(f"{self._tasks:,} tasks; at most {PLAN_TASKS:,}", "too_large")
        for task in tasks:
            alone = path and len(tasks) == 1 and not task.id  # it is called as its copy is
            if not alone and not ID.fullmatch(task.id):
                raise Refused(f"'{task.id[:80]}' is no task id", "bad_field")
            name = path + task.id
            if name in self._paths:
                raise Refused(f"two tasks would be called '{name}'")
            self._paths.add(name)
        problems = dag.problems([(task.id, task.depends) for task in tasks])
        if problems:
            raise Refused("; ".join(str(problem) for problem in problems[:5]))
        known = names
        if names.tasks or spoken_of or any(map(_speaks, tasks)):
            own = {each.id: _names_of(each) for each in tasks}
            known = replace(names, tasks=ChainMap(own, dict(names.tasks)) if names.tasks else own)
        for task in tasks:
            try:
                self.task(task, known, depth, path + task.id)
            except Refused as fault:
                told = str(fault)
                begin = "" if told.startswith("task ") else f"task {path}{task.id}: "
                raise Refused(begin + told, fault.code) from None
        return known

    def task(self, task: TaskPlan, names: Names, depth: int, path: str) -> None:
        check_fields(task)
        for name, rule in task.rules.items():
            if name not in task.depends:
                raise Refused(f"a rule for '{name[:80]}', which is not in depends")
            if rule not in RULES:
                _told(f"rule for {name[:80]}", expressions.problems(rule, names))
        if task.cond:
            _told("cond", expressions.problems(task.cond, names))
        if task.templates:
            _texts(task, names)
        if task.group is not None:
            self.group(task, task.group, names, depth, path)
        if task.call is not None:
            if (task.call.workflow is None) == (task.call.plan is None):
                raise Refused("call: give either workflow or plan")
            check_size(f"task {path}: params", task.call.params, VALUE_BYTES)
            _template("params", task.call.params, names)
            if task.call.plan is not None:
                _deeper(depth)
                inner = _Checker()
                inner._tasks = self._tasks
                inner.plan(task.call.plan, depth + 1)
                self._tasks = inner._tasks

    def group(self, task: TaskPlan, group: Group, names: Names, depth: int, path: str) -> None:
        _deeper(depth)
        if group.each is not None and group.matrix:
            raise Refused("a group has each or matrix, not both")
        if not VARIABLE.fullmatch(group.var) or group.var in RESERVED:
            raise Refused(f"'{group.var[:40]}' is no name of a variable")
        if len(group.matrix) > MAX_LISTS:
            raise Refused(f"matrix has more than {MAX_LISTS} lists", "too_large")
        check_range("concurrency", group.concurrency, 0, MAX_LIST)
        for key, template in (("each", group.each), ("matrix", group.matrix)):
            check_size(f"task {path}: {key}", template, VALUE_BYTES)
            _template(key, template, names)
            for each in template.values() if isinstance(template, dict) else (template,):
                if each is not None and not isinstance(each, list | str):
                    raise Refused(f"{key}: neither a list nor a template of one")
        if any(inner.phase for inner in group.tasks):
            raise Refused("a task of a group is no task of the end of the run")
        many = not dag.made_once(group)
        inside = replace(names, loop=(*names.loop, group.var)) if many else names
        self.level(group.tasks, inside, depth + 1, f"{path}{'[]' if many else ''}.")


def _speaks(task: TaskPlan) -> bool:
    """May it speak of other tasks?"""
    return bool(task.templates or task.cond or task.rules or task.group or task.call)


def _names_of(task: TaskPlan) -> TaskNames:
    return TaskNames(task.outputs or None, task.group is not None)


def _deeper(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Refused(f"groups and plans are nested more than {MAX_DEPTH} deep", "too_large")


def _about_itself(plan: Plan) -> None:
    check_env(plan.env)
    check_texts(plan.name, plan.description, plan.tags, plan.dotenv, plan.workdir)
    check_length("deadline_s", plan.deadline_s, zero=False)
    check_range("max_active_runs", plan.max_active_runs, 0, MAX_RUNS)
    check_starts(plan)


def _params(params: Mapping[str, Param]) -> None:
    if len(params) > MAX_PARAMS:
        raise Refused(f"more than {MAX_PARAMS} params", "too_large")
    given = {name: [param.default, param.enum] for name, param in params.items()}
    check_size("params", given, VALUE_BYTES)
    for name, param in params.items():
        if not VARIABLE.fullmatch(name):
            raise Refused(f"'{name[:40]}' is not the name of a param")
        if len(param.enum) > MAX_ENUM:
            raise Refused(f"enum of param {name} is too long", "too_large")
        if param.pattern is not None:
            problem = patterns.problem(param.pattern)
            if problem is not None or param.type != "string":
                raise Refused(f"pattern of param {name}: {problem or 'only of a string'}")
        try:
            for value in (param.default, *param.enum):
                if value is not None:
                    _same_type(param, value)
        except Wrong as wrong:
            raise Refused(f"default or enum of param {name}: {wrong}") from None


def _same_type(param: Param, value: Any) -> None:
    if isinstance(value, str) and param.type != "string":
        raise Wrong(f"is text, not of type {param.type}")
    checked(param, value)


def _secrets(secrets: Mapping[str, str]) -> None:
    if len(secrets) > MAX_SECRETS:
        raise Refused(f"more than {MAX_SECRETS} secrets", "too_large")
    for name, reference in secrets.items():
        if not VARIABLE.fullmatch(name):
            raise Refused(f"'{name[:40]}' is not the name of a secret")
        if not REFERENCE.fullmatch(reference):
            raise Refused(f"secret {name} must be a reference, env:NAME or file:PATH")


# Texts with expressions.


def _texts(task: TaskPlan, names: Names) -> None:
    sealed = replace(names, sealed=True)
    _problems("name", [task.name], names)
    _problems("argv", task.argv or (), names)
    _problems("env", task.env.values(), sealed)
    _problems("files", task.files.values(), sealed)
    for step in (*task.pre, *task.post):
        _problems("a step", [step.name, step.image, *(step.argv or ())], names)
        _problems("env of a step", step.env.values(), sealed)
    if task.container is not None:
        _problems("image", [task.container.image], names)


def _problems(key: str, texts: Iterable[str], names: Names) -> None:
    for text in texts:
        if templates.is_template(text):
            _told(key, templates.problems(text, names))


def _template(key: str, value: Any, names: Names) -> None:
    """All texts of a value. It is no deeper than `check_size` lets through."""
    if isinstance(value, str):
        _problems(key, [value], names)
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            _template(key, inner, names)


def _told(key: str, problems: list[Problem]) -> None:
    if problems:
        first = problems[0]
        raise Refused(f"{key}: {first.what}" + (f" ({first.hint})" if first.hint else ""))
