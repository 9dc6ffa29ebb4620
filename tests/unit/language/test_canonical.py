"""Each key of a CDKTR file, as it comes out in the plan."""

from __future__ import annotations

from typing import Any

import pytest

from cdktr_common.catalogue.values import (
    Call,
    Container,
    Group,
    Param,
    Plan,
    Retry,
    Step,
    TaskPlan,
)
from tests.unit.language.reading import good, task

UV = {"UV_PYTHON_DOWNLOADS": "never"}


def plain(**fields: Any) -> TaskPlan:
    return TaskPlan(id="t", **{"command": "x", **fields})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("command: x, shell: bash", {"shell": ["bash", "-c"]}),
        ("command: x, shell: /bin/bash -euo pipefail",
         {"shell": ["/bin/bash", "-euo", "pipefail", "-c"]}),
        ("command: x, shell: [bash, -ec]", {"shell": ["bash", "-ec"]}),
        ("command: x, shell: perl", {"shell": ["perl", "-e"]}),
        ("command: x, shell: python3.12", {"shell": ["python3.12", "-c"]}),
        ("command: x, shell: [ssh, host]", {"shell": ["ssh", "host"]}),
        ("command: x, timeout: 90s, retry: 3", {"timeout_s": 90.0, "retry": Retry(limit=3)}),
        ("command: x, retry: 0", {}),
        ("command: x, retry: {limit: 2, delay: 1m, backoff: 1.5, max_delay: 5m, jitter: 1, "
         "on_exit_codes: [75, 75, 3]}",
         {"retry": Retry(limit=2, delay_s=60.0, backoff=1.5, max_delay_s=300.0, jitter=1.0,
                         on_exit_codes=[75, 3])}),
        ("command: x, retry: {limit: 1, delay: 0, on_exit_codes: 3}",
         {"retry": Retry(limit=1, on_exit_codes=[3])}),
        ("command: x, continue_on_failure: true", {"tolerated": True}),
        ("command: x, continue_on_failure: [1, 2]", {"tolerated": [1, 2]}),
        ("command: x, continue_on_failure: 3", {"tolerated": [3]}),
        ("command: x, continue_on_failure: false", {}),
        ("command: x, stop_signal: INT, stop_grace: 0",
         {"stop_signal": "INT", "stop_grace_s": 0.0}),
        ("command: x, stop_signal: sigusr1", {"stop_signal": "USR1"}),
        ("command: x, outputs: [a, b_1], capture: true, artifacts: 'out/*'",
         {"outputs": ["a", "b_1"], "capture": True, "artifacts": ["out/*"]}),
        ("command: x, labels: [gpu], queue: mail", {"labels": ["gpu", "mail"]}),
        ("command: x, labels: [gpu], queue: gpu", {"labels": ["gpu"]}),
        ("command: x, priority: 9, slots: 2, exclusive: true",
         {"priority": 9, "slots": 2, "exclusive": True}),
        ("command: x, pools: db", {"pools": {"db": 1}}),
        ("command: x, pools: [db, api]", {"pools": {"db": 1, "api": 1}}),
        ("command: x, pools: {db: 2}", {"pools": {"db": 2}}),
        ("command: x, dotenv: a.env, tags: [a, b, a]", {"dotenv": ["a.env"], "tags": ["a", "b"]}),
        ("command: x, files: {a/b.txt: hi, empty: }", {"files": {"a/b.txt": "hi", "empty": ""}}),
        ("command: x, pre: [a, b], post: c",
         {"pre": [Step(command="a"), Step(command="b")], "post": [Step(command="c")]}),
        ("command: x, pre: {name: n, script: s, shell: bash, env: {A: b}, timeout: 5s}",
         {"pre": [Step(name="n", script="s", shell=["bash"], env={"A": "b"}, timeout_s=5.0)]}),
        ("command: x, post: {config: !Subprocess {cmd: a, args: [b]}}",
         {"post": [Step(argv=["a", "b"])]}),
        ("command: x, post: {python: p, packages: q}",
         {"post": [Step(argv=["uv", "run", "--no-project", "--with", "q", "--script"],
                        script="p", env=UV)]}),
        ("command: x, image: alpine",
         {"container": Container(image="alpine"), "labels": ["container"]}),
        ("command: x, image: a, entrypoint: [sh, -c], networks: n, limits: {cpus: 0.5, "
         "memory: 1g}, mounts: [{type: bind, source: /s, target: /t, opts: {ro: true}}], "
         "pre: {image: b, command: y}",
         {"container": Container(image="a", entrypoint=["sh", "-c"], networks=["n"], cpus="0.5",
                                 memory="1g", mounts=[{"type": "bind", "source": "/s",
                                                       "target": "/t", "opts": {"ro": "true"}}]),
          "labels": ["container"], "pre": [Step(command="y", image="b")]}),
        ("command: x, if: true", {"cond": "true"}),
        ("command: x, if: '{{ run.id == \"1\" }}'", {"cond": 'run.id == "1"'}),
        ("command: x, depends: [a]", {"depends": ["a"]}),
        ("command: x, depends: a, rule: failure", {"depends": ["a"], "rules": {"a": "failure"}}),
        ("command: x, depends: [a, a], rule: success", {"depends": ["a"]}),
        ("command: x, depends: {a: always}", {"depends": ["a"], "rules": {"a": "always"}}),
        ("command: x, depends: {a: }", {"depends": ["a"]}),
        ("command: x, depends: {a: {if: tasks.a.code == 3}}",
         {"depends": ["a"], "rules": {"a": "tasks.a.code == 3"}}),
        ("command: x, depends: [{task: a, rule: success}], rule: failure", {"depends": ["a"]}),
        ("command: x, depends: [{task: a, if: '{{ tasks.a.code == 3 }}'}], rule: failure",
         {"depends": ["a"], "rules": {"a": "tasks.a.code == 3"}}),
        ("command: x, depends: [{a: failure}]", {"depends": ["a"], "rules": {"a": "failure"}}),
        ("command: x, depends: []", {}),
        ("command: x, depends: ", {}),
    ],
)  # fmt: skip
def test_a_task_that_runs_a_command(body: str, expected: dict[str, Any]) -> None:
    assert task(body) == plain(**expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("config: !Subprocess {cmd: a, args: [b, 1.10]}", {"argv": ["a", "b", "1.10"]}),
        ("script: 'echo 1'", {"script": "echo 1"}),
        ("script: 'echo 1', shell: bash -e", {"script": "echo 1", "shell": ["bash", "-e"]}),
        ('script: "#!/usr/bin/awk -f\\nx"', {"script": "#!/usr/bin/awk -f\nx"}),
        ("python: print(1)", {"script": "print(1)", "argv": ["python3"]}),
        ("python: print(1), packages: [a, 'b>=1']",
         {"script": "print(1)", "env": UV,
          "argv": ["uv", "run", "--no-project", "--with", "a", "--with", "b>=1", "--script"]}),
        ('python: "# /// script\\n# dependencies = []\\n# ///\\n"',
         {"script": "# /// script\n# dependencies = []\n# ///\n", "env": UV,
          "argv": ["uv", "run", "--no-project", "--script"]}),
        ("config: !UvPython {script_path: a.py}",
         {"argv": ["uv", "run", "--no-project", "--script", "a.py"], "env": UV}),
        ("config: !UvPython {script_path: a.py, packages: p, args: [1, b], uv_path: /u, "
         "working_directory: /w, is_uv_project: false}, env: {A: b}",
         {"argv": ["/u", "run", "--no-project", "--with", "p", "--script", "a.py", "1", "b"],
          "env": {**UV, "A": "b"}, "workdir": "/w"}),
        ("config: !UvPython {script_path: a.py, packages: [p], is_uv_project: true}",
         {"argv": ["uv", "run", "--project", ".", "--with", "p", "a.py"], "env": UV}),
        ("config: !UvPython {script_path: a.py}, env: {UV_PYTHON_DOWNLOADS: automatic}",
         {"argv": ["uv", "run", "--no-project", "--script", "a.py"],
          "env": {"UV_PYTHON_DOWNLOADS": "automatic"}}),
        ("noop: true, depends: a", {"noop": True, "depends": ["a"]}),
        ("workflow: other", {"call": Call(workflow="other")}),
        ("workflow: other, params: {a: 1, b: [x, true]}, detached: true, retry: 1, timeout: 1m",
         {"call": Call(workflow="other", params={"a": 1, "b": ["x", True]}, detached=True),
          "retry": Retry(limit=1), "timeout_s": 60.0}),
        ("workflow: {name: N, tasks: {i: {command: y}}}",
         {"call": Call(plan=Plan(workflow="w.t", name="N",
                                 tasks=[TaskPlan(id="i", command="y")]))}),
        ("image: alpine", {"container": Container(image="alpine"), "labels": ["container"]}),
        ("each: [1, b, {c: d}], command: x",
         {"group": Group(tasks=[TaskPlan(id="", command="x")], each=[1, "b", {"c": "d"}])}),
        ("each: {list: [1]}, command: x, depends: a, if: 'true', timeout: 5, concurrency: 2, "
         "fail_fast: true, continue_on_failure: true, description: d, tags: g, name: N",
         {"group": Group(tasks=[TaskPlan(id="", command="x", timeout_s=5.0)], each=[1],
                         concurrency=2, fail_fast=True),
          "depends": ["a"], "cond": "true", "tolerated": True, "description": "d", "tags": ["g"],
          "name": "N"}),
        ("each: {list: [1], as: n, concurrency: 3, fail_fast: true, task: {noop: true}}",
         {"group": Group(tasks=[TaskPlan(id="", noop=True)], each=[1], var="n", concurrency=3,
                         fail_fast=True)}),
        ("each: {list: [], tasks: {b: {command: y}, c: {command: z, depends: b}}}",
         {"group": Group(each=[], tasks=[TaskPlan(id="b", command="y"),
                                         TaskPlan(id="c", command="z", depends=["b"])])}),
        ("matrix: {os: [a, b], v: [1]}, command: x",
         {"group": Group(tasks=[TaskPlan(id="", command="x")],
                         matrix={"os": ["a", "b"], "v": [1]})}),
        ("matrix: {lists: {os: [a]}, as: m, task: {command: x}}",
         {"group": Group(tasks=[TaskPlan(id="", command="x")], matrix={"os": ["a"]}, var="m")}),
        ("parallel: {b: {command: y}, c: {command: z, depends: b}}, concurrency: 1",
         {"group": Group(tasks=[TaskPlan(id="b", command="y"),
                                TaskPlan(id="c", command="z", depends=["b"])], concurrency=1)}),
        ("parallel: {tasks: {b: {command: y}}, fail_fast: true}",
         {"group": Group(tasks=[TaskPlan(id="b", command="y")], fail_fast=True)}),
        ("parallel: {b: {each: {list: [1], task: {parallel: {c: {noop: true}}}}}}",
         {"group": Group(tasks=[TaskPlan(id="b", group=Group(each=[1], tasks=[
             TaskPlan(id="", group=Group(tasks=[TaskPlan(id="c", noop=True)]))]))])}),
    ],
)  # fmt: skip
def test_the_other_kinds_of_tasks(body: str, expected: dict[str, Any]) -> None:
    assert task(body) == TaskPlan(id="t", **expected)


