"""Workflow files to plans: what each key may be, and every fault with its place."""

from __future__ import annotations

import difflib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common import codec
from cdktr_common.catalogue.values import Fault, Plan, Schedule, TaskPlan
from cdktr_common.durations import strict
from cdktr_principal.language import fields
from cdktr_principal.language.canonical import MAX_TASKS
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.nodes import Faults
from cdktr_principal.language.source import parse
from tests.unit.language.reading import bad, good


def task(body: str) -> TaskPlan:
    """A task of one line, in flow style."""
    return good(f"tasks: {{t: {{{body}}}}}").tasks[0]


def task_fault(body: str) -> Fault:
    (fault,) = bad(f"tasks: {{t: {{{body}}}}}")
    return fault


def test_a_whole_workflow() -> None:
    plan = good("""
        name: Nightly ETL
        description: |
          All of it.
        env: {STAGE: prod, DEBUG: on, RATE: 1.10, NOTHING: }
        workdir: /srv/etl
        placement: together
        events: [new-file, "ünicode event"]
        eventTrigger: new-file
        cron: "0 3 * * *"
        start_time: 2026-01-31T22:30:00+01:00
        tasks:
          extract:
            name: Extract
            description: from the API
            config: !Subprocess
              cmd: python3
              args: [-m, etl.extract, 1.10, true, "null", '']
            env: {STAGE: test}
            workdir: /srv/extract
            timeout: 1h30m
            labels: [db, zone=eu]
            max_losses: 5
            lost_after: 30s
            on_agent_lost: hold
            on_principal_lost: finish
          load:
            depends: Extract
            command: |
              set -e
              ./load "$STAGE"
          report: {command: ./report, depends: [load, extract]}
        """)
    assert plan == Plan(
        workflow="w",
        name="Nightly ETL",
        description="All of it.",
        env={"STAGE": "prod", "DEBUG": "on", "RATE": "1.10", "NOTHING": ""},
        workdir="/srv/etl",
        placement="together",
        events=["new-file", "ünicode event"],
        schedules=[Schedule(cron="0 3 * * *", start="2026-01-31T21:30:00Z")],
        tasks=[
            TaskPlan(
                id="extract",
                name="Extract",
                description="from the API",
                argv=["python3", "-m", "etl.extract", "1.10", "true", "null", ""],
                env={"STAGE": "test"},
                workdir="/srv/extract",
                timeout_s=5400.0,
                labels=["db", "zone=eu"],
                max_losses=5,
                lost_after_s=30.0,
                on_agent_lost="hold",
                on_principal_lost="finish",
            ),
            TaskPlan(id="load", command='set -e\n./load "$STAGE"\n', depends=["extract"]),
            TaskPlan(id="report", command="./report", depends=["load", "extract"]),
        ],
    )


def test_the_least_workflow_and_the_defaults() -> None:
    plan = good("tasks: {a: {command: 'true'}}")
    assert plan == Plan(workflow="w", tasks=[TaskPlan(id="a", command="true")])


