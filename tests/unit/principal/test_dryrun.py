"""What a run would do, told before it is run: known values are written in, the rest is left."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from cdktr_principal.check.dryrun import dry_run
from cdktr_principal.language.dialects import load_text
from cdktr_principal.requests.params import check_params


def shown(text: str, event: dict[str, Any] | None = None, **params: Any) -> list[str]:
    plan, faults = load_text(dedent(text).encode(), "w", "w.yaml")
    assert faults == []
    assert plan is not None
    return list(dry_run(plan, check_params(plan, params), event))


def test_a_whole_plan() -> None:
    lines = shown(
        """
        name: Demo
        params: {day: monday, n: 3, full: false}
        env: {STAGE: "{{ params.day }}"}
        tasks:
          extract:
            command: |
              set -e
              echo $DAY
            env:
              DAY: "{{ params.day }}"
              P: "{{ event.payload.x }}"
              ID: "{{ run.id }}-{{ params.n + 1 }}"
            timeout: 90s
            retry: 2
          load:
            depends: extract
            config: !Subprocess {cmd: echo, args: ["{{ tasks.extract.outputs.rows }}", a b]}
          full: {if: params.full, command: x}
          after-full: {depends: full, command: x}
          tidy: {depends: {after-full: always, load: failure}, noop: true}
        finally: {command: echo end}
        output: "{{ tasks.load.result }} {{ params.day }}"
        """,
        {"name": "new", "payload": {"x": [1]}},
        n="5",
    )
    assert lines == [
        "w (Demo): 6 tasks",
        "params day=monday, n=5, full=false",
        'event new: {"x":[1]}',
        "  STAGE=monday",
        "wave 1",
        "  extract",
        "    $ set -e",
        "    > echo $DAY",
        "    DAY=monday",
        "    P=[1]",
        "    ID={{ run.id }}-6",
        "    timeout 1m30s; retry 2",
        "wave 2",
        "  load after extract",
        "    echo '{{ tasks.extract.outputs.rows }}' 'a b'",
        "wave 3",
        "  tidy after after-full, load",
        "    only if load has failed",
        "    nothing is run",
        "skipped",
        "  full: if is false: params.full",
        "  after-full: full is skipped",
        "at the end",
        "  finally",
        "    $ echo end",
        "output {{ tasks.load.result }} monday",
    ]


def test_groups_whose_values_are_known() -> None:
    lines = shown(
        """
        params: {n: 7}
        tasks:
          a:
            each:
              list: "{{ sequence(0, params.n) }}"
              concurrency: 2
              task: {if: "item.index != 1", command: go, env: {I: "{{ item.value }}"}}
          b: {matrix: {x: [1], y: [p, q]}, command: go, env: {I: "{{ item.value.y }}"}}
          c: {parallel: {one: {command: x}, two: {command: y, depends: one}}}
        """
    )
    assert lines[3:12] == [
        "  a",
        "    7 copies: [0,1,2,3,4,5,6], at most 2 at a time",
        "      a[0]",
        "        $ go",
        "        I=0",
        "      a[1] is skipped: if is false: item.index != 1",
        "      a[2]",
        "        $ go",
        "        I=2",
    ]
    assert "      ... 2 more like these" in lines
    assert lines[-16:] == [
        "  b",
        '    2 copies: [{"x":1,"y":"p"},{"x":1,"y":"q"}]',
        "      b[0]",
        "        $ go",
        "        I=p",
        "      b[1]",
        "        $ go",
        "        I=q",
        "  c",
        "    2 tasks at once",
        "      wave 1",
        "        one",
        "          $ x",
        "      wave 2",
        "        two after one",
        "          $ y",
    ]


def test_groups_whose_values_are_not() -> None:
    lines = shown("""
        tasks:
          a: {command: x}
          b:
            depends: a
            each: "{{ fromJSON(tasks.a.result) }}"
            command: y
            env: {I: "{{ item.value }}"}
    """)
    assert lines[-5:] == [
        "  b after a",
        "    for each of {{ fromJSON(tasks.a.result) }}",
        "      b[...]",
        "        $ y",
        "        I={{ item.value }}",
    ]


def test_a_called_workflow_knows_what_it_is_given() -> None:
    lines = shown("""
        params: {day: monday}
        tasks:
          a:
            params: {x: "{{ params.day }}!", y: "{{ run.id }}"}
            workflow:
              params: {x: , y: , z: 1}
              tasks:
                in: {command: x, env: {A: "{{ params.x }}{{ params.z }}", B: "{{ params.y }}"}}
          b: {workflow: other, timeout: 90s, retry: 3}
          c: {workflow: other, detached: true}
          e: {each: [1], workflow: other, timeout: 1m}
    """)
    assert lines[3:12] == [
        "  a",
        "    workflow of its own",
        "      x=monday!",
        "      y={{ run.id }}",
        "      wave 1",
        "        in",
        "          $ x",
        "          A=monday!1",
        "          B={{ params.y }}",
    ]
    assert lines[12:] == [
        "  b",
        "    workflow other",
        "    timeout 1m30s; retry 3",
        "  c",
        "    workflow other, without waiting for it",
        "  e",
        "    1 copy: [1]",
        "      e[0]",
        "        workflow other",
        "        timeout 1m",
    ]


def test_what_would_fail_is_told() -> None:
    lines = shown(
        """
        params: {text: abc}
        tasks:
          a: {command: x, env: {A: "{{ fromJSON(params.text).b }}"}}
          b: {command: x, if: params.text}
        """
    )
    assert lines[5].startswith("    A={{ fromJSON")
    assert lines[6].startswith("    would fail: env A: ")
    assert lines[8].startswith("    only if params.text (would fail: ")


def test_what_is_no_list_would_fail() -> None:
    lines = shown(
        """
        events: [new, old]
        tasks:
          a: {each: "{{ event.payload.l }}", command: x, timeout: 0.3}
          m: {matrix: {x: [1], y: "{{ event.payload.l }}"}, command: x}
        """,
        {"name": "nope", "payload": {"l": 5}},
    )
    assert lines[2] == "it starts no run of this workflow, which listens to new, old"

    assert "    would fail: each is not a list: 5" in lines
    assert "    would fail: matrix.y is not a list: 5" in lines
    assert "        timeout 0.3s" in lines


def test_now_and_chance_are_not_known_before() -> None:
    lines = shown(
        'tasks: {a: {command: x, env: {A: "{{ now() }} {{ randomInt(5) }} {{ 1 + 1 }}"}}}'
    )
    assert lines[-1] == "    A={{ now() }} {{ randomInt(5) }} 2"


def test_a_job_of_torks_goes_on_behind_a_task_that_is_skipped() -> None:
    lines = shown("""
        tasks:
          - {name: a, if: "{{ inputs.go == 'yes' }}", run: x}
          - {name: b, run: "echo {{.Names}}", env: {S: "{{ inputs.go }}"}}
        inputs: {go: "no"}
    """)
    assert lines[2:] == [
        "wave 1",
        "  b after a",
        "    /bin/sh SCRIPT",
        "    | echo {{.Names}}",
        "    S=no",
        "skipped",
        "  a: if is false: inputs.go == 'yes'",
    ]


@pytest.mark.parametrize("event", [None, {"name": "e", "payload": None}])
def test_an_event_that_is_not_given_is_left_open(event: dict[str, Any] | None) -> None:
    lines = shown('tasks: {a: {command: x, env: {A: "{{ event.name }}"}}}', event)
    assert lines[-1] == ("    A=e" if event else "    A={{ event.name }}")


LISTENS = """
schedule: [0 3 * * *, {every: 5m, paused: true}]
events: [new, {event: "f*", if: event.payload.n > 1}, {event: "f*", if: event.payload.m == 1}]
tasks: {a: {command: x}}
"""


@pytest.mark.parametrize(
    ("name", "payload", "told"),
    [
        ("new", None, ""),
        ("f", {"n": 2}, ""),
        ("f", {"n": 1, "m": 1}, ""),
        ("f", {"n": 1, "m": 2},
         "it starts no run of this workflow: event.payload.n > 1 is false; event.payload.m == 1 is "
         "false"),
        ("f", {"n": 1},
         "it starts no run of this workflow: event.payload.n > 1 is false; event.payload.m == 1 "
         "fails: event.payload has no 'm'"),
        ("run.failed", None, "it starts no run of this workflow, which listens to new, f*"),
        ("other", None, "it starts no run of this workflow, which listens to new, f*"),
    ],
)  # fmt: skip
def test_an_event_and_the_listeners(name: str, payload: Any, told: str) -> None:
    lines = shown(LISTENS, {"name": name, "payload": payload})
    assert lines[1:3] == ["starts by 0 3 * * *", "starts by every 5m (paused)"]
    assert lines[4:5] == ([told] if told else ["wave 1"])