def test_templates_are_told_exactly_where_there_are_some() -> None:
    plan = good("""
        params: {a: 1}
        secrets: {s: env:S}
        defaults: {env: {D: "{{ params.a }}"}}
        tasks:
          name: {name: "{{ run.id }}", noop: true}
          env: {command: x}
          own: {command: x, env: {D: plain}}
          call: {workflow: w2, params: {p: "{{ params.a }}"}}
          cond: {noop: true, if: params.a == 1}
          each: {each: "{{ [1] }}", config: !Subprocess {cmd: "{{ item.value }}"}, env: {D: x}}
          group: {parallel: {a: {noop: true, name: "{{ run.id }}"}}}
          image: {image: "{{ run.id }}", env: {D: x}}
          file: {command: x, files: {f: "{{ secrets.s }}"}, env: {D: x}}
          step: {command: x, pre: {command: y, env: {A: "{{ params.a }}"}}, env: {D: x}}
        """)
    assert {task.id: task.templates for task in plan.tasks} == {
        "name": True, "env": True, "own": False, "call": True, "cond": False, "each": True,
        "group": False, "image": True, "file": True, "step": True,
    }  # fmt: skip
    each, group = plan.tasks[5].group, plan.tasks[6].group
    assert each is not None and group is not None
    assert each.tasks[0].templates and group.tasks[0].templates
    assert not plan.templates
    assert good("env: {A: '{{ run.id }}'}\ntasks: {a: {command: x}}").templates
    assert good("env: {A: '}}'}\ntasks: {a: {command: x}}").templates is False