def test_every_fault_of_a_file_is_told_with_line_column_and_hint() -> None:
    faults = bad("""\
        nam: A
        cron: "0 3 * *"
        placement: togehter
        env: [A=1]
        tasks:
          a b: {command: x}
          c: {comand: x}
          d: {command: x, depends: [e, cc], timeout: 5 minutes}
          e: {command: x, depends: [d]}
          f: {command: x, config: !Subprocess {cmd: y}}
          g:
          h: {name: nothing}
        """)
    assert [(fault.line, fault.col, fault.what, fault.hint) for fault in faults] == [
        (1, 1, "unknown key 'nam' in a workflow", "did you mean name?"),
        (2, 7, "a cron line has 5 fields, or 6 with seconds first; here are 4", ""),
        (3, 12, "placement is 'togehter', not spread or together", "did you mean together?"),
        (4, 6, "env must be a mapping, not a list", "write NAME: value"),
        (6, 3, "'a b' is not an id of a task",
         "letters, digits, _ . and -, at most 100; other words go into name"),
        (7, 7, "unknown key 'comand' in a task", "did you mean command?"),
        (8, 29, "cycle: d needs e needs d", ""),
        (8, 32, "unknown dependency 'cc'", "did you mean c?"),
        (8, 46, "'5 minutes' is not a time", "write seconds, or 90s, 5m, 1h30m"),
        (10, 3, "task 'f' has both command and config", "keep one of them"),
        (11, 3, "task 'g' must be a mapping, not nothing", ""),
        (12, 3, "task 'h' has nothing to run",
         "give it one of command, config, script, python, workflow, parallel, each, matrix, noop"),
    ]  # fmt: skip
    assert {fault.file for fault in faults} == {"w.yaml"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("~", "the file is empty"),
        ("hello", "a workflow must be a mapping, not a value"),
        ("- a", "a workflow must be a mapping, not a list"),
        ("name: x", "a workflow needs tasks"),
        ("tasks: {}", "a workflow needs at least one task"),
        ("tasks: x", "tasks must be a mapping of an id to a task, not a value"),
        ("dialect: cdktr\ntasks: [{name: a, command: b}]", "a list of tasks"),
        ("!Subprocess {tasks: {a: {command: b}}}", "!Subprocess belongs to config alone"),
        ("tasks: {a: !Subprocess {command: b}}", "!Subprocess belongs to config alone"),
        ("name: !Subprocess x\ntasks: {a: {command: b}}", "!Subprocess belongs to config alone"),
        ("retry: 3\ntasks: {a: {command: b}}", "unknown key 'retry' in a workflow"),
        ("cron: '1 1 1 1 1'\nschedule: '1 1 1 1 1'\ntasks: {a: {command: b}}",
         "cron and schedule are the same thing"),
        ("events: {a: b}\ntasks: {a: {command: b}}", "unknown key 'a' in events"),
        ("events: [[a]]\ntasks: {a: {command: b}}",
         "an item of events must be a name or a mapping, not a list"),
        ("start_time: soon\ntasks: {a: {command: b}}", "'soon' is neither HH:MM"),
        ("a: 1\na: 2\ntasks: {a: {command: b}}", "unknown key 'a'"),
    ],
)  # fmt: skip
def test_faults_of_a_workflow(text: str, what: str) -> None:
    assert what in bad(text)[0].what


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("command: ", "command is empty"),
        ("command: ~", "command is empty (~ is null)"),
        ("command: '  '", "command is empty"),
        ("command: [a, b]", "command must be text, not a list"),
        (f"command: {'x' * 65537}", "command has 65537 bytes, at most 65536 are allowed"),
        ('command: x, name: "a\\nb"', "name must be one line"),
        ("command: x, name: " + "n" * 201, "name has 201 characters"),
        ("command: x, depends: {t: always}", "task 't' depends on itself"),
        ("command: x, depends: t", "task 't' depends on itself"),
        ("command: x, workdir: ~", "workdir is empty (~ is null)"),
        ("command: x, workdir: ~/jobs", "~ is not expanded"),
        ("command: x, timeout: 0", "timeout must be more than 0"),
        ("command: x, timeout: -5", "'-5' is not a time"),
        ("command: x, timeout: 367d", "at most 366d"),
        ("command: x, labels: [a b]", "'a b' is not a label"),
        ("command: x, lost_after: 0", "lost_after must be at least 0.5s and at most 366d"),
        ("command: x, lost_after: 499ms", "lost_after must be at least 0.5s"),
        ("command: x, lost_after: 367d", "at most 366d"),
        ("command: x, lost_after: soon", "'soon' is not a time"),
        ("command: x, lost_after: [1]", "lost_after must be text, not a list"),
        ("command: x, lost_after:", "lost_after is empty"),
        ("command: x, on_agent_lost: hald", "on_agent_lost is 'hald', not rerun, fail or hold"),
        ("command: x, on_agent_lost: {}", "on_agent_lost must be text, not a mapping"),
        ("command: x, on_principal_lost: rerun", "is 'rerun', not stop or finish"),
        ("command: x, on_principal_lost: ''", "on_principal_lost is '', not stop or finish"),
        ("command: x, max_losses: 0", "max_losses must be a whole number from 1"),
        ("command: x, max_losses: true", "max_losses must be a whole number from 1"),
        ("command: x, max_losses: '3'", "max_losses must be a whole number from 1"),
        ("command: x, env: {1A: b}", "'1A' is no name of a variable"),
        ("command: x, env: {A-B: b}", "'A-B' is no name of a variable"),
        ("command: x, env: {CDKTR_RUN_ID: b}", "CDKTR_RUN_ID is set by CDKTR"),
        ("command: x, env: {A: [b]}", "the value of A must be text, not a list"),
        (f"command: x, env: {{A: {'x' * 65536}}}", "env has 65539 bytes"),
        ("config: {cmd: x}", "config needs a tag"),
        ("config: !Subprocess x", "config must be a mapping, not a value"),
        ("config: !Subprocess {args: [x]}", "config has no cmd"),
        ("config: !Subprocess {cmd: x, arg: [x]}", "unknown key 'arg' in config"),
        ("config: !Subprocess {cmd: x, args: [~]}", "an item of args is empty (~ is null)"),
        ("config: !Subprocess {cmd: x, args: {a: b}}", "args must be a list, not a mapping"),
        ("config: !Subprocess {cmd: x, args: [" + "x" * 65536 + "]}", "args have 65537 bytes"),
        ("config: !UvPython {packages: x}", "config has no script_path"),
    ],
)
def test_faults_of_a_task(body: str, what: str) -> None:
    assert what in task_fault(body).what


