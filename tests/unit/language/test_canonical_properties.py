"""What holds for any CDKTR file: it is refused or it is a DAG, and nothing makes it raise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common import codec
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_principal.language.canonical import TASK_KEYS, WORKFLOW_KEYS
from cdktr_principal.language.dialects import load_text
from cdktr_principal.state import dag

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
IDS = [f"t{i}" for i in range(8)]


def check_levels(tasks: list[TaskPlan]) -> None:
    """Each level is a DAG, rules are for dependencies, and a task is of one kind."""
    edges = [(task.id, task.depends) for task in tasks]
    assert dag.problems(edges) == []
    for task in tasks:
        assert len(set(task.depends)) == len(task.depends)
        assert set(task.rules) <= set(task.depends)
        kinds = [
            task.group is not None, task.call is not None, task.noop,
            task.command is not None, task.script is not None,
            task.argv is not None and task.script is None,
        ]  # fmt: skip
        assert sum(kinds) == 1 or (sum(kinds) == 0 and task.container is not None)
        if task.group is not None:
            check_levels(task.group.tasks)
        if task.call is not None and task.call.plan is not None:
            check_levels(task.call.plan.tasks)


def load(text: str | bytes) -> Plan | None:
    """Loads; whatever comes out must hold together."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    plan, faults = load_text(data, "w", "w.yaml", "cdktr")
    assert (plan is None) == bool(faults)
    for fault in faults:
        assert fault.what and fault.line >= 0 and fault.col >= 0
        assert "\n" not in fault.what
    if plan is not None:
        check_levels(plan.tasks)
        assert msgspec.json.decode(codec.encode(plan), type=Plan) == plan
    return plan


_DEPENDS = st.one_of(
    st.lists(st.sampled_from(IDS), max_size=3),
    st.dictionaries(
        st.sampled_from(IDS), st.sampled_from(["success", "failure", "always"]), max_size=3
    ),
)


def _task(body: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    kinds = st.one_of(
        st.just({"command": "x"}), st.just({"noop": True}),
        st.builds(lambda tasks: {"parallel": tasks}, body),
        st.builds(lambda tasks: {"each": {"list": [1, 2], "tasks": tasks}}, body),
    )  # fmt: skip
    return st.builds(lambda kind, depends: {**kind, "depends": depends}, kinds, _DEPENDS)


_LEAVES = st.dictionaries(
    st.sampled_from(IDS), st.builds(lambda d: {"command": "x", "depends": d}, _DEPENDS), min_size=1
)
_LEVELS = st.recursive(
    _LEAVES,
    lambda inner: st.dictionaries(st.sampled_from(IDS), _task(inner), min_size=1, max_size=6),
    max_leaves=8,
)


@given(_LEVELS)
def test_what_is_accepted_is_a_dag_on_each_level(tasks: dict[str, Any]) -> None:
    plan = load(codec.encode({"tasks": tasks}))

    def sound(level: dict[str, Any]) -> bool:
        edges = [(name, list(task["depends"])) for name, task in level.items()]
        inner = [
            task.get("parallel") or task.get("each", {}).get("tasks") for task in level.values()
        ]
        return not dag.problems(edges) and all(sound(each) for each in inner if each)

    assert (plan is not None) == sound(tasks)


_WORDS = st.sampled_from([
    *TASK_KEYS, *WORKFLOW_KEYS, "list", "lists", "as", "task", "limit", "delay", "cmd", "args",
    "type", "default", "required", "enum", "pattern", "cpus", "x", "1", "true", "~", "", "90s",
    "failure", "env:X", "{{ params.x }}", "{{ item.value }}", "{{", "{{ tasks.x.outputs.y }}",
    "x y",
])  # fmt: skip
_TREES = st.recursive(
    st.one_of(_WORDS, st.integers(), st.floats(allow_nan=False, allow_infinity=False),
              st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(_WORDS, _TREES, max_size=5), st.dictionaries(_WORDS, _TREES, max_size=6))
def test_no_tree_of_keys_makes_it_raise(root: dict[str, Any], task: dict[str, Any]) -> None:
    load(codec.encode({**root, "tasks": {"a": task, "x": {"command": "y"}}}))


_CUT = re.compile(r"[A-Za-z_]+|[0-9]+|\s+|[^\w\s]")


@pytest.mark.parametrize("block", BLOCKS)
def test_the_page_survives_any_word_of_it_being_lost_or_doubled(block: str) -> None:
    words = _CUT.findall(block)
    for at in range(0, len(words), max(1, len(words) // 40)):
        load("".join(words[:at] + words[at + 1 :]))
        load("".join([*words[:at], words[at], *words[at:]]))


@given(st.data())
def test_no_mutation_of_a_good_file_makes_it_raise(data: st.DataObject) -> None:
    words = _CUT.findall(data.draw(st.sampled_from(BLOCKS)))
    others = _CUT.findall(data.draw(st.sampled_from(BLOCKS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(words) - 1))
        words[at] = data.draw(
            st.one_of(
                _WORDS, st.sampled_from(others), st.sampled_from(["\n", ": ", "- ", "{", "}"])
            )
        )
    load("".join(words))


@given(st.sampled_from(BLOCKS), st.binary(min_size=1, max_size=3), st.integers(0, 2000))
def test_no_bytes_in_a_good_file_make_it_raise(block: str, junk: bytes, at: int) -> None:
    data = block.encode()
    load(data[:at] + junk + data[at:])


def test_a_plan_is_the_same_when_its_file_is_read_again() -> None:
    for block in BLOCKS:
        plans = [load(block) for _ in range(2)]
        assert plans[0] == plans[1]
        assert msgspec.json.encode(plans[0]) == msgspec.json.encode(plans[1])
