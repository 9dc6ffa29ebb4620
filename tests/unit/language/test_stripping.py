"""Files of CDKTR's without their containers."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cdktr_common.catalogue.values import Fault, Plan, TaskPlan
from cdktr_principal.language.dialects import load_text


def load(text: str) -> tuple[Plan | None, list[Fault]]:
    return load_text(dedent(text).encode(), "w", "w.yaml", strip_image=True)


def task(body: str) -> TaskPlan:
    plan, faults = load(f"tasks: {{t: {{image: x, {body}}}}}")
    assert faults == []
    assert plan is not None
    return plan.tasks[0]


def test_what_belongs_to_the_container_alone_is_left_out() -> None:
    found = task("command: make, labels: [a], networks: [b], limits: {cpus: 1}")
    assert (found.container, found.labels, found.command) == (None, ["a"], "make")


def test_an_entrypoint_stands_before_what_is_run() -> None:
    assert task("entrypoint: [bash, -c], command: make").shell == ["bash", "-c"]
    assert task("entrypoint: [bash], script: make").shell == ["bash"]
    argv = task("entrypoint: [env, A=b], config: !Subprocess {cmd: make, args: [all]}").argv
    assert argv == ["env", "A=b", "make", "all"]
    assert task("entrypoint: [x], python: print(1)").argv == ["python3"]


def test_steps_groups_and_called_workflows_are_stripped_too() -> None:
    plan, faults = load("""
        defaults: {image: x}
        tasks:
          a: {command: b, pre: [{image: y, command: c}]}
          b: {each: [1], command: c}
          c: {workflow: {tasks: {d: {image: z, command: e}}}}
    """)
    assert faults == []
    assert plan is not None
    a, b, c = plan.tasks
    assert (a.container, a.pre[0].image) == (None, "")
    assert b.group is not None
    assert b.group.tasks[0].container is None
    assert c.call is not None
    assert c.call.plan is not None
    assert c.call.plan.tasks[0].container is None


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("tasks:\n  a: {image: x}", 2, "without its image there is nothing to run"),
        ("tasks:\n  a:\n    image: x\n    command: y\n    mounts: [{type: tmpfs, target: /x}]", 5,
         "mounts need a container"),
    ],
)  # fmt: skip
def test_what_cannot_be_without_one_is_a_fault(text: str, line: int, what: str) -> None:
    plan, (fault, *_) = load(text)
    assert plan is None
    assert (fault.line, fault.what, fault.see) == (line, what, "docs/workflow.md#image")


def test_data_that_looks_like_a_task_is_none() -> None:
    plan, faults = load("""
        params: {a: {type: object, default: {image: x}}}
        tasks: {t: {command: x, env: {image: y}}}
        output: {image: z}
    """)
    assert (plan is not None, faults) == (True, [])