def test_text_is_what_was_written_whatever_yaml_makes_of_it() -> None:
    assert task("command: true").command == "true"
    assert task("command: 5").command == "5"
    assert task("config: !Subprocess {cmd: x, args: [007, 1.0, yes, 1e3]}").argv == [
        "x", "007", "1.0", "yes", "1e3"
    ]  # fmt: skip
    assert task("config: !Subprocess {cmd: x, args: one}").argv == ["x", "one"]
    assert task("config: !Subprocess {cmd: x}").argv == ["x"]
    assert task("command: x, labels: gpu").labels == ["gpu"]


def test_a_dependency_is_an_id_or_a_name_that_one_task_has() -> None:
    plan = good("""
        tasks:
          1: {name: First task, command: x}
          2: {name: "1", command: x}
          3: {command: x, depends: [First task, "1", 1]}
        """)
    assert plan.tasks[2].depends == ["1"]


def test_a_dependency_on_a_name_of_several_tasks_is_told_with_their_ids() -> None:
    (fault,) = bad("""\
        tasks:
          a: {name: Same, command: x}
          b: {name: Same, command: x}
          c: {command: x, depends: Same}
        """)
    assert (fault.line, fault.col) == (4, 28)
    assert fault.what == "'Same' is the name of several tasks"
    assert fault.hint == "use an id: a, b"


def test_a_large_file_is_a_plan_and_two_many_tasks_are_refused() -> None:
    chain = "".join(f" t{i}: {{command: x, depends: [t{i - 1}]}}\n" for i in range(1, 2000))
    assert len(good("tasks:\n t0: {command: x}\n" + chain).tasks) == 2000
    too_many = "tasks:\n" + "".join(f" t{i}: {{command: x}}\n" for i in range(MAX_TASKS + 1))
    assert bad(too_many)[0].what == f"20001 tasks, and at most {MAX_TASKS} are allowed"


def test_ten_thousand_wrong_names_cost_no_search_each(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    real = difflib.get_close_matches

    def count(word: str, known: Any, n: int, cutoff: float) -> list[str]:
        nonlocal compared
        listed = list(known)
        compared += len(listed)
        return real(word, listed[:1], n, cutoff)

    monkeypatch.setattr(fields, "get_close_matches", count)
    bad("tasks:\n" + "".join(f" t{i}: {{command: x, depends: [s{i}]}}\n" for i in range(10_000)))
    assert compared <= 100 * fields.MAX_NEAR


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0), ("1.5", 1.5), ("90s", 90.0), ("5m", 300.0), ("1h30m", 5400.0),
        ("2d", 172800.0), ("500ms", 0.5), ("1m500ms", 60.5), ("", None), ("5 m", None),
        ("m", None), ("1h1h", None), ("-1s", None), ("1w", None), ("1e3", None), ("٣s", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert strict(text) == seconds


def test_every_variable_that_cdktr_sets_is_reserved() -> None:
    for variable in fields.SET_BY_CDKTR:
        assert "is set by CDKTR" in task_fault(f"command: x, env: {{{variable}: y}}").what


_IDS = st.from_regex(fields.ID, fullmatch=True)
_TEXTS = st.text(min_size=1, max_size=20).filter(
    lambda text: bool(text.strip()) and "\0" not in text and not re.search("[\ud800-\udfff]", text)
)


@given(st.dictionaries(_IDS, _TEXTS, min_size=1, max_size=5))
def test_any_command_comes_through_json_unchanged(commands: dict[str, str]) -> None:
    """JSON is YAML: what a program writes with a JSON library is read as it was meant."""
    document = codec.encode({"tasks": {key: {"command": text} for key, text in commands.items()}})
    faults = Faults("w.yaml")
    if parse(document, faults) is None:
        assert "control character" in faults.all()[0].what  # JSON need not escape DEL, for one
        return
    plan, found = load_text(document, "w", "w.yaml")
    assert found == []
    assert plan is not None
    assert {task.id: task.command for task in plan.tasks} == commands


_WORDS = st.sampled_from(
    ["tasks", "name", "a", "b", "command", "config", "depends", "env", "timeout", "cron", "events",
     "labels", "workdir", "placement", "max_losses", "lost_after", "on_agent_lost", "cmd", "args",
     "true", "1", "~", "x y", ""]
)  # fmt: skip
_TREES = st.recursive(
    _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(_WORDS, _TREES, max_size=6))
def test_no_tree_makes_it_raise(tree: dict[str, Any]) -> None:
    plan, faults = load_text(codec.encode(tree), "w", "w.yaml")
    assert (plan is None) == bool(faults)
    if plan is not None:
        codec.encode(plan)