def test_a_name_with_an_expression_is_that_of_the_copies() -> None:
    named = task("each: [1], command: x, name: 'no {{ item.index }}'")
    assert named.name == "" and not named.templates
    assert named.group is not None
    assert named.group.tasks[0].name == "no {{ item.index }}"


def test_defaults_are_beneath_what_each_task_says() -> None:
    plan = good("""
        defaults:
          env: {A: 1, B: 1}
          pools: {db: 1}
          timeout: 5
          shell: bash
          packages: [p]
          limits: {cpus: 1}
          retry: 2
          labels: [x]
          queue: q
          continue_on_failure: true
          tags: d
        tasks:
          a: {command: x, env: {B: 2}, pools: [api], retry: 0, labels: [], tags: []}
          b: {python: x}
          c: {noop: true}
          d: {image: i, limits: {memory: 1g}, continue_on_failure: false}
          e: {parallel: {f: {script: "#!/bin/sh"}}, tags: own}
        finally: {command: x, env: {C: 3}}
        """)
    a, b, c, d, e, last = plan.tasks
    assert a.env == {"A": "1", "B": "2"} and a.pools == {"db": 1, "api": 1}
    assert a.retry is None and a.labels == ["q"] and a.tags == [] and a.shell == ["bash", "-c"]
    assert b.argv == ["uv", "run", "--no-project", "--with", "p", "--script"] and b.shell == []
    assert c == TaskPlan(id="c", noop=True, tolerated=True, tags=["d"])
    assert d.container == Container(image="i", memory="1g") and d.tolerated is False
    assert e.tags == ["own"] and e.timeout_s is None and e.group is not None
    assert e.group.tasks[0].timeout_s == 5.0 and e.group.tasks[0].shell == []
    assert last.phase == "finally" and last.env == {"A": "1", "B": "1", "C": "3"}


