"""What an agent is given of a plan: no template is left, and nothing else is changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue.values import Container, Plan, Step, StepSpec, TaskPlan, TaskSpec
from cdktr_principal.decisions import rendering
from cdktr_principal.expressions.programs import Failed
from tests.unit.expressions.values import Values

SCOPE = Values(params={"n": 3, "os": "linux"}, item={"value": "x", "index": 1})
SECRETS = {"key": "env:KEY"}


def spec(task: TaskPlan, **extra: str) -> TaskSpec:
    fields = rendering.task_fields(task, SECRETS, extra, SCOPE)
    return TaskSpec(token="r/t/1/1-a", run="r", task="t", n=1, fence=1, **fields)


def test_every_field_that_plan_and_spec_share_is_passed_on() -> None:
    shared = {*TaskPlan.__struct_fields__} & {*TaskSpec.__struct_fields__}
    rendered = {*rendering.task_fields(TaskPlan(id="t"), {}, {}, SCOPE)}
    assert shared - rendered == {"lost_after_s"}  # which has a default of the principal's
    assert {*StepSpec.__struct_fields__} - {"sealed"} == {*Step.__struct_fields__}


def test_without_templates_everything_is_as_it_stands() -> None:
    task = TaskPlan(
        id="t", argv=["{{ x"], env={"A": "{{ secrets.key }}"}, files={"f": "{{"}, workdir="/w",
        pre=[Step(command="{{ y", env={"B": "{{"})], timeout_s=5, capture=True,
    )  # fmt: skip
    made = spec(task, A="extra", CDKTR_ITEM="1")
    assert made.argv == ["{{ x"] and made.files == {"f": "{{"} and made.timeout_s == 5
    assert made.env == {"A": "{{ secrets.key }}", "CDKTR_ITEM": "1"} and made.sealed == {}
    assert made.pre == [StepSpec(command="{{ y", env={"B": "{{"})]


def test_with_templates_all_are_rendered_and_secrets_sealed() -> None:
    task = TaskPlan(
        id="t", templates=True, argv=["do", "{{ params.n + 1 }}"], command=None,
        env={"N": "n={{ params.n }}", "KEY": "k:{{ secrets.key }}", "P": "plain"},
        files={"a": "{{ item.value }}", "b": "{{ secrets.key }}\n"},
        pre=[Step(name="pre {{ params.n }}", argv=["{{ params.os }}"], image="i:{{ params.n }}",
                  env={"S": "{{ secrets.key }}", "T": "{{ item.index }}"})],
        post=[Step(command="echo {{ not ours", env={})],
        container=Container(image="img:{{ params.os }}", cpus="1"),
    )  # fmt: skip
    made = spec(task, N="from outside", KEY="from outside", MORE="x")
    assert made.argv == ["do", "4"]
    assert made.env == {"N": "n=3", "P": "plain", "MORE": "x"}
    assert made.sealed == {"KEY": ["k:", "env:KEY", ""]}
    assert made.files == {"a": "x"} and made.sealed_files == {"b": ["", "env:KEY", "\n"]}
    assert made.pre == [
        StepSpec(name="pre 3", argv=["linux"], image="i:3", env={"T": "1"},
                 sealed={"S": ["", "env:KEY", ""]}),
    ]  # fmt: skip
    assert made.post == [StepSpec(command="echo {{ not ours")]
    assert made.container == Container(image="img:linux", cpus="1")
    assert b"secrets" not in msgspec.json.encode(made)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"env": {"ROWS": "{{ params.q }}"}}, "env ROWS: params has no 'q'"),
        ({"argv": ["a", "{{ params.q }}"]}, "args '{{ params.q }}': params has no 'q'"),
        ({"files": {"f.txt": "{{ secrets.no }}"}}, "files f.txt: there is no secret 'no'"),
        ({"argv": ["{{ params.q }}"]}, "cmd '{{ params.q }}': params has no 'q'"),
        (
            {"post": [Step(argv=["a", "b", "{{ params.q }}"])]},
            "post[0] args '{{ params.q }}': params has no 'q'",
        ),
        ({"pre": [Step(env={"A": "{{ 1 / 0 }}"})]}, "pre[0] env A: 1 / 0: division by zero"),
        ({"container": Container(image="{{ params.q }}")}, "image: params has no 'q'"),
    ],
)
def test_a_failure_names_the_key(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Failed) as fault:
        spec(TaskPlan(id="t", templates=True, **fields))
    assert str(fault.value) == reason


def test_what_tasks_of_a_run_share() -> None:
    env = {"A": "{{ params.n }}", "B": "{{ secrets.key }}", "C": "c"}
    plan = Plan(workflow="w", env=env, secrets=SECRETS, workdir="/w", dotenv=["x"], templates=True)
    made = rendering.context(plan, SCOPE, workflow="w", event="e", payload=[1])
    assert made.env == {"A": "3", "C": "c"} and made.sealed == {"B": ["", "env:KEY", ""]}
    assert (made.event, made.payload, made.workdir, made.dotenv) == ("e", [1], "/w", ["x"])
    plain = msgspec.structs.replace(plan, templates=False)
    assert rendering.context(plain, SCOPE, workflow="w", event=None, payload=None).env == env
