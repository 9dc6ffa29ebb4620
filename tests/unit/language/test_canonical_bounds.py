"""Files that want too much of the loader: refused with a line, after work that is counted."""

from __future__ import annotations

import msgspec
import pytest

from cdktr_principal.expressions import programs as expressions
from cdktr_principal.language import keys, nodes
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.groups import MAX_COPIES
from cdktr_principal.language.tasks import MAX_TASKS

HOSTILE: dict[str, tuple[str | bytes, int, str]] = {
    "python object": ("tasks:\n  a: !!python/object/apply:os.system [x]", 2, "unknown tag"),
    "a tag where none belongs": ("tasks:\n  a: !UvPython {command: x}", 2, "!UvPython belongs to"),
    "on: yes": ("tasks: {a: {command: x}}\non: yes", 2, "unknown key 'on'"),
    "5 MB": ("tasks: {a: {command: '" + "x" * 5_000_000 + "'}}", 1, "more than 2,097,152 bytes"),
    "not UTF-8": (b"tasks:\n  a: {command: \xff}", 2, "byte 0xff is not UTF-8"),
    "a tab": ("tasks:\n\ta: {command: x}", 2, "a tab in the indentation"),
    "duplicate tasks": ("tasks:\n  a: {command: x}\n  a: {command: y}", 3, "duplicate key 'a'"),
    "groups in groups": (
        "tasks:\n  a: " + "{parallel: {a: " * 30 + "{command: x}" + "}}" * 30, 2, "nested deeper"),
    "workflows in workflows": (
        "tasks:\n  a: " + "{workflow: {tasks: {a: " * 10 + "{command: x}" + "}}}" * 10, 2,
        "nested deeper"),
    "a task that is its own group": ("tasks:\n  a: &a\n    parallel: {b: *a}", 3, "stands inside"),
    "many tasks": (
        "tasks:\n" + "".join(f" t{i}: {{noop: true}}\n" for i in range(MAX_TASKS + 1)), 2,
        f"{MAX_TASKS + 1} tasks"),
    "many tasks in groups": (
        "tasks:\n  a: &a\n    parallel:\n"
        + "".join(f"     t{i}: {{noop: true}}\n" for i in range(7000)) + "  b: *a\n  c: *a\n", 4,
        f"21003 tasks, and at most {MAX_TASKS}"),
    "many copies": (
        "tasks:\n  a:\n    command: x\n    matrix: {a: &a ["
        + ",".join(map(str, range(101))) + "], b: *a}", 4, "10201 combinations"),
    "a long list": (
        "tasks:\n  a:\n    command: x\n    each: [" + "1," * (MAX_COPIES + 1) + "]", 4,
        "10001 items"),
    "many expressions": (
        "tasks: {a: {command: x}}\noutput: [" + "'{{1}}'," * (nodes.MAX_EXPRESSIONS + 1) + "]", 2,
        "more than 50000 expressions"),
    "many expressions in one text": (
        "tasks: {a: {command: x}}\noutput: '" + "{{1}}" * (nodes.MAX_EXPRESSIONS + 1) + "'", 2,
        "more than 50000 expressions"),
    "a long expression": (
        "tasks: {a: {command: x}}\noutput: '{{" + "1+" * 1500 + "1}}'", 2, "at most 2000"),
    "a deep expression": (
        "tasks: {a: {command: x}}\noutput: '{{" + "(" * 900 + "1" + ")" * 900 + "}}'", 2, "output"),
    "a long condition": ("tasks: {a: {command: x}, b: {noop: true, if: '" + "1+" * 1500 + "1'}}",
                         1, "if has 3001 characters"),
    "a pattern that would take for ever": (
        "tasks: {a: {command: x}}\nparams: {a: {pattern: '(a+)+$', default: '" + "a" * 4000
        + "!'}}", 2, "does not match its pattern"),
    "a pattern that would be huge": (
        "tasks: {a: {command: x}}\nparams: {a: {pattern: '(((a{1,100}){1,100}){1,100}){1,100}'}}",
        2, "not a pattern"),
    "defaults, often": (
        "defaults: {env: {" + ",".join(f"A{i}: x" for i in range(1000)) + "}}\ntasks:\n"
        + "".join(f" t{i}: {{command: x}}\n" for i in range(2000)), 1,
        "defaults, written out for each task, have more than 1000000 values"),
    "long defaults, often": (
        "defaults: {env: {A: " + "x" * 60_000 + "}}\ntasks:\n"
        + "".join(f" t{i}: {{command: x}}\n" for i in range(2000)), 1,
        f"have more than {keys.MAX_LENGTH} characters"),
    "braces without end": (
        "tasks: {a: {command: x, env: {A: '" + "{{" * 30_000 + "'}}}", 1, "env A"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_refused_at_its_line(case: str) -> None:
    text, line, what = HOSTILE[case]
    data = text.encode() if isinstance(text, str) else text
    plan, faults = load_text(data, "w", "w.yaml")
    assert plan is None
    assert [line] == [fault.line for fault in faults if what in fault.what][:1]


def test_expressions_are_looked_at_so_often_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    real = expressions.problems

    def count(source: str, names: expressions.Names) -> list[expressions.Problem]:
        nonlocal looked
        looked += 1
        return real(source, names)

    monkeypatch.setattr(expressions, "problems", count)
    tasks = "".join(f" t{i}: {{command: x}}\n" for i in range(6000))
    text = "defaults: {env: {" + ", ".join(f"A{i}: '{{{{1}}}}'" for i in range(10)) + "}}\ntasks:\n"
    assert load_text((text + tasks).encode(), "w", "w.yaml").plan is None
    assert looked <= nodes.MAX_EXPRESSIONS
    looked = 0
    wrong = "".join(f" t{i}: {{noop: true, if: tasks.nobody.code == {i}}}\n" for i in range(3000))
    faults = load_text(("tasks:\n" + wrong).encode(), "w", "w.yaml").faults
    assert len(faults) == nodes.MAX_FAULTS
    assert looked <= nodes.MAX_FAULTS


def test_the_largest_honest_file_is_a_plan() -> None:
    chain = "".join(
        f" t{i}: {{command: x, depends: [t{i - 1}], env: {{A: '{{{{ tasks.t0.code }}}}'}}}}\n"
        for i in range(1, 3000)
    )
    text = "defaults: {retry: 3, env: {B: c}}\ntasks:\n t0: {command: x}\n" + chain
    plan, faults = load_text(text.encode(), "w", "w.yaml")
    assert faults == [] and plan is not None
    assert len(plan.tasks) == 3000


def test_no_number_of_a_file_is_one_that_json_has_not() -> None:
    text = "params: {a: 1e999, b: -1e999, c: .inf, d: .nan, e: 1e308}\ntasks: {a: {noop: true}}"
    plan, faults = load_text(text.encode(), "w", "w.yaml")
    assert faults == [] and plan is not None
    assert msgspec.json.decode(msgspec.json.encode(plan), type=type(plan)) == plan
    assert [param.default for param in plan.params.values()] == [
        "1e999", "-1e999", ".inf", ".nan", 1e308
    ]  # fmt: skip