def test_the_end_of_a_run_comes_last_and_in_order() -> None:
    plan = good("""
        finally: {parallel: {a: {command: x}}}
        on_cancel: {noop: true}
        tasks: {a: {command: x}}
        on_failure: {command: x, if: tasks.a.code == 1}
        on_success: {workflow: other}
        """)
    assert [(task.id, task.phase) for task in plan.tasks] == [
        ("a", ""), ("on_success", "on_success"), ("on_failure", "on_failure"),
        ("on_cancel", "on_cancel"), ("finally", "finally"),
    ]  # fmt: skip
    assert plan.tasks[2].cond == "tasks.a.code == 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dialect: cdktr", {}),
        ("tags: [a, b]", {"tags": ["a", "b"]}),
        ("deadline: 1h", {"deadline_s": 3600.0}),
        ("max_active_runs: 3", {"max_active_runs": 3}),
        ("overlap: skip", {"max_active_runs": 1, "overlap": "skip"}),
        ("overlap: cancel\nmax_active_runs: 2", {"max_active_runs": 2, "overlap": "cancel"}),
        ("overlap: allow", {}),
        ("overlap: allow\nmax_active_runs: 0", {}),
        ("dotenv: [a, b]", {"dotenv": ["a", "b"]}),
        ("secrets: {a: env:A, b: 'file:/etc/x y'}", {"secrets": {"a": "env:A",
         "b": "file:/etc/x y"}}),
        ("output: '{{ tasks.a.code }}'", {"output": "{{ tasks.a.code }}"}),
        ("output: {a: [1, {b: x}], c: ~}", {"output": {"a": [1, {"b": "x"}], "c": None}}),
        ("params: {a: 1, b: 1.5, c: x, d: true, e: [1], f: }",
         {"params": {"a": Param(type="integer", default=1), "b": Param(type="number", default=1.5),
                     "c": Param(default="x"), "d": Param(type="boolean", default=True),
                     "e": Param(type="list", default=[1]), "f": Param(required=True)}}),
        ("params: {a: {type: string, default: 1.10}, b: {type: number, default: 3}, "
         "c: {enum: [x, y], default: y}, d: {required: true, pattern: 'x+', "
         "description: D}, e: {}}",
         {"params": {"a": Param(default="1.10"), "b": Param(type="number", default=3.0),
                     "c": Param(default="y", enum=["x", "y"]),
                     "d": Param(required=True, pattern="x+", description="D"), "e": Param()}}),
        ("params: {a: {default: {b: 1}}}", {"params": {"a": Param(type="object",
         default={"b": 1})}}),
        ("params: {a: .nan, b: 1e999}",
         {"params": {"a": Param(default=".nan"), "b": Param(default="1e999")}}),
    ],
)  # fmt: skip
def test_a_workflow(text: str, expected: dict[str, Any]) -> None:
    plan = good(f"{text}\ntasks: {{a: {{command: x}}}}")
    assert plan == Plan(workflow="w", tasks=[TaskPlan(id="a", command="x")], **expected)


def test_uv_is_told_nothing_when_the_workflow_has_said_it() -> None:
    plan = good("env: {UV_PYTHON_DOWNLOADS: manual}\ntasks: {a: {python: x, packages: y}}")
    assert plan.tasks[0].env == {}


def test_a_workflow_in_a_task_has_its_own_world() -> None:
    plan = good("""
        params: {outer: 1}
        defaults: {timeout: 5}
        tasks:
          t:
            workflow:
              params: {inner: , other: 2}
              defaults: {retry: 1}
              tasks: {i: {command: x, env: {A: "{{ params.inner }}"}}}
              output: {x: "{{ tasks.i.code }}"}
              finally: {noop: true}
            params: {inner: "{{ params.outer }}"}
        """)
    call = plan.tasks[0].call
    assert call is not None and call.plan is not None
    assert call.plan.workflow == "w.t"
    assert [task.id for task in call.plan.tasks] == ["i", "finally"]
    assert call.plan.tasks[0].timeout_s is None and call.plan.tasks[0].retry == Retry(limit=1)
    assert call.params == {"inner": "{{ params.outer }}"} and plan.tasks[0].templates
