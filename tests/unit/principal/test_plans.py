"""A plan by wire has to be as good as one from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.values import (
    Call,
    Container,
    Group,
    Listener,
    Param,
    Plan,
    Retry,
    Schedule,
    Step,
    TaskPlan,
)
from cdktr_common.errors import ProtocolError
from cdktr_principal.language.dialects import load_text
from cdktr_principal.requests.plans import check_plan

ROOT = Path(__file__).parents[3]
PAGES = [page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", "\n".join(PAGES), re.M | re.S)
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


def refusal(plan: Plan) -> str:
    with pytest.raises(ProtocolError) as refused:
        check_plan(plan)
    return str(refused.value)


def task(name: str = "a", **fields: Any) -> TaskPlan:
    if not fields.keys() & {"command", "script", "group", "call", "noop", "container"}:
        fields.setdefault("argv", ["true"])
    return TaskPlan(id=name, **fields)


def of(*tasks: TaskPlan, **fields: Any) -> Plan:
    return Plan(workflow="w", tasks=list(tasks), **fields)


def each(*tasks: TaskPlan, **fields: Any) -> Group:
    return Group(tasks=list(tasks), **fields)


GOOD: list[Plan] = [
    of(task(argv=["true"], script="print(1)")),
    of(task(noop=True)),
    of(task(container=Container(image="debian"))),
    of(task(group=each(task("", argv=["true"]), each=[1, 2]))),
    of(task(group=each(task("b"), task("c", depends=["b"])))),
    of(task(call=Call(plan=of(task()))), task("b", call=Call(workflow="other", params={"x": 1}))),
    of(task(), task("b", depends=["a"], rules={"a": "tasks.a.code == 3"}, cond="params.x != ''"),
       params={"x": Param()}),
    of(task(env={"A": "{{ secrets.s }}"}, templates=True), secrets={"s": "env:S"}),
    of(task(env={"A": "{{ nonsense"})),  # no templates: it means itself
    of(task(), task("finally", phase="finally")),
    of(task(group=each(task("b", argv=["echo", "{{ n.value }}"], templates=True), each="{{ [1] }}",
       var="n"))),
    of(task(), output={"rows": ["{{ tasks.a.outputs.rows }}"]}),
    of(TaskPlan(id="a", noop=True, name="a\u00a0b", tags=["\u00a0c"]), name="ö\u00a0\u3000",
       events=["e\u00a0"]),
    of(task(), schedules=[Schedule(cron="0 3 * * *"), Schedule(every_s=5.0, params={"n": 3})],
       params={"n": Param(type="integer"), "must": Param(required=True)}),
    of(task(), cron="0 3 * * *", start_time="22:30", timezone="Europe/Berlin"),  # of before 0.3
    of(task(), listeners=[
        Listener(event="run.*", cond="event.payload.state == 'FAILED'"),
        Listener(event="a", batch_s=5.0, batch_size=10), Listener(event="a", throttle_s=5.0)]),
]  # fmt: skip


@pytest.mark.parametrize("plan", GOOD, ids=range(len(GOOD)))
def test_what_a_plan_may_say(plan: Plan) -> None:
    check_plan(plan)


BAD: list[tuple[Plan, str]] = [
    (of(), "the plan has no tasks"),
    (of(task(argv=["true"], command="true")),
     "task a: give one of argv, command, script, group, call, noop"),
    (of(TaskPlan(id="a")), "task a: give one of argv, command, script, group, call, noop"),
    (of(task(), schedules=[Schedule()]), "schedule 1: a schedule has exactly one of cron, every"),
    (of(task(), schedules=[Schedule(every_s=5.0), Schedule(cron="0 3 * *")]),
     "schedule 2: a cron line has 5 fields"),
    (of(task(), schedules=[Schedule(cron="0 3 * * *"), Schedule(cron="0 0 3 * * *", jitter_s=5)]),
     "schedule 2: the same times as schedule 1"),
    (of(task(), schedules=[Schedule(every_s=n + 1.0) for n in range(101)]),
     "more than 100 schedules"),
    (of(task(), schedules=[Schedule(every_s=5.0, params={"n": 3})]),
     "schedule 1: the plan has no param 'n'"),
    (of(task(), schedules=[Schedule(every_s=5.0, params={"n": "x"})],
        params={"n": Param(type="integer")}), "schedule 1: param n must be a whole number"),
    (of(task(), cron="0 3 * *"), "schedule 1: a cron line has 5 fields"),
    (of(task(), timezone="Mars"), "'Mars' is not a time zone"),
    (of(task(), start_time="x" * 201), "start_time is too long"),
    (of(task(), events=["a\nb"]), "an event name is 1 to 200 characters of one line"),
    (of(task(), listeners=[Listener(event="")]), "listener 1: an event name is 1 to 200 "),
    (of(task(), listeners=[Listener(event="run.over")]), "listener 1: 'run.over' never comes"),
    (of(task(), listeners=[Listener(event="a"), Listener(event="a", cond="params.x")]),
     "listener 2: cond: there is no 'params' here"),
    (of(task(), listeners=[Listener(event="a", debounce_s=1.0, throttle_s=1.0)]),
     "listener 1: a listener has at most one of debounce_s"),
    (of(task(), listeners=[Listener(event="a", debounce_s=1e9)]),
     "listener 1: debounce_s, throttle_s and batch_s are at most 7d"),
    (of(task(), listeners=[Listener(event="a", batch_size=5)]),
     "listener 1: batch_s and batch_size go together"),
    (of(task(), listeners=[Listener(event="a", batch_size=1, batch_s=1.0)]),
     "listener 1: batch_size is 2 to 1000"),
    (of(task(), listeners=[Listener(event="a")] * 101), "more than 100 listeners"),
    (of(task(noop=True, script="x")),
     "task a: give one of argv, command, script, group, call, noop"),
    (of(task("a/b")), "'a/b' is no task id"),
    (of(task(noop=True, pools={"db": 1})), "task a: slots, exclusive and pools mean nothing where"),
    (of(task(), task()), "two tasks would be called 'a'"),
    (of(task(group=each(task("b"))), task("a.b")), "task a: two tasks would be called 'a.b'"),
    (of(task(depends=["z"])), "unknown dependency 'z'"),
    (of(task(rules={"z": "failure"})), "task a: a rule for 'z', which is not in depends"),
    (of(task(), task("b", depends=["a"], rules={"a": "tasks.x.code"})),
     "task b: rule for a: there is no task 'x'"),
    (of(task(cond="1 +")), "task a: cond: "),
    (of(task(priority=10)), "task a: priority is 0 to 9, not 10"),
    (of(task(slots=0)), "task a: slots is 1 to 1000, not 0"),
    (of(task(pools={"a b": 1})), "task a: the name of a pool is 1 to 100 letters"),
    (of(task(pools={"db": 0})), "task a: how much of pool db is 1 to 1000, not 0"),
    (of(task(retry=Retry(limit=-1))), "task a: limit of retry is 0 to 1000, not -1"),
    (of(task(retry=Retry(backoff=0.5))), "task a: backoff of retry is 1 to 100, not 0.5"),
    (of(task(retry=Retry(delay_s=float("nan")))), "task a: delay_s of retry is 0 s up to 366 days"),
    (of(task(retry=Retry(delay_s=5, max_delay_s=1))),
     "task a: max_delay_s of retry is less than delay_s"),
    (of(task(tolerated=[0])), "task a: tolerated: exit codes are 1 to 255"),
    (of(task(files={"../a": ""})), "task a: the name of file '../a' must not have empty parts"),
    (of(task(files={".cdktr-output": ""})),
     "task a: the name of file '.cdktr-output' belongs to CDKTR in a task's directory"),
    (of(task(files={"a/b/c": "", "a/b": ""})), "task a: file 'a/b' is the directory of a/b/c"),
    (of(task(artifacts=["/etc/*"])), "task a: artifact '/etc/*' must be relative"),
    (of(task(outputs=["a-b"])), "task a: 'a-b' is not the name of an output"),
    (of(task(stop_signal="STOP")), "task a: stop_signal is one of TERM"),
    (of(task(pre=[Step()])), "task a: a step of pre: give one of argv, command, script"),
    (of(task(post=[Step(command="x", env={"1": "a"})])),
     "task a: a step of post: '1' is no name for env"),
    (of(task(container=Container(image=""))), "task a: a container needs an image"),
    (of(task(group=each())), "task a: has no tasks"),
    (of(task(group=each(task("b", priority=-1)))), "task a.b: priority is 0 to 9, not -1"),
    (of(task(group=each(task(), each=[1], matrix={"x": [1]}))),
     "task a: a group has each or matrix, not both"),
    (of(task(group=each(task(), each=3))), "task a: each: neither a list nor a template of one"),
    (of(task(group=each(task(), each=[1], var="tasks"))),
     "task a: 'tasks' is no name of a variable"),
    (of(task(call=Call())), "task a: call: give either workflow or plan"),
    (of(task(call=Call(plan=of(task(slots=-3))))), "task a: slots is 1 to 1000, not -3"),
    (of(task(), task("last", phase="finally", depends=["a"])),
     "task last: a task of the end of the run has no depends"),
    (of(task("finally", phase="finally"), task(depends=["finally"])),
     "task a: depends on a task of the end of the run"),
    (of(task(env={"A": "{{ tasks.b.result }}"}, templates=True)),
     "task a: env: there is no task 'b'"),
    (of(task(argv=["{{ secrets.s }}"], templates=True), secrets={"s": "env:S"}),
     "task a: argv: a secret may stand only in values of env and in files"),
    (of(task(), output="{{ params.x }}"), "output: there is no param 'x'"),
    (of(task(), params={"x": Param(pattern="[")}), "pattern of param x: "),
    (of(task(), params={"x": Param(type="integer", default="1")}),
     "default or enum of param x: is text, not of type integer"),
    (of(task(), params={"x y": Param()}), "'x y' is not the name of a param"),
    (of(task(), secrets={"s": "hunter2"}),
     "secret s must be a reference, env:NAME or file:PATH"),
    (of(task(), deadline_s=0.0), "deadline_s is over 0 s, up to 366 days"),
    (of(task(), max_active_runs=-1), "max_active_runs is 0 to 1000, not -1"),
    (of(task(), cron="every day"), ""),
    (of(task(), env={"A B": ""}), "'A B' is no name for env"),
    (of(task(dotenv=[""])), "task a: dotenv: words of one line"),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "words"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_told(plan: Plan, words: str) -> None:
    assert refusal(plan).startswith(words)


def test_nothing_is_nested_without_end() -> None:
    group, call = of(task()), of(task())
    for _ in range(12):
        group = of(task(group=each(*group.tasks)))
        call = of(task(call=Call(plan=call)))
    assert "nested more than 10 deep" in refusal(group)
    assert "nested more than 10 deep" in refusal(call)
    many = [task("b", group=each(*(task(f"t{n}") for n in range(300)))) for _ in range(1)]
    wide = of(*(task(f"g{n}", group=each(*many)) for n in range(100)))
    assert "at most 20,000" in refusal(wide)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_a_loader_accepts_is_accepted_by_wire(file: Path) -> None:
    plan, faults = load_text(file.read_bytes(), "w", file.name)
    assert plan is not None or faults
    if plan is not None:
        check_plan(plan)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_so_is_every_example_of_the_documentation(block: str) -> None:
    plan, faults = load_text(block.encode(), "w", "page")  # it may be a settings file
    assert plan is not None or faults
    if plan is not None:
        check_plan(plan)
