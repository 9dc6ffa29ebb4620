"""A plan written as a file of CDKTR's and loaded again is the same plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

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
from cdktr_common.durations import exact
from cdktr_principal.check.dryrun import dry_run
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.writer import write
from tests.unit.language.test_workflow_docs import BLOCKS

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "examples").rglob("*.yaml"))


def same(plan: Plan) -> str:
    text = write(plan)
    again, faults = load_text(text.encode(), plan.workflow, "w.yaml")
    assert faults == [], text
    assert again == plan, text
    return text


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "examples")))
@pytest.mark.parametrize("strip", [False, True])
def test_examples(file: Path, strip: bool) -> None:
    plan, _ = load_text(file.read_bytes(), "w", file.name, None, strip)
    if plan is not None:
        same(plan)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_reference_page(number: int) -> None:
    plan, _ = load_text(BLOCKS[number].encode(), "page", "docs/workflow.md")
    if plan is not None:
        same(plan)


NAME = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
LINE = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20
).filter(lambda text: bool(text.strip()) and "{{" not in text)
TEXT = st.text(st.sampled_from("ab \n\t:#-'\"|>%@&*!$\\{}é"), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip()) and "{{" not in text
)
ENV = st.dictionaries(
    st.from_regex(r"[A-Z]{1,5}_X", fullmatch=True), TEXT | st.just(""), max_size=3
)
SECONDS = st.integers(1, 10**6).map(float) | st.integers(1, 10**6).map(lambda n: n / 1000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT
    | st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: x + 0.0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
SHELL = st.sampled_from([[], ["/bin/bash", "-c"], ["perl", "-e"], ["my-shell", "--run"]])


@st.composite
def program(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["command", "argv", "script", "python", "uv"]))
    if kind == "command":
        return {"command": draw(TEXT), "shell": draw(SHELL)}
    if kind == "argv":
        return {"argv": [draw(LINE), *draw(st.lists(TEXT, max_size=3))]}
    if kind == "script":
        shell = draw(st.sampled_from([[], ["bash"], ["awk", "-f"]]))
        return {"script": "echo\n" + draw(TEXT), "shell": shell}
    if kind == "python":
        return {"script": "print(1)\n" + draw(TEXT), "argv": ["python3"]}
    packages = draw(st.lists(NAME, min_size=1, max_size=2))
    words = [word for package in packages for word in ("--with", package)]
    return {
        "script": "import x\n", "argv": ["uv", "run", "--no-project", *words, "--script"],
        "env": {"UV_PYTHON_DOWNLOADS": "never"},
    }  # fmt: skip


STEP = program().flatmap(
    lambda what: st.builds(
        lambda name, image, env, timeout: Step(
            **{**what, "env": {**env, **what.get("env", {})}}, name=name, image=image,
            timeout_s=timeout,
        ),
        st.just("") | LINE, st.just("") | NAME, ENV, st.none() | SECONDS,
    )
)  # fmt: skip
CONTAINER = st.builds(
    Container,
    image=NAME,
    entrypoint=st.lists(NAME, max_size=2),
    mounts=st.lists(st.fixed_dictionaries({"type": st.just("volume"), "target": NAME}), max_size=2),
    networks=st.lists(NAME, max_size=2),
    cpus=st.sampled_from(["", "0.5", "2"]),
    memory=st.sampled_from(["", "10m"]),
)
RETRY = st.builds(
    Retry,
    limit=st.integers(1, 9),
    delay_s=st.just(0.0) | SECONDS,
    backoff=st.sampled_from([1.0, 2.0, 1.5]),
    jitter=st.sampled_from([0.0, 0.25]),
    on_exit_codes=st.lists(st.integers(1, 255), unique=True, max_size=2),
)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "env": ENV,
    "dotenv": st.lists(NAME, max_size=2),
    "workdir": NAME,
    "files": st.dictionaries(NAME, TEXT | st.just(""), max_size=2),
    "pre": st.lists(STEP, max_size=2),
    "post": st.lists(STEP, max_size=2),
    "timeout_s": SECONDS,
    "stop_signal": st.sampled_from(["TERM", "INT"]),
    "stop_grace_s": SECONDS,
    "retry": RETRY,
    "outputs": st.lists(NAME, unique=True, max_size=3),
    "capture": st.booleans(),
    "artifacts": st.lists(NAME, max_size=2),
    "labels": st.lists(NAME, unique=True, max_size=2),
    "priority": st.integers(0, 9),
    "slots": st.integers(1, 5),
    "exclusive": st.booleans(),
    "pools": st.dictionaries(NAME, st.integers(1, 3), max_size=2),
    "max_losses": st.integers(1, 5),
    "lost_after_s": st.integers(1, 100).map(float),
    "on_agent_lost": st.sampled_from(["rerun", "fail", "hold"]),
    "on_principal_lost": st.sampled_from(["stop", "finish"]),
}


def common(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["description"] = draw(LINE).strip()
        found["tags"] = draw(st.lists(NAME, unique=True, max_size=2))
        found["tolerated"] = draw(st.just(False) | st.just(True) | st.just([3, 4]))
        found["cond"] = draw(st.sampled_from(["", "run.id == 'a'", "true"]))
    return found


@st.composite
def task(draw: st.DrawFn, name: str, workflow: str, depth: int) -> TaskPlan:
    found = common(draw)
    kind = draw(st.sampled_from(["program"] * 4 + ["noop", "call", "group"] * (depth > 0)))
    if kind == "noop":
        return TaskPlan(id=name, noop=True, **found)
    if kind == "call":
        found["timeout_s"] = draw(st.none() | SECONDS)
        found["retry"] = draw(st.none() | RETRY)
        detached = draw(st.booleans())
        if draw(st.booleans()):
            params = draw(st.dictionaries(NAME, JSON, max_size=2))
            call = Call(workflow=draw(NAME), detached=detached, params=params)
            return TaskPlan(id=name, call=call, **found)
        inner = draw(plans(f"{workflow}.{name}", depth - 1))
        params = {key: "1" for key, param in inner.params.items() if param.required}
        return TaskPlan(id=name, call=Call(plan=inner, detached=detached, params=params), **found)
    if kind == "group":
        return TaskPlan(id=name, group=draw(group(name, workflow, depth - 1)), **found)
    what = draw(program())
    for key in draw(st.lists(st.sampled_from(sorted(OPTIONS)), unique=True, max_size=5)):
        value = draw(OPTIONS[key])
        what[key] = {**value, **what.get("env", {})} if key == "env" else value
    if draw(st.integers(0, 9)):
        for key in ("pre", "post"):
            what[key] = [replace(step, image="") for step in what.get(key, [])]
    else:
        what["container"] = draw(CONTAINER)
        what["labels"] = [*what.get("labels", []), "container"]
    return TaskPlan(id=name, **found, **what)


@st.composite
def group(draw: st.DrawFn, name: str, workflow: str, depth: int) -> Group:
    more: dict[str, Any] = {
        "concurrency": draw(st.integers(0, 3)),
        "fail_fast": draw(st.booleans()),
    }
    kind = draw(st.sampled_from(["parallel", "each", "matrix"]))
    if kind == "each":
        more["each"] = draw(st.lists(JSON, max_size=3) | st.just("{{ sequence(0, 3) }}"))
    elif kind == "matrix":
        more["matrix"] = draw(
            st.dictionaries(NAME, st.lists(JSON, max_size=3), min_size=1, max_size=2)
        )
    if kind != "parallel":
        more["var"] = draw(st.sampled_from(["item", "other"]))
        if draw(st.booleans()):
            body = draw(task(name, workflow, depth))
            if body.group is None and body.call is None:
                return Group(tasks=[replace(body, id="")], **more)
    return Group(tasks=draw(tasks("g", workflow, depth)), **more)


@st.composite
def tasks(draw: st.DrawFn, prefix: str, workflow: str, depth: int) -> list[TaskPlan]:
    found: list[TaskPlan] = []
    for number in range(draw(st.integers(1, 3))):
        made = draw(task(f"{prefix}{number}", workflow, depth))
        depends = [other.id for other in found if draw(st.booleans())]
        rule = st.sampled_from(["", "failure", "always", "tasks.{}.code == 3"])
        rules = {other: draw(rule).format(other) for other in depends}
        rules = {other: said for other, said in rules.items() if said}
        found.append(replace(made, depends=depends, rules=rules))
    return found


PARAM = st.one_of(
    st.just(Param(required=True)),
    st.just(Param()),
    st.builds(Param, default=TEXT, description=st.just("") | LINE.map(str.strip)),
    st.builds(Param, type=st.just("integer"), default=st.integers(-5, 5)),
    st.builds(Param, type=st.just("number"), default=st.integers(-5, 5) | st.just(1.5)),
    st.builds(Param, type=st.just("boolean"), default=st.booleans()),
    st.builds(Param, type=st.just("list"), default=st.lists(JSON, max_size=2)),
    st.builds(Param, type=st.just("object"), default=st.dictionaries(NAME, JSON, max_size=2)),
    st.just(Param(type="string", enum=["1", "b"], default="b")),
    st.just(Param(type="integer", enum=[1, 2], required=True)),
    st.just(Param(pattern="[a-z]+", default="abc", description="x")),
)


MOMENT = st.sampled_from(["2026-01-31T22:30:00", "2026-02-01T00:00:00Z"])
AMOUNT = st.sampled_from([0.5, 90.0, 3600.0])


@st.composite
def schedules(draw: st.DrawFn, params: dict[str, Param]) -> list[Schedule]:
    found = []
    required = [name for name, param in params.items() if param.required]
    for number in range(draw(st.integers(0, 3))):
        when: dict[str, Any] = draw(st.sampled_from([
            {"cron": f"{number} 3 * * mon-fri"}, {"cron": f"*/5 {number} 3 L * *"},
            {"every_s": 90.0 + number}, {"at": f"2026-01-31T22:30:0{number}"},
        ]))  # fmt: skip
        if "at" not in when and draw(st.booleans()):
            when["start"] = draw(MOMENT)
        catchup: Any = draw(st.sampled_from(["none", "last", "all"]))
        found.append(Schedule(
            **when,
            timezone=draw(st.sampled_from(["", "Europe/Berlin", "Asia/Tokyo"])),
            jitter_s=draw(st.just(0.0) | AMOUNT),
            catchup=catchup,
            catchup_limit=draw(st.integers(1, 9)) if catchup == "all" else 100,
            overlap=draw(st.sampled_from(["", "allow", "skip"])),
            params={name: 1 if params[name].type == "integer" else "1" for name in required},
            paused=draw(st.booleans()),
        ))  # fmt: skip
    return found


@st.composite
def listeners(draw: st.DrawFn) -> list[Listener]:
    def one(name: str) -> Listener:
        size = draw(st.integers(2, 1000))
        window: dict[str, Any] = draw(st.sampled_from([
            {}, {"debounce_s": 90.0}, {"throttle_s": 0.5},
            {"batch_s": 60.0, "batch_size": size}, {"batch_s": 60.0, "batch_size": 1000},
        ]))  # fmt: skip
        cond = draw(st.sampled_from(["", "event.payload.size > 10"]))
        return Listener(event=name, cond=cond, **window)

    names = draw(st.lists(st.sampled_from(["a.*", "?", "[ab]c*", "run.*"]), unique=True))
    return [one(name) for name in names]


@st.composite
def plans(draw: st.DrawFn, workflow: str = "w", depth: int = 2) -> Plan:
    listed = draw(tasks("t", workflow, depth))
    for hook in draw(st.lists(st.sampled_from(["on_failure", "finally"]), unique=True, max_size=2)):
        listed.append(TaskPlan(id=hook, command="echo", phase=hook))  # type: ignore[arg-type]
    listed.sort(key=lambda of: ["", "on_failure", "finally"].index(of.phase))
    params = draw(st.dictionaries(NAME, PARAM, max_size=3))
    starts: dict[str, Any] = {}
    if "." not in workflow and draw(st.booleans()):
        starts["schedules"] = draw(schedules(params))
    if "." not in workflow and not any(param.required for param in params.values()):
        starts["events"] = draw(st.lists(LINE.filter(str.isalnum), unique=True, max_size=2))
        starts["listeners"] = draw(listeners())
    return Plan(
        workflow=workflow,
        **starts,
        name=draw(st.just("") | LINE),
        description=draw(st.just("") | TEXT).strip(),
        tasks=listed,
        env=draw(ENV),
        params=params,
        secrets=draw(st.dictionaries(NAME, st.sampled_from(["env:A", "file:/a b"]), max_size=2)),
        output=draw(JSON),
        deadline_s=draw(st.none() | SECONDS),
        max_active_runs=draw(st.integers(0, 3)),
        placement=draw(st.sampled_from(["spread", "together"])),
        tags=draw(st.lists(NAME, unique=True, max_size=2)),
        dotenv=draw(st.lists(NAME, max_size=2)),
        workdir=draw(st.none() | NAME),
    )


@settings(max_examples=60, deadline=None)
@given(plans())
def test_any_plan(plan: Plan) -> None:
    # `templates` follows from the texts.
    again = with_templates(plan)
    same(again)
    assert list(dry_run(again, {key: param.default for key, param in again.params.items()}, None))


def with_templates(plan: Plan) -> Plan:
    """The only templates in these plans are lists of groups, and those make none of their tasks."""
    text = write(plan)
    again, faults = load_text(text.encode(), plan.workflow, "w.yaml")
    assert faults == [], text
    assert again is not None
    assert without(again) == without(plan), text
    return again


def without(value: Any) -> Any:
    """All of it but `templates`."""
    if isinstance(value, list):
        return [without(item) for item in value]
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items()}
    if hasattr(value, "__struct_fields__"):
        return {
            key: without(getattr(value, key))
            for key in value.__struct_fields__
            if key != "templates"
        }
    return value


def test_braces_that_mean_nothing_elsewhere_are_written_as_braces() -> None:
    plan, _ = load_text(
        b"tasks: [{name: 'a {{x}}', command: 'echo {{x}}'}]", "w", "w", "conducktor"
    )
    assert plan is not None
    text = write(plan)
    assert "name: a {{ '{{' }}x}}\n" in text
    assert "command: echo {{x}}\n" in text
    assert load_text(text.encode(), "w", "w").faults == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90.0, "1m30s"),
        (3600.0, "1h"),
        (0.5, 0.5),
        (86400.0, "24h"),
        (1.0, "1s"),
        (0.0, 0),
        (1.25, 1.25),
    ],
)
def test_durations(seconds: float, text: Any) -> None:
    assert exact(seconds) == text


def test_it_reads_well() -> None:
    plan, _ = load_text(
        b"""
tasks:
  - name: First
    run: "set -e\\necho hi\\n"
    retry: {limit: 2}
    timeout: 90s
    env: {A: "{{ inputs.x }}"}
  - {name: Second, cmd: [echo, "two words"], if: "{{ inputs.x == 'a' }}"}
inputs: {x: a}
""",
        "w",
        "w.yaml",
        "tork",
    )
    assert plan is not None
    assert same(plan) == (
        "params:\n"
        "  x: a\n"
        "tasks:\n"
        "  first:\n"
        "    name: First\n"
        "    script: |\n"
        "      set -e\n"
        "      echo hi\n"
        "    env:\n"
        '      A: "{{ inputs.x }}"\n'
        "    timeout: 1m30s\n"
        "    retry: 2\n"
        "    capture: true\n"
        "  second:\n"
        "    name: Second\n"
        "    depends: [first]\n"
        "    if: inputs.x == 'a'\n"
        "    config: !Subprocess\n"
        "      cmd: echo\n"
        "      args:\n"
        "        - two words\n"
        "    capture: true\n"
    )
