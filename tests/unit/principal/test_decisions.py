"""What is decided when a task's turn has come: conditions, rules, retries, groups, calls, hooks,
deadlines, queued runs, and runs that repeat others. Driven by hand; each turn checks the
invariants, and at the end of each test the facts are folded again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Call, Group, Param, Plan, Retry, TaskPlan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import triggers
from cdktr_principal.requests import queries
from cdktr_principal.store.snapshot import restore, take
from tests.unit.principal.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.hello("x", slots=64, tasks_v=1)
    yield made
    live = encode(take(made.core.state))
    assert encode(made.refolded()) == live
    assert encode(take(restore(take(made.core.state)))) == live


def task(name: str, *depends: str, **fields: Any) -> TaskPlan:
    if not any(kind in fields for kind in ("group", "call", "noop", "command", "script")):
        fields["argv"] = fields.get("argv", ["true"])
    return TaskPlan(id=name, depends=list(depends), **fields)


def run(world: World, *tasks: TaskPlan, given: dict[str, Any] | None = None, **fields: Any) -> str:
    return world.start(Plan(workflow="w", tasks=list(tasks), **fields), **(given or {}))


def work(world: World, codes: dict[str, Any] | None = None, most: int = 100) -> list[str]:
    """Do what is given out, until there is nothing; the ids in the order in which they ran. `codes`
    by id: an exit code, or the fields of a result."""
    done: list[str] = []
    world.beat("x", [])
    for _ in range(most):
        given = world.fetch("x", 64)
        if not given:
            world.core.session.fetches.clear()
            return done
        for spec in given:
            how = (codes or {}).get(spec.task, 0)
            fields = how if isinstance(how, dict) else {"code": how}
            state = fields.get("state", "FAILED" if fields.get("code") else "COMPLETED")
            rest = {key: value for key, value in fields.items() if key != "state"}
            world.report("x", spec.token, state, **rest)
            done.append(spec.task)
    raise AssertionError("it never ends")


def state(world: World, run_id: str) -> str:
    row = world.core.state.runs[run_id]
    return f"{row.state} {row.code}"


# Rules and conditions


def test_a_handled_failure_is_no_failed_run(world: World) -> None:
    made = run(
        world, task("first"), task("second", "first"), task("third", "second"),
        task("fourth", "second", rules={"second": "failure"}),
    )  # fmt: skip
    assert work(world, {"second": 3}) == ["first", "second", "fourth"]
    assert world.states(made).split()[1:] == ["second:FAILED", "third:SKIPPED", "fourth:COMPLETED"]
    assert state(world, made) == "COMPLETED 0"


def test_the_branch_of_a_failure_is_skipped_when_there_is_none(world: World) -> None:
    made = run(world, task("a"), task("b", "a", rules={"a": "failure"}), task("c", "b"))
    assert work(world) == ["a"]
    assert world.states(made) == "a:COMPLETED b:SKIPPED c:SKIPPED"
    assert world.core.state.runs[made].by_id["b"].reason == "a did not fail"
    assert state(world, made) == "COMPLETED 0"


def test_a_handler_that_is_skipped_handles_nothing(world: World) -> None:
    made = run(world, task("a"), task("b", "a", rules={"a": "failure"}, cond="1 > 2"))
    work(world, {"a": 7})
    assert state(world, made) == "FAILED 7"


def test_always_runs_after_whatever_came(world: World) -> None:
    made = run(
        world, task("a"), task("b", "a"), task("c", "a", "b", rules={"a": "always", "b": "always"})
    )
    assert work(world, {"a": 2}) == ["a", "c"]
    assert state(world, made) == "FAILED 2"  # always is no handler


def test_a_tolerated_failure_counts_as_a_success(world: World) -> None:
    made = run(world, task("a", tolerated=[3]), task("b", "a"), task("c", tolerated=True))
    assert work(world, {"a": 3, "c": 9}) == ["a", "c", "b"]
    assert state(world, made) == "COMPLETED 0"
    other = run(world, task("a", tolerated=[3]), task("b", "a"))
    work(world, {"a": 4})
    assert state(world, other) == "FAILED 4"


def test_a_rule_may_be_an_expression_of_what_it_depends_on(world: World) -> None:
    rules = {"a": "tasks.a.code == 3"}
    made = run(world, task("a"), task("b", "a", rules=rules))
    assert work(world, {"a": 3}) == ["a", "b"]
    other = run(world, task("a"), task("b", "a", rules=rules))
    assert work(world, {"a": 4}) == ["a"]
    assert "if of a is false" in world.core.state.runs[other].by_id["b"].reason
    assert state(world, made) == "FAILED 3"


def test_a_rule_without_a_value_fails_its_task(world: World) -> None:
    rules = {"a": "tasks.a.outputs.rows == 2"}
    made = run(world, task("a"), task("b", "a", rules=rules), task("c", "b"))
    assert work(world) == ["a"]
    assert world.states(made) == "a:COMPLETED b:FAILED c:SKIPPED"
    assert "if of a: " in world.core.state.runs[made].by_id["b"].reason
    assert state(world, made) == "FAILED 4"


def test_a_condition_reads_outputs_params_and_the_event(world: World) -> None:
    cond = "int(tasks.a.outputs.rows) > params.least && event.payload.day == 'monday'"
    plan_params = {"least": Param(type="integer", default=10)}
    outputs = {"a": {"code": 0, "outputs": {"rows": "12"}}}
    given = {"payload": {"day": "monday"}}
    made = run(world, task("a"), task("b", "a", cond=cond), params=plan_params, given=given)
    assert work(world, outputs) == ["a", "b"]
    other = run(
        world, task("a"), task("b", "a", cond=cond), params=plan_params,
        given=given | {"params": {"least": 12}},
    )  # fmt: skip
    assert work(world, outputs) == ["a"]
    assert world.states(made).endswith("b:COMPLETED")
    assert world.states(other).endswith("b:SKIPPED")


def test_an_expression_without_a_value_fails_its_task_and_says_which(world: World) -> None:
    made = run(
        world, task("a"), task("b", "a", cond="tasks.a.outputs.rows > 3"), task("c", "b"),
        task("d", argv=["echo", "{{ event.payload.nothing }}"], templates=True),
    )  # fmt: skip
    work(world)
    tasks = world.core.state.runs[made].by_id
    assert (tasks["b"].state, tasks["b"].code) == ("FAILED", 4)
    assert "rows" in tasks["b"].reason
    assert (tasks["d"].state, tasks["d"].code) == ("FAILED", 4)
    assert "args" in tasks["d"].reason and "nothing" in tasks["d"].reason
    assert tasks["c"].state == "SKIPPED"
    assert state(world, made) == "FAILED 4"


def test_a_long_chain_of_decisions_is_no_deep_one(world: World) -> None:
    chain = [task("t0", noop=True)]
    chain += [task(f"t{i}", f"t{i - 1}", noop=True) for i in range(1, 3000)]
    made = run(world, *chain)
    assert state(world, made) == "COMPLETED 0"


# Retries


def test_a_failed_attempt_is_followed_by_another_when_its_time_has_come(world: World) -> None:
    retry = Retry(limit=2, delay_s=10, backoff=3)
    made = run(world, task("a", retry=retry))
    assert work(world, {"a": 1}) == ["a"]
    assert world.states(made) == "a:PENDING"
    world.pass_time(9)
    assert work(world, {"a": 1}) == []
    world.pass_time(1)
    assert work(world, {"a": 1}) == ["a"]
    world.pass_time(29)
    assert work(world) == []
    world.pass_time(1)
    assert work(world, {"a": 5}) == ["a"]
    attempts = world.core.state.runs[made].tasks[0].attempts
    assert [(each.n, each.state, each.code) for each in attempts] == [
        (1, "FAILED", 1), (2, "FAILED", 1), (3, "FAILED", 5)
    ]  # fmt: skip
    assert state(world, made) == "FAILED 5"


def test_only_some_codes_are_tried_again(world: World) -> None:
    made = run(world, task("a", retry=Retry(limit=5, on_exit_codes=[75])))
    assert work(world, {"a": 75}) == ["a"] * 6
    other = run(world, task("a", retry=Retry(limit=5, on_exit_codes=[75])))
    assert work(world, {"a": 1}) == ["a"]
    assert (state(world, made), state(world, other)) == ("FAILED 75", "FAILED 1")


def test_a_delay_goes_on_after_a_restart(world: World) -> None:
    run(world, task("a", retry=Retry(limit=1, delay_s=100)))
    work(world, {"a": 1})
    world.pass_time(60)
    world.restart()
    world.hello("x", boot="b1", slots=64, tasks_v=1)
    assert work(world) == []
    world.pass_time(40)
    assert work(world) == ["a"]


def test_waiting_for_a_retry_can_be_cancelled(world: World) -> None:
    made = run(world, task("a", retry=Retry(limit=1, delay_s=100)))
    work(world, {"a": 1})
    world.core.run_cancel(world.core.state.runs[made], "", world.at())
    world.turn()
    assert state(world, made) == "CANCELLED 130"


# Groups


def each(values: Any, *body: TaskPlan, **fields: Any) -> Group:
    return Group(tasks=list(body) or [task("")], each=values, **fields)


def test_a_group_makes_one_copy_for_each_value_in_order(world: World) -> None:
    body = task("", argv=["echo", "{{ item.value }}", "{{ item.index }}"], templates=True)
    made = run(world, task("g", group=each(["x", "y"], body)), task("after", "g"))
    given = world.fetch("x", 64)
    assert [(spec.task, spec.argv) for spec in given] == [
        ("g[0]", ["echo", "x", "0"]), ("g[1]", ["echo", "y", "1"])
    ]  # fmt: skip
    assert given[0].env["CDKTR_ITEM"] == "x"
    for spec in given:
        world.report("x", spec.token)
    assert work(world) == ["after"]
    assert state(world, made) == "COMPLETED 0"


def test_an_empty_list_completes(world: World) -> None:
    made = run(world, task("g", group=each([])), task("after", "g"))
    assert work(world) == ["after"]
    assert state(world, made) == "COMPLETED 0"


def test_values_come_from_an_output_and_results_are_gathered(world: World) -> None:
    made = run(
        world,
        task("list"),
        task("g", "list", group=each("{{ fromJSON(tasks.list.outputs.files) }}")),
        task("sum", "g", argv=["{{ tasks.g.outputs.n }}", "{{ tasks.g.results }}"], templates=True),
    )
    codes = {
        "list": {"code": 0, "outputs": {"files": '["a","b"]'}},
        "g[0]": {"code": 0, "outputs": {"n": 1}, "result": "one"},
        "g[1]": {"code": 0, "outputs": {"n": 2}},
    }
    given = []
    for _ in range(3):
        for spec in world.fetch("x", 64):
            given.append(spec)
            world.report("x", spec.token, **codes.get(spec.task, {"code": 0}))
    assert given[-1].argv == ["[1,2]", '["one",null]']
    assert given[-1].env["CDKTR_OUT_G_N"] == "[1,2]"
    assert state(world, made) == "COMPLETED 0"


def test_no_more_copies_than_concurrency_are_in_work(world: World) -> None:
    body = [task("a"), task("b", "a")]
    made = run(world, task("g", group=each([1, 2, 3], *body, concurrency=1)))
    assert work(world) == ["g[0].a", "g[0].b", "g[1].a", "g[1].b", "g[2].a", "g[2].b"]
    assert state(world, made) == "COMPLETED 0"


def test_one_failed_copy_leaves_the_others_and_fails_the_group(world: World) -> None:
    made = run(world, task("g", group=each([1, 2, 3], concurrency=1)), task("after", "g"))
    assert work(world, {"g[0]": 6}) == ["g[0]", "g[1]", "g[2]"]
    assert world.core.state.runs[made].by_id["g"].reason == "g[0] failed"
    assert world.states(made).split()[:2] == ["g:FAILED", "after:SKIPPED"]
    assert state(world, made) == "FAILED 6"


def test_fail_fast_ends_the_others(world: World) -> None:
    made = run(world, task("g", group=each([1, 2, 3], fail_fast=True)))
    one, two, three = world.fetch("x", 64)
    world.report("x", two.token, "FAILED")
    orders = world.beat("x", [one.token, three.token])
    assert set(orders.cancel) == {one.token, three.token}
    world.report("x", one.token, "CANCELLED", code=143)
    world.report("x", three.token)
    states = world.states(made)
    assert states == "g:FAILED g[0]:CANCELLED g[1]:FAILED g[2]:COMPLETED"
    assert state(world, made) == "FAILED 1"


def test_fail_fast_is_about_failures_that_nobody_handles(world: World) -> None:
    handler = task("q", "p", rules={"p": "failure"})
    made = run(world, task("g", group=each([1, 2], task("p"), handler, fail_fast=True)))
    assert work(world, {"g[0].p": 5}) == ["g[0].p", "g[1].p", "g[0].q"]
    assert state(world, made) == "COMPLETED 0"
    skipped = task("q", "p", "o", rules={"p": "failure"})
    body = [task("o"), task("p"), skipped]
    other = run(world, task("g", group=each([1, 2], *body, fail_fast=True, concurrency=1)))
    assert work(world, {"g[0].p": 5, "g[0].o": 6}) == ["g[0].o", "g[0].p"]
    assert state(world, other) == "FAILED 6"


def test_a_group_tolerates_only_what_it_says_of_every_copy(world: World) -> None:
    made = run(world, task("g", group=each([0, 1, 2]), tolerated=[1]))
    work(world, {"g[1]": 1, "g[2]": 2})
    assert state(world, made) == "FAILED 2"
    other = run(world, task("g", group=each([0, 1]), tolerated=[1]))
    work(world, {"g[1]": 1})
    assert state(world, other) == "COMPLETED 0"


def test_groups_nest_and_a_matrix_is_every_combination(world: World) -> None:
    show = task(
        "show", argv=["{{ item.value }}", "{{ cell.value.os }}{{ cell.value.v }}"], templates=True
    )
    nested = Group(tasks=[show], matrix={"os": ["l", "m"], "v": [1, 2]}, var="cell")
    made = run(world, task("g", group=each(["A", "B"], task("in", group=nested))))
    given = world.fetch("x", 64)
    assert [spec.task for spec in given][:2] == ["g[0].in[0].show", "g[0].in[1].show"]
    assert [spec.argv for spec in given][3:5] == [["A", "m2"], ["B", "l1"]]
    for spec in given:
        world.report("x", spec.token)
    assert state(world, made) == "COMPLETED 0"


def test_a_parallel_group_runs_its_tasks_once(world: World) -> None:
    group = Group(tasks=[task("a"), task("b"), task("c", "a")])
    made = run(world, task("g", group=group), task("z", "g"))
    assert work(world) == ["g.a", "g.b", "g.c", "z"]
    assert state(world, made) == "COMPLETED 0"


def test_what_is_no_list_or_too_long_fails_the_group(world: World) -> None:
    made = run(
        world, task("g", group=each("{{ 3 }}")), task("h", group=each("{{ sequence(0, 10001) }}"))
    )
    work(world)
    tasks = world.core.state.runs[made].by_id
    assert "not a list" in tasks["g"].reason
    assert tasks["h"].state == "FAILED" and "10,0" in tasks["h"].reason


def test_a_group_can_be_cancelled_with_copies_that_have_not_begun(world: World) -> None:
    made = run(world, task("g", group=each([1, 2, 3], concurrency=1)))
    (one,) = world.fetch("x", 1)
    world.core.run_cancel(world.core.state.runs[made], "stop", world.at())
    world.turn()
    world.report("x", one.token, "CANCELLED", code=143)
    assert set(world.states(made).split()) == {
        "g:CANCELLED", "g[0]:CANCELLED", "g[1]:CANCELLED", "g[2]:CANCELLED"
    }  # fmt: skip
    assert state(world, made) == "CANCELLED 130"


# Calls


def load(world: World, *plans: Plan) -> None:
    from cdktr_common.catalogue import facts as f

    for plan in plans:
        world.core.emit(
            f.WorkflowLoaded, "workflow/", world.at(), workflow=plan.workflow, hash="h", plan=plan
        )
    world.turn()


def test_a_called_workflow_gets_params_and_gives_its_output(world: World) -> None:
    inner = Plan(
        workflow="inner",
        tasks=[task("i", argv=["{{ params.n }}"], templates=True)],
        params={"n": Param(type="integer", required=True)},
        output={"double": "{{ params.n * 2 }}"},
    )
    load(world, inner)
    made = run(
        world,
        task("c", call=Call(workflow="inner", params={"n": "{{ 20 + 1 }}"})),
        task("d", "c", argv=["{{ tasks.c.outputs.double }}"], templates=True),
    )
    (spec,) = world.fetch("x", 64)
    assert spec.argv == ["21"]
    child = world.core.state.runs[spec.run]
    assert child.parent == f"{made}/c"
    world.report("x", spec.token)
    (spec,) = world.fetch("x", 64)
    assert spec.argv == ["42"]
    world.report("x", spec.token)
    assert (state(world, made), state(world, child.id)) == ("COMPLETED 0", "COMPLETED 0")


def test_the_last_run_is_none_that_another_has_called(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(world, task("c", call=Call(workflow="inner")))
    assert queries.find_run(world.core.state, "last").id == made
    work(world)


def test_a_called_run_that_fails_is_called_again_and_then_fails_its_task(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(world, task("c", call=Call(workflow="inner"), retry=Retry(limit=1)))
    assert work(world, {"i": 9}) == ["i", "i"]
    assert state(world, made) == "FAILED 9"
    assert "failed" in world.core.state.runs[made].tasks[0].reason


def test_a_detached_call_does_not_wait(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(world, task("c", call=Call(workflow="inner", detached=True)))
    assert state(world, made) == "COMPLETED 0"
    child = world.core.state.runs[made].tasks[0].result
    assert child in world.core.state.runs
    work(world, {"i": 1})
    assert state(world, made) == "COMPLETED 0"


def test_cancelling_a_run_cancels_what_it_called(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(world, task("c", call=Call(workflow="inner")))
    (spec,) = world.fetch("x", 64)
    world.core.run_cancel(world.core.state.runs[made], "", world.at())
    world.turn()
    assert world.beat("x", [spec.token]).cancel == [spec.token]
    world.report("x", spec.token, "CANCELLED", code=143)
    assert (state(world, made), state(world, spec.run)) == ("CANCELLED 130", "CANCELLED 130")


def test_a_workflow_that_calls_itself_is_stopped(world: World) -> None:
    load(world, Plan(workflow="w2", tasks=[task("c", call=Call(workflow="w2"))]))
    made = run(world, task("c", call=Call(workflow="w2")))
    work(world)
    assert state(world, made) == "FAILED 4"
    assert len(world.core.state.runs) == 11
    assert world.core.state.runs[made].tasks[0].reason.endswith("more than 10 deep")


def test_an_unknown_workflow_or_param_fails_the_task(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(
        world, task("c", call=Call(workflow="iner")),
        task("d", call=Call(workflow="inner", params={"x": 1})),
    )  # fmt: skip
    tasks = world.core.state.runs[made].by_id
    assert tasks["c"].reason == "no workflow 'iner'"
    assert "x" in tasks["d"].reason
    assert state(world, made) == "FAILED 4"


# The end of a run


def hooks() -> list[TaskPlan]:
    names = ("on_success", "on_failure", "on_cancel", "finally")
    return [task(name, phase=name) for name in names]


@pytest.mark.parametrize(
    ("codes", "ran", "ends"),
    [
        ({}, ["a", "on_success", "finally"], "COMPLETED 0"),
        ({"a": 3}, ["a", "on_failure", "finally"], "FAILED 3"),
        ({"on_success": 2}, ["a", "on_success", "finally"], "FAILED 2"),
        ({"a": 3, "finally": 5}, ["a", "on_failure", "finally"], "FAILED 3"),
    ],
)
def test_the_tasks_of_its_end_follow_on_how_it_went(
    world: World, codes: dict[str, int], ran: list[str], ends: str
) -> None:
    made = run(world, task("a"), *hooks())
    assert work(world, codes) == ran
    assert state(world, made) == ends


def test_cancelled_its_end_follows_and_is_ended_too_when_somebody_says_now(world: World) -> None:
    made = run(world, task("a"), *hooks())
    (spec,) = world.fetch("x", 64)
    cancel = world.core.run_cancel
    cancel(world.core.state.runs[made], "", world.at())
    world.turn()
    world.report("x", spec.token, "CANCELLED", code=143)
    (hook,) = world.fetch("x", 64)
    assert hook.task == "on_cancel"
    assert world.beat("x", [hook.token]).cancel == []
    cancel(world.core.state.runs[made], "", world.at())
    world.turn()
    assert world.beat("x", [hook.token]).cancel == []
    cancel(world.core.state.runs[made], "", world.at(), now=True)
    world.turn()
    assert world.beat("x", [hook.token]).cancel == [hook.token]
    world.report("x", hook.token, "CANCELLED", code=143)
    assert world.states(made).endswith("on_cancel:CANCELLED finally:CANCELLED")
    assert state(world, made) == "CANCELLED 130"


def test_a_run_whose_end_has_begun_is_not_cancelled_without_now(world: World) -> None:
    made = run(world, task("a"), *hooks())
    cancel = world.core.run_cancel
    (spec,) = world.fetch("x", 64)
    world.report("x", spec.token)
    (hook,) = world.fetch("x", 64)
    cancel(world.core.state.runs[made], "", world.at())
    world.turn()
    assert queries.run_row(world.core.state.runs[made]).settled
    assert world.beat("x", [hook.token]).cancel == []
    cancel(world.core.state.runs[made], "", world.at(), now=True)
    world.turn()
    world.report("x", hook.token, "CANCELLED", code=143)
    assert set(world.states(made).split()) >= {"on_success:CANCELLED", "finally:CANCELLED"}
    assert state(world, made) == "CANCELLED 130"
    assert not queries.run_row(world.core.state.runs[made]).settled


@pytest.mark.parametrize("twice", [False, True])
def test_cancelled_now_nothing_of_its_end_follows(world: World, twice: bool) -> None:
    made = run(world, task("a"), *hooks())
    (spec,) = world.fetch("x", 64)
    for now in [False, True] if twice else [True]:
        world.core.run_cancel(world.core.state.runs[made], "", world.at(), now=now)
        world.turn()
    world.report("x", spec.token, "CANCELLED", code=143)
    assert work(world) == []
    assert set(world.states(made).split()) >= {"on_cancel:CANCELLED", "finally:CANCELLED"}
    assert state(world, made) == "CANCELLED 130"


@pytest.mark.parametrize("now", [False, True])
def test_a_cancel_reaches_the_end_of_a_called_run_only_with_now(world: World, now: bool) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i"), *hooks()]))
    made = run(world, task("c", call=Call(workflow="inner")))
    (spec,) = world.fetch("x", 64)
    world.report("x", spec.token)
    (hook,) = world.fetch("x", 64)
    world.core.run_cancel(world.core.state.runs[made], "", world.at(), now=now)
    world.turn()
    assert world.beat("x", [hook.token]).cancel == ([hook.token] if now else [])


def test_a_deadline_ends_the_run_as_failed(world: World) -> None:
    made = run(world, task("a"), task("b", "a"), *hooks(), deadline_s=60.0)
    (spec,) = world.fetch("x", 64)
    world.pass_time(59)
    assert world.beat("x", [spec.token]).cancel == []
    world.pass_time(1)
    assert world.beat("x", [spec.token]).cancel == [spec.token]
    world.report("x", spec.token, "CANCELLED", code=143)
    assert work(world) == ["on_failure", "finally"]
    assert state(world, made) == "FAILED 124"
    assert "deadline of 60 s" in world.core.state.runs[made].reason


def test_a_deadline_does_not_touch_the_tasks_of_the_end(world: World) -> None:
    made = run(world, task("a"), *hooks(), deadline_s=60.0)
    (spec,) = world.fetch("x", 64)
    world.report("x", spec.token)
    (hook,) = world.fetch("x", 64)
    world.pass_time(61)
    assert world.beat("x", [hook.token]).cancel == []
    world.report("x", hook.token)
    assert work(world) == ["finally"]
    assert state(world, made) == "COMPLETED 0"


def test_the_output_of_a_run_is_evaluated_at_its_end(world: World) -> None:
    output = {"rows": "{{ tasks.a.outputs.rows }}", "text": "got {{ tasks.a.result }}"}
    made = run(world, task("a"), output=output)
    work(world, {"a": {"code": 0, "outputs": {"rows": 3}, "result": "it"}})
    assert world.core.state.runs[made].output == {"rows": 3, "text": "got it"}
    other = run(world, task("a"), output=output)
    work(world)
    assert state(world, other) == "FAILED 4"
    assert "output" in world.core.state.runs[other].reason


# Runs that wait for others


def test_one_more_run_than_there_may_be_waits(world: World) -> None:
    made = [run(world, task("a"), max_active_runs=1) for _ in range(3)]
    (spec,) = world.fetch("x", 64)
    assert spec.run == made[0]
    world.report("x", spec.token)
    assert [spec.run for spec in world.fetch("x", 64)] == [made[1]]
    assert [world.core.state.runs[each].queued for each in made] == [False, False, True]


def test_a_run_too_many_is_skipped_or_ends_the_others(world: World) -> None:
    first = run(world, task("a"), max_active_runs=1, overlap="skip")
    second = run(world, task("a"), max_active_runs=1, overlap="skip")
    assert state(world, second) == "CANCELLED 130"
    assert world.core.state.runs[second].reason == "skipped: 1 of 1 runs of w are in work"
    third = run(world, task("a"), max_active_runs=1, overlap="cancel")
    assert state(world, first) == "CANCELLED 130"
    assert [spec.run for spec in world.fetch("x", 64)] == [third]


def test_a_run_that_another_of_its_workflow_has_called_has_its_place(world: World) -> None:
    own = [
        task("a", call=Call(workflow="r", params={"d": "{{ params.d + 1 }}"}), cond="params.d < 2")
    ]
    load(world, Plan(workflow="r", tasks=own, max_active_runs=1, params={
        "d": Param(type="integer", default=0)
    }))  # fmt: skip
    made = triggers.run_start(world.core, None, p.RunStart(workflow="r"), world.at())
    world.turn()
    assert state(world, made.runs[0].run) == "COMPLETED 0"  # type: ignore[attr-defined]


def test_runs_that_would_wait_for_each_other_do_not(world: World) -> None:
    def half(other: str) -> list[TaskPlan]:
        return [task("s"), task("a", "s", call=Call(workflow=other))]

    one = {"max_active_runs": 1}
    load(
        world, Plan(workflow="x", tasks=half("y"), **one),  # type: ignore[arg-type]
        Plan(workflow="y", tasks=half("x"), **one),  # type: ignore[arg-type]
    )  # fmt: skip
    for name in ("x", "y"):
        triggers.run_start(world.core, None, p.RunStart(workflow=name), world.at())
    work(world)
    runs = world.core.state.runs.values()
    assert all(each.ended_ts is not None for each in runs)
    assert any("would wait for this one" in each.reason for one in runs for each in one.tasks)


def test_a_call_that_somebody_cancels_is_not_tried_again(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i")]))
    made = run(world, task("c", call=Call(workflow="inner"), retry=Retry(limit=3)))
    child = world.core.state.runs[world.core.state.runs[made].tasks[0].calls]
    world.core.run_cancel(child, "no", world.at())
    world.turn()
    assert state(world, made) == "FAILED 130"


def test_what_is_ending_already_is_left_to_its_end(world: World) -> None:
    limited: dict[str, Any] = {"max_active_runs": 1, "overlap": "cancel"}
    first = run(world, task("a"), *hooks(), **limited)
    (spec,) = world.fetch("x", 64)
    run(world, task("a"), *hooks(), **limited)
    world.report("x", spec.token, "CANCELLED", code=143)
    (hook,) = world.fetch("x", 64)
    assert (hook.run, hook.task) == (first, "on_cancel")
    third = run(world, task("a"), *hooks(), **limited)
    assert world.beat("x", [hook.token]).cancel == []
    world.report("x", hook.token)
    (hook,) = world.fetch("x", 64)
    assert (hook.run, hook.task) == (first, "finally")
    world.report("x", hook.token)
    assert [spec.run for spec in world.fetch("x", 64)] == [third]


def test_a_queued_run_can_be_cancelled_and_nothing_of_it_runs(world: World) -> None:
    run(world, task("a"), *hooks(), max_active_runs=1)
    second = run(world, task("a"), *hooks(), max_active_runs=1)
    world.core.run_cancel(world.core.state.runs[second], "", world.at())
    world.turn()
    assert state(world, second) == "CANCELLED 130"
    assert work(world) == ["a", "on_success", "finally"]


# Repeats


def retry(world: World, made: str, **fields: Any) -> str:
    request = p.RunRetry(run=made, **fields)
    reply = triggers.run_retry(world.core, world.core.state.runs[made], request, world.at())
    world.turn()
    return str(reply.runs[0].run)  # type: ignore[attr-defined]


def test_only_what_failed_and_what_follows_is_run_again(world: World) -> None:
    made = run(
        world, task("a"), task("b", "a"), task("c", "b"), task("d"), task("e", "d", *["b"]),
        task("f", "a", argv=["{{ tasks.a.outputs.n }}"], templates=True),
    )  # fmt: skip
    work(world, {"a": {"code": 0, "outputs": {"n": 5}}, "b": 1})
    again = retry(world, made)
    assert work(world) == ["b", "c", "e"]
    assert state(world, again) == "COMPLETED 0"
    assert world.core.state.runs[again].retry_of == made
    assert world.core.state.runs[again].by_id["a"].outputs == {"n": 5}
    third = retry(world, again, tasks=["a"])
    assert work(world, {"a": {"code": 0, "outputs": {"n": 5}}}) == ["a", "b", "f", "c", "e"]
    assert state(world, third) == "COMPLETED 0"


def test_of_a_fan_out_only_the_failed_copies_are_run_again(world: World) -> None:
    after = task("z", "g", argv=["{{ tasks.g.outputs.n }}"], templates=True)
    made = run(world, task("g", group=each([1, 2, 3])), after)
    given = {f"g[{i}]": {"code": 0, "outputs": {"n": i}} for i in range(3)}
    work(world, given | {"g[1]": {"code": 1}})
    again = retry(world, made)
    (spec,) = world.fetch("x", 64)
    assert spec.task == "g[1]"
    world.report("x", spec.token, outputs={"n": 1})
    (spec,) = world.fetch("x", 64)
    assert (spec.task, spec.argv) == ("z", ["[0,1,2]"])
    world.report("x", spec.token)
    assert state(world, again) == "COMPLETED 0"
    third = retry(world, again, tasks=["z"])
    (spec,) = world.fetch("x", 64)
    assert (spec.task, spec.argv, spec.run) == ("z", ["[0,1,2]"], third)
    world.report("x", spec.token)


def test_a_group_behind_what_is_run_again_is_made_anew(world: World) -> None:
    many = each("{{ fromJSON(tasks.list.outputs.xs) }}")
    once = Group(tasks=[task("x")])
    made = run(world, task("list"), task("g", "list", group=many), task("p", "list", group=once))
    given = {"list": {"code": 0, "outputs": {"xs": "[1,2]"}}}
    work(world, given | {"g[1]": 1})
    again = retry(world, made, tasks=["list"])
    assert work(world, {"list": {"code": 0, "outputs": {"xs": "[7]"}}}) == ["list", "g[0]", "p.x"]
    assert state(world, again) == "COMPLETED 0"
    third = retry(world, again, tasks=["g"])
    assert work(world) == ["g[0]"]
    assert state(world, third) == "COMPLETED 0"


def test_a_whole_copy_can_be_named(world: World) -> None:
    made = run(world, task("g", group=each([1, 2], task("p"), task("q", "p"))))
    work(world)
    retry(world, made, tasks=["g[1]"])
    assert work(world) == ["g[1].p", "g[1].q"]


def test_a_call_repeats_what_it_had_called(world: World) -> None:
    load(world, Plan(workflow="inner", tasks=[task("i"), task("j", "i")]))
    made = run(world, task("c", call=Call(workflow="inner")))
    assert work(world, {"j": 1}) == ["i", "j"]
    again = retry(world, made)
    assert work(world) == ["j"]
    assert state(world, again) == "COMPLETED 0"


def test_what_is_taken_over_counts_as_what_it_was(world: World) -> None:
    made = run(
        world, task("deploy"), task("check", "deploy"),
        task("rollback", "deploy", rules={"deploy": "failure"}),
        task("big", "deploy", rules={"deploy": "tasks.deploy.result == 'big'"}),
        task("fine", "deploy", "check", cond="tasks.deploy.code == 0"),
    )  # fmt: skip
    work(world, {"check": 1})
    again = retry(world, made)
    assert work(world) == ["check", "fine"]
    states = "deploy:COMPLETED check:COMPLETED rollback:SKIPPED big:SKIPPED fine:COMPLETED"
    assert world.states(again) == states


def test_copies_of_a_group_that_was_taken_over_can_be_named(world: World) -> None:
    made = run(world, task("g", group=each([1, 2])), task("z", "g"))
    work(world, {"z": 1})
    again = retry(world, made)
    assert work(world) == ["z"]
    assert world.states(again).startswith("g:COMPLETED z:COMPLETED g[0]:COMPLETED")
    retry(world, again, tasks=["g[1]"])
    assert work(world) == ["g[1]", "z"]


def test_what_cannot_be_repeated_says_why(world: World) -> None:
    made = run(world, task("a"))
    with pytest.raises(ProtocolError, match="has not ended"):
        retry(world, made)
    work(world)
    with pytest.raises(ProtocolError, match="has completed"):
        retry(world, made)
    with pytest.raises(ProtocolError, match="no task 'b'"):
        retry(world, made, tasks=["b"])
    again = retry(world, made, all=True)
    assert work(world) == ["a"]
    assert state(world, again) == "COMPLETED 0"


# Variables


def test_outputs_are_variables_of_what_follows_the_nearest_first_and_never_too_many(
    world: World,
) -> None:
    long = "x" * 4000
    chain = [task("t0")] + [task(f"t{i}", f"t{i - 1}") for i in range(1, 20)]
    run(world, *chain)
    given = []
    while specs := world.fetch("x", 64):
        given += specs
        for spec in specs:
            world.report("x", spec.token, outputs={"long": long, "n": 1, "huge": "y" * 5000})
    env = given[-1].env
    assert sum(map(len, env.values())) <= 32 << 10
    assert env["CDKTR_OUT_T18_N"] == "1"
    assert "CDKTR_OUT_T18_LONG" in env and "CDKTR_OUT_T0_LONG" not in env
    assert "CDKTR_OUT_T18_HUGE" not in env


def test_params_and_values_are_variables_unless_they_are_too_long(world: World) -> None:
    params = {
        "day": Param(default="monday"), "list": Param(type="list", default=[1, "a"]),
        "long": Param(default="x" * 100_001),
    }  # fmt: skip
    run(world, task("g", group=each([{"a": 1}])), params=params)
    (spec,) = world.fetch("x", 64)
    assert spec.env == {
        "CDKTR_PARAM_DAY": "monday", "CDKTR_PARAM_LIST": '[1,"a"]',
        "CDKTR_ITEM": '{"a":1}', "CDKTR_ITEM_INDEX": "0",
    }  # fmt: skip
