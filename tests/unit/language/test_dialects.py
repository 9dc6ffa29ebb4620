"""Which dialect a file is in: said, known from outside, or seen by its shape."""

from __future__ import annotations

import pytest

from cdktr_common.catalogue.values import Fault, TaskPlan
from cdktr_principal.language.dialects import load_text


def fault(text: str, dialect: str | None = None) -> Fault:
    plan, faults = load_text(text.encode(), "w", "w.yaml", dialect)
    assert plan is None
    return faults[0]


def ids(text: str, dialect: str | None = None) -> list[str]:
    plan, faults = load_text(text.encode(), "w", "w.yaml", dialect)
    assert faults == []
    assert plan is not None
    return [task.id for task in plan.tasks]


def test_a_mapping_of_tasks_is_cdktr() -> None:
    assert ids("tasks: {First: {command: a}}") == ["First"]
    assert ids("dialect: cdktr\ntasks: {First: {command: a}}") == ["First"]


@pytest.mark.parametrize("more", ["", "dag: []\n", "eventTrigger: e\n", "dialect: conducktor\n"])
def test_a_list_of_names_and_commands_is_conducktor(more: str) -> None:
    assert ids(more + "tasks: [{name: First, command: a}]") == ["first"]


def test_a_list_that_could_be_anything_is_asked_about() -> None:
    found = fault("tasks: [{name: a}, {nam: b, cmmand: c}]")
    assert (found.line, found.col) == (1, 8)
    assert found.what == "a list of tasks, but in which dialect?"
    assert found.hint == ("write dialect: conducktor or dialect: tork, or tasks as id: task")
    assert fault("tasks: []").what == found.what


def test_a_dialect_that_is_said_or_known_is_not_guessed() -> None:
    assert "a list of tasks" in fault("dialect: cdktr\ntasks: [{name: a, command: b}]").what
    assert "a list of tasks" in fault("tasks: [{name: a, command: b}]", "cdktr").what
    assert "needs a list" in fault("tasks: {a: {command: b}}", "conducktor").what


def test_an_unknown_dialect_comes_with_the_nearest() -> None:
    found = fault("dialect: conductor\ntasks: {a: {command: b}}")
    assert (found.line, found.col) == (1, 10)
    assert found.what == "dialect is 'conductor', not cdktr, conducktor or tork"
    assert found.hint == "did you mean conducktor?"
    assert "dialect must be text" in fault("dialect: [tork]\ntasks: {a: {command: b}}").what


def lone(text: str, dialect: str | None = None) -> TaskPlan:
    plan, faults = load_text(text.encode(), "w", "w.yaml", dialect, lone_task=True)
    assert faults == []
    assert plan is not None
    (task,) = plan.tasks
    return task


def test_a_single_task_is_a_workflow_where_that_is_wanted() -> None:
    assert lone("command: echo a").command == "echo a"
    assert lone("dialect: cdktr\nconfig: !Subprocess {cmd: ls}").argv == ["ls"]
    assert lone("run: echo a").script == "echo a"
    assert lone("{name: Say it, run: echo a, queue: x}").labels == ["x"]
    assert lone("tasks: {a: {command: b}}").id == "a"
    assert "unknown key 'command'" in fault("command: echo a").what
    plan, faults = load_text(b"name: x", "w", "w.yaml", lone_task=True)
    assert (plan, faults[0].what) == (None, "a workflow needs tasks")


def test_a_fault_of_a_single_task_has_its_place() -> None:
    _, (found,) = load_text(b"command: a\nretry: x\n", "w", "w.yaml", lone_task=True)
    assert (found.line, found.col) == (2, 8)


def test_json_is_read_with_tabs_and_escapes() -> None:
    text = '{\n\t"tasks": {\n\t\t"a": {"command": "echo \\ud83d\\ude00 \\\\ud83d \\/ \\t"}\n\t}\n}'
    plan, faults = load_text(text.encode(), "w", "w.json")
    assert faults == []
    assert plan is not None
    assert plan.tasks[0].command == "echo 😀 \\ud83d / \t"
    broken, (found,) = load_text(b'{\n\t"tasks": ]\n}', "w", "w.json")
    assert broken is None
    assert found.line == 2
