"""The Conducktor dialect: names, arrows and conditionals to ids, dependencies and rules."""

from __future__ import annotations

import pytest

from cdktr_common.catalogue.values import Schedule
from tests.unit.language.reading import MY_FLOW, bad, good


def arrows(dag: str, names: str = "A B C D") -> dict[str, tuple[list[str], dict[str, str]]]:
    """What each task waits for, and by which rules."""
    tasks = "".join(f"  - {{name: {name}, command: echo}}\n" for name in names.split())
    plan = good(f"tasks:\n{tasks}dag:\n{dag}")
    return {task.name: (task.depends, task.rules) for task in plan.tasks if task.depends}


def arrow_fault(dag: str) -> tuple[int, int, str, str]:
    (fault,) = bad(f"dag:\n  - {dag}\ntasks:\n  - {{name: A, command: a}}\n"
                   "  - {name: B, command: b}\n")  # fmt: skip
    return fault.line, fault.col, fault.what, fault.hint


def test_the_readme_as_it_stands() -> None:
    plan = good(MY_FLOW)
    assert (plan.name, plan.events) == ("my-flow", ["my-event"])
    assert plan.schedules == [Schedule(cron="0 0 * * * *")]
    assert [(task.id, task.name, task.command) for task in plan.tasks] == [
        ("first-task", "First task", "echo hello"),
        ("second-task", "Second task", "echo world"),
        ("third-task", "Third task", 'echo "hello world"'),
        ("fourth-task", "Fourth task", 'echo "FAILED"'),
    ]
    assert [(task.depends, task.rules) for task in plan.tasks] == [
        ([], {}),
        (["first-task"], {}),
        (["second-task"], {}),
        (["second-task"], {"second-task": "failure"}),
    ]


@pytest.mark.parametrize(
    ("dag", "edges"),
    [
        ("  - A: B", {"B": (["a"], {})}),
        ("  - A: [B, C]", {"B": (["a"], {}), "C": (["a"], {})}),
        ("  - A: B, C", {"B": (["a"], {}), "C": (["a"], {})}),
        ("  - A, B: C", {"C": (["a", "b"], {})}),
        ("  - A: C\n  - B: C", {"C": (["a", "b"], {})}),
        ("  - A: B\n    B: C", {"B": (["a"], {}), "C": (["b"], {})}),
        ("  - A?: B", {"B": (["a"], {})}),
        ("  - A?: B |", {"B": (["a"], {})}),
        ('  - A?: "| B"', {"B": (["a"], {"a": "failure"})}),
        ("  - A?: B, C | D", {"B": (["a"], {}), "C": (["a"], {}), "D": (["a"], {"a": "failure"})}),
        ("  - A?: [B, C | D]", {"B": (["a"], {}), "C": (["a"], {}), "D": (["a"], {"a": "failure"})}),  # noqa: E501
        ("  - A?: B | B", {"B": (["a"], {"a": "always"})}),
        ("  - A: B\n  - A: B", {"B": (["a"], {})}),
        ("  []", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_arrows(dag: str, edges: dict[str, tuple[list[str], dict[str, str]]]) -> None:
    assert arrows(dag) == edges


def test_names_may_hold_what_arrows_are_made_of() -> None:
    plan = good("""
        tasks:
          - {name: "Really?", command: a}
          - {name: "this, that", command: b}
          - {name: "x | y", command: c}
        dag:
          - Really?: this, that
          - this, that?: "x | y"
    """)
    assert [(task.id, task.depends) for task in plan.tasks] == [
        ("really", []),
        ("this-that", ["really"]),
        ("x-y", ["this-that"]),
    ]


def test_ids_are_made_of_names_and_no_two_are_the_same() -> None:
    names = ["Été 2", "ete 2", "日本", "-", "x" * 150, "a-2", "A", "a"]
    tasks = "".join(f'  - {{name: "{name}", command: echo}}\n' for name in names)
    plan = good(f"tasks:\n{tasks}")
    assert [task.id for task in plan.tasks] == [
        "ete-2", "ete-2-2", "task", "task-2", "x" * 60, "a-2", "a", "a-3",
    ]  # fmt: skip
    assert [task.name for task in plan.tasks] == names


@pytest.mark.parametrize(
    ("dag", "line", "col", "what", "hint"),
    [
        ("A: Bb", 2, 8, "dag names the unknown task 'Bb'", ""),
        ("Aa?: B", 2, 5, "dag names the unknown task 'Aa'", ""),
        ("A: A", 2, 8, "task 'A' depends on itself", ""),
        ("A: B | B", 2, 8, "one | parts what follows success", "write 'A?' on the left"),
        ("A?: A | B | B", 2, 9, "one | parts what follows success", ""),
        ("A: {B: B}", 2, 8, "what an arrow leads to must be a list", ""),
        ("A", 2, 5, "an arrow names two tasks", "- First: Second"),
        ("A: ''", 2, 5, "an arrow needs a task on its right", "- First: Second"),
        ('"?": B', 2, 5, "an arrow needs a task on its left", "- First: Second"),
    ],
)
def test_faults_of_arrows(dag: str, line: int, col: int, what: str, hint: str) -> None:
    found = arrow_fault(dag)
    assert found[:2] == (line, col)
    assert what in found[2]
    assert hint in found[3]


def test_an_unknown_name_comes_with_the_nearest() -> None:
    (fault,) = bad(MY_FLOW.replace("First task: Second task", "First task: Secnd task"))
    assert (fault.line, fault.col) == (14, 19)
    assert (fault.what, fault.hint) == (
        "dag names the unknown task 'Secnd task'",
        "did you mean Second task?",
    )


def test_a_cycle_is_told_by_names_at_an_arrow() -> None:
    (fault,) = bad(MY_FLOW + "    - Fourth task: First task\n")
    assert fault.what == "cycle: First task needs Fourth task needs Second task needs First task"
    assert (fault.line, fault.col) == (16, 20)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("dag: []", "a Conducktor workflow needs a list of tasks"),
        ("dag: []\ntasks: []", "a workflow needs at least one task"),
        ("dag: []\ntasks: [x]", "a task must be a mapping"),
        ("dag: []\ntasks: [{name: a}]", "the task has no command"),
        ("dag: []\ntasks: [{command: a}]", "the task has no name"),
        ("dag: []\ntasks: [{name: a, command: b, retry: 1}]", "unknown key 'retry' in a task"),
        ("dag: {a: a}\ntasks: [{name: a, command: b}]", "dag must be a list, not a mapping"),
        ("dag: []\ncron: x\ntasks: [{name: a, command: b}]", "unknown key 'cron'"),
        ("dag: []\ntasks: [{name: a, command: b}, {name: a, command: c}]", "two tasks have the"),
        (
            "dag: [{a: b}]\ntasks: [{name: a, comand: x}, {name: b, command: z}]",
            "unknown key 'comand' in a task of Conducktor's",
        ),
        ("dag: [{a: b}]\ntasks: [{name: a}, {name: b, command: z}]", "the task has no command"),
        ("schedule: x\ntasks: [{name: a, command: b}]", "a cron line has 5 fields"),
    ],
)
def test_faults(text: str, what: str) -> None:
    (fault,) = bad(text)
    assert what in fault.what


def test_every_fault_of_a_file_is_told() -> None:
    faults = bad("""
        name: ''
        dag:
          - A: B
          - B?: A | C
        tasks:
          - {name: A, comand: a}
          - {name: B, command: b}
    """)
    assert [fault.line for fault in faults] == [2, 5, 5, 7]
