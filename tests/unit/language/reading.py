"""What the tests of the dialects share: a text in, a plan or its faults out."""

from __future__ import annotations

from textwrap import dedent

from cdktr_common.catalogue.values import Fault, Plan, TaskPlan
from cdktr_principal.language.dialects import load_text

MY_FLOW = """\
name: my-flow
schedule: "0 0 * * * *"
eventTrigger: "my-event"
tasks:
    - name: First task
      command: echo hello
    - name: Second task
      command: echo world
    - name: Third task
      command: echo "hello world"
    - name: Fourth task
      command: echo "FAILED"
dag:
    - First task: Second task
    - Second task?: Third task | Fourth task
"""
"""A file of Conducktor's, which has to run as it stands."""


def good(text: str) -> Plan:
    """The plan of a text without faults."""
    plan, faults = load_text(dedent(text).encode(), "w", "w.yaml")
    assert faults == []
    assert plan is not None
    return plan


def bad(text: str) -> list[Fault]:
    """The faults of a text."""
    plan, faults = load_text(dedent(text).encode(), "w", "w.yaml")
    assert plan is None
    assert faults
    return faults


def told(text: str) -> list[tuple[int, int, str, str]]:
    """The faults of a text as line, column, what, hint."""
    return [(fault.line, fault.col, fault.what, fault.hint) for fault in bad(text)]


def task(body: str, more: str = "") -> TaskPlan:
    """A task of one line, in flow style, and before it more of the workflow."""
    return good(f"{more}\ntasks: {{t: {{{body}}}, a: {{command: x}}}}").tasks[0]


def task_fault(body: str, more: str = "") -> Fault:
    """The only fault of such a task."""
    (fault,) = bad(f"{more}\ntasks: {{t: {{{body}}}, a: {{command: x}}}}")
    return fault
