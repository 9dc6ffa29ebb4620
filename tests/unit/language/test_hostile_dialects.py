"""Whatever stands in a file of another dialect: faults or a plan, soon, and never an exception."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_principal.check.dryrun import dry_run
from cdktr_principal.language import conducktor, tork, tork_keys
from cdktr_principal.language.crontab import entries
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.nodes import Faults
from cdktr_principal.language.writer import write

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 20), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    st.sampled_from([
        "{{", "}}", "{{ tasks.a }}", "{{ tasks.a0 }}", "{{ item.index }}", "a{{item.index}}",
        "{{ inputs.x + }}", "{{ secrets.s }}", "env:A", "1s", "A", "B", "A?", "A, B", "A | B",
        "[1]", "{{ [1, 2] }}", "default", "bash", "-c", "x",
    ]),
)  # fmt: skip
KEYS = st.sampled_from([
    *tork.JOB_KEYS, *tork.TASK_KEYS, *conducktor.WORKFLOW_KEYS, "command", "list", "task", "limit",
    "type", "target", "a", "x", "item", "A", "A?", "cpus", "detached", "concurrency",
])  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
TASK = st.dictionaries(st.sampled_from(tork.TASK_KEYS), VALUES, max_size=6)
DOCUMENT = st.fixed_dictionaries(
    {"tasks": st.lists(TASK, max_size=4)},
    optional={
        key: VALUES
        for key in ("inputs", "secrets", "output", "defaults", "dag", "name", "schedule")
    },
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENT | VALUES, st.sampled_from([None, "tork", "conducktor", "cdktr"]), st.booleans())
def test_any_tree(document: Any, dialect: str | None, flag: bool) -> None:
    text = json.dumps(document).encode()
    plan, faults = load_text(text, "w", "w.json", dialect, strip_image=flag, lone_task=flag)
    assert (plan is None) == bool(faults)
    if plan is not None:
        again, more = load_text(write(plan).encode(), "w", "w.yaml", "cdktr")
        assert more == [] or dialect == "conducktor", write(plan)
        assert again is not None or dialect == "conducktor"
        assert list(dry_run(plan, {key: param.default for key, param in plan.params.items()}, None))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("01*/- @a=#%\\\n\t'\"{}|"), max_size=80))
def test_any_crontab(text: str) -> None:
    faults = Faults("crontab")
    for entry in entries(text, faults):
        plan, more = load_text(write(entry.plan).encode(), entry.plan.workflow, "w.yaml")
        assert more == []
        assert plan == entry.plan


def tasks(number: int, of: str) -> str:
    return "tasks:\n" + "".join(of.replace("N", str(n)) for n in range(number))


LARGE = {
    "vars": tasks(5000, "- {name: aN, var: aN, run: x, env: {A: '{{ tasks.aN }}'}}\n"),
    "unknown vars": tasks(5000, "- {run: x, var: a_N, env: {A: '{{ tasks.aN }}'}}\n"),
    "numbered": tasks(
        3000, "- each: {list: '[1]', task: {run: x, var: 'aN_{{item.index}}', "
        "env: {A: '{{ tasks.aN_1 }}'}}}\n",
    ),
    "names": tasks(10000, "- {name: a-N, command: x}\n"),
    "equal names": tasks(5000, "- {name: a, run: x}\n"),
    "arrows": tasks(2000, "- {name: aN, command: x}\n") + "dag:\n- {A}: {A}\n".replace(
        "{A}", "'" + ", ".join(f"a{n}" for n in range(2000)) + "'"
    ),
    "conditions": tasks(3000, "- {name: aN, run: x, if: true}\n"),
    "one text": "tasks: [{run: x, env: {A: '" + "{{ tasks.x }}" * 3000 + "'}}]",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_files_take_a_time_that_grows_with_them(name: str) -> None:
    begun = time.monotonic()
    load_text(LARGE[name].encode(), "w", "w.yaml")
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("key", tork_keys.TASK)
@pytest.mark.parametrize("value", ["", "x", "[]", "{}", "[[1]]", "[{}]", "{a: {b: c}}", "{a: [1]}"])
def test_each_key_with_any_kind_of_value(key: str, value: str) -> None:
    for text in (f"tasks: [{{{key}: {value}}}]", f"tasks: [{{run: x, {key}: {value}}}]"):
        plan, faults = load_text(text.encode(), "w", "w.yaml", "tork")
        assert (plan is None) == bool(faults)
