"""Job documents of Tork's: what each key becomes, and every fault with its place."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest

from cdktr_common.catalogue.values import (
    Container,
    Fault,
    Param,
    Plan,
    Retry,
    Schedule,
    Step,
    TaskPlan,
)
from cdktr_principal.language import tork_keys
from cdktr_principal.language.dialects import load_text


def good(text: str, strip: bool = False) -> Plan:
    plan, faults = load_text(dedent(text).encode(), "w", "w.yaml", "tork", strip)
    assert faults == []
    assert plan is not None
    return plan


def bad(text: str, strip: bool = False) -> list[Fault]:
    plan, faults = load_text(dedent(text).encode(), "w", "w.yaml", "tork", strip)
    assert plan is None
    return faults


def task(body: str, strip: bool = False) -> TaskPlan:
    """A task of one line, in flow style."""
    return good(f"tasks: [{{{body}}}]", strip).tasks[0]


def told(body: str, strip: bool = False) -> tuple[str, str]:
    (fault,) = bad(f"tasks: [{{{body}}}]", strip)
    return fault.what, fault.hint


def test_tasks_run_in_order_and_speak_of_results_by_var() -> None:
    plan = good("""
        name: hello
        description: Says it
        tags: [a, b]
        inputs: {who: world, number: 1.10, nothing: }
        output: "{{ tasks.greeting }}!"
        tasks:
          - name: Make a greeting
            var: greeting
            run: echo -n hello $WHO > $TORK_OUTPUT
            env: {WHO: "{{ inputs.who }}"}
          - name: say it
            run: echo $TEXT
            env: {TEXT: "<{{ tasks.greeting }}> {{job.id}}"}
    """)
    first, second = plan.tasks
    assert (plan.name, plan.description, plan.tags) == ("hello", "Says it", ["a", "b"])
    assert plan.params == {
        "who": Param(default="world"), "number": Param(default="1.10"),
        "nothing": Param(default=""),
    }  # fmt: skip
    assert plan.output == "{{ tasks['make-a-greeting'].result }}!"
    assert (first.id, first.depends, first.capture, first.templates) == (
        "make-a-greeting", [], True, True,
    )  # fmt: skip
    assert first.script == "echo -n hello $WHO > $TORK_OUTPUT"
    assert (second.id, second.depends) == ("say-it", ["make-a-greeting"])
    assert second.env == {"TEXT": "<{{ tasks['make-a-greeting'].result }}> {{job.id}}"}


def test_a_var_set_again_means_the_later_one() -> None:
    plan = good("""
        tasks:
          - {name: a, var: rate, run: x}
          - {name: b, var: rate, run: x, env: {R: "{{ tasks.rate }}"}}
          - {name: c, run: x, env: {R: "{{ fromJSON(tasks.rate).x + 1 }} {{ 'tasks.rate' }}"}}
    """)
    assert plan.tasks[1].env == {"R": "{{ tasks['a'].result }}"}
    assert plan.tasks[2].env == {"R": "{{ fromJSON(tasks['b'].result).x + 1 }} {{ 'tasks.rate' }}"}


def test_a_task_with_if_that_is_skipped_stops_nothing() -> None:
    plan = good("""
        inputs: {run: "true"}
        tasks:
          - {name: a, run: x}
          - {name: b, run: x, if: "{{ inputs.run == 'true' }}"}
          - {name: c, run: x, if: false}
          - {name: d, run: x}
          - {name: e, run: x}
    """)
    _, b, c, d, e = plan.tasks
    assert (b.cond, b.depends, b.rules) == ("inputs.run == 'true'", ["a"], {})
    unless = "tasks['{}'].state != 'FAILED'".format
    assert (c.cond, c.depends, c.rules) == ("false", ["a", "b"], {"b": unless("b")})
    assert (d.depends, d.rules) == (["a", "b", "c"], {"b": unless("b"), "c": unless("c")})
    assert (e.depends, e.rules) == (["d"], {})


def test_too_many_tasks_with_if_in_a_row() -> None:
    tasks = "".join(f"  - {{name: t{n}, run: x, if: true}}\n" for n in range(300))
    faults = bad(f"tasks:\n{tasks}")
    assert "more than 100 tasks with if follow each other" in faults[0].what


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("run: x", {"script": "x", "name": "", "id": "task"}),
        ("run: x, name: '{{ inputs.a }} Ab'", None),
        ("cmd: [echo, '{{ job.id }}']", {"argv": ["echo", "{{ job.id }}"], "templates": True}),
        ("cmd: [b, c], entrypoint: [a, '{{x}}']", {"argv": ["a", "{{ '{{' }}x}}", "b", "c"]}),
        ("entrypoint: [bash, -c], run: x", {"script": "x", "shell": ["bash"], "argv": None}),
        ("entrypoint: [python3], run: x", {"shell": ["python3"]}),
        ('entrypoint: [sh, -c], run: "#!/bin/cat\\nx"', {"shell": [], "script": "#!/bin/cat\nx"}),
        ("run: x, timeout: 1h30m", {"timeout_s": 5400.0}),
        ("run: x, timeout: 1.5h", {"timeout_s": 5400.0}),
        ("run: x, timeout: 250ms", {"timeout_s": 0.25}),
        ("run: x, queue: default", {"labels": []}),
        ("run: x, queue: video", {"labels": ["video"]}),
        ("run: x, priority: 9", {"priority": 9}),
        ("run: x, retry: {limit: 2}", {"retry": Retry(limit=2)}),
        ("run: x, retry: {limit: 5, initialDelay: 5s, scalingFactor: 2}",
         {"retry": Retry(limit=5, delay_s=5.0, backoff=2.0)}),
        ("run: x, workdir: /tmp", {"workdir": "/tmp"}),
        ("run: x, tags: [a], description: b", {"tags": ["a"], "description": "b"}),
        ("run: 'echo {{.Names}}'", {"script": "echo {{.Names}}", "templates": False}),
        ("run: x, files: {a.py: 'x {{ y }}'}", {"files": {"a.py": "x {{ '{{' }} y }}"}}),
        ("run: x, env: {A: 1, B: true, C: }", {"env": {"A": "1", "B": "true", "C": ""}}),
    ],
)  # fmt: skip
def test_what_a_task_may_say(body: str, fields: dict[str, Any] | None) -> None:
    if fields is None:
        plan = good(f"inputs: {{a: b}}\ntasks: [{{{body}}}]")
        assert (plan.tasks[0].id, plan.tasks[0].name) == ("ab", "{{ inputs.a }} Ab")
        return
    found = task(body)
    assert {name: getattr(found, name) for name in fields} == fields


def test_defaults_are_for_tasks_that_say_nothing_else() -> None:
    plan = good("""
        defaults: {retry: {limit: 2}, timeout: 10m, queue: big, priority: 3}
        tasks:
          - {name: a, run: x}
          - {name: b, run: x, retry: {limit: 1}, timeout: 1s, queue: default, priority: 0}
          - {name: c, each: {list: "{{ [1] }}", task: {run: x}}}
    """)
    a, b, c = plan.tasks
    assert c.group is not None
    for of in (a, c.group.tasks[0]):
        assert (of.retry, of.timeout_s, of.labels, of.priority) == (
            Retry(limit=2), 600.0, ["big"], 3,
        )  # fmt: skip
    assert (b.retry, b.timeout_s, b.labels, b.priority) == (Retry(limit=1), 1.0, [], 3)
    assert (c.retry, c.timeout_s, c.labels) == (None, None, [])


CONTAINED = """
    image: "debian:{{ inputs.version }}", entrypoint: [sh, -c], run: x,
    limits: {cpus: .5, memory: 10m}, networks: [net], queue: big,
"""


def test_an_image_asks_for_a_container() -> None:
    body = CONTAINED + "mounts: [{type: volume, target: /x}]"
    (found,) = good(f"inputs: {{version: 12}}\ntasks: [{{{body}}}]").tasks
    assert found.container == Container(
        image="debian:{{ inputs.version }}", entrypoint=["sh", "-c"], cpus="0.5", memory="10m",
        networks=["net"], mounts=[{"type": "volume", "target": "/x"}],
    )  # fmt: skip
    assert (found.labels, found.script, found.shell, found.argv) == (
        ["big", "container"], "x", [], None,
    )  # fmt: skip
    alone = task("image: hello-world")
    assert (alone.argv, alone.script, alone.labels) == (None, None, ["container"])


def test_a_stripped_image_leaves_a_process() -> None:
    (found,) = good(f"inputs: {{version: 12}}\ntasks: [{{{CONTAINED}}}]", strip=True).tasks
    assert found.container is None
    assert (found.labels, found.script, found.shell) == (["big"], "x", ["sh"])
    assert (
        "$CDKTR_TASK_DIR" in told("image: a, run: x, mounts: [{type: tmpfs, target: /x}]", True)[1]
    )
    assert told("image: a", strip=True)[0] == "the task has nothing to run"


def test_steps_before_and_after() -> None:
    plan = good("""
        secrets: {token: env:TOKEN}
        tasks:
          - name: main
            run: x
            image: a
            files: {f: "1"}
            pre:
              - {name: get, image: b, run: wget, env: {T: "{{ secrets.token }}"}, timeout: 5s}
              - {name: two, cmd: [echo, "{{ inputs.x }}"], image: a, files: {g: "2", f: "1"}}
            post: [{run: y, image: a}]
        inputs: {x: y}
    """)
    (main,) = plan.tasks
    assert main.pre == [
        Step(name="get", script="wget", image="b", env={"T": "{{ secrets.token }}"}, timeout_s=5.0),
        Step(name="two", argv=["echo", "{{ inputs.x }}"], image="a"),
    ]
    assert main.post == [Step(script="y", image="a")]
    assert main.files == {"f": "1", "g": "2"}
    assert plan.secrets == {"token": "env:TOKEN"}


def test_parallel_tasks_start_at_once_and_their_results_are_those_of_the_group() -> None:
    plan = good("""
        tasks:
          - name: a parallel task
            parallel:
              tasks:
                - {name: One, var: one, run: x}
                - {name: One, run: x}
                - {name: two, var: two, run: x}
          - {name: after, run: x, env: {A: "{{ tasks.one + tasks.two }}"}}
    """)
    group, after = plan.tasks
    assert group.group is not None
    assert [inner.id for inner in group.group.tasks] == ["one", "one-2", "two"]
    assert [inner.depends for inner in group.group.tasks] == [[], [], []]
    assert (group.group.each, group.group.fail_fast) == (None, True)
    of = "tasks['a-parallel-task'].results"
    assert after.env == {"A": f"{{{{ {of}[0] + {of}[2] }}}}"}
    assert after.depends == ["a-parallel-task"]


def test_each_value_has_a_copy() -> None:
    plan = good("""
        tasks:
          - name: many
            each:
              list: "{{ sequence(1, 5) }}"
              concurrency: 3
              task:
                name: item {{ item.index }}
                var: item{{item.index}}x
                env: {ITEM: "{{ item.value }}"}
                run: x
          - name: other
            each:
              list: "fromJSON(tasks.item3x)"
              var: it
              task: {run: x, env: {A: "{{it.value}}"}}
        output: "{{ tasks.item0x }}"
    """)
    many, other = plan.tasks
    assert many.group is not None
    assert (many.group.each, many.group.concurrency, many.group.var) == (
        "{{ sequence(1, 5) }}", 3, "item",
    )  # fmt: skip
    (body,) = many.group.tasks
    assert (body.id, body.name, body.env) == (
        "",
        "item {{ item.index }}",
        {"ITEM": "{{ item.value }}"},
    )
    assert other.group is not None
    assert (other.group.each, other.group.var) == (
        "{{ fromJSON(tasks['many'].results[3]) }}", "it",
    )  # fmt: skip
    assert plan.output == "{{ tasks['many'].results[0] }}"


def test_a_subjob_is_a_plan_that_is_called() -> None:
    plan = good("""
        inputs: {a: b}
        secrets: {key: file:/etc/key}
        tasks:
          - name: sub
            var: out
            subjob:
              name: inner
              description: of it
              inputs: {x: "{{ inputs.a }}"}
              secrets: {mine: "{{ secrets.key }}", own: env:OWN}
              output: "{{ tasks.data }}"
              tasks:
                - name: sub
                  var: data
                  run: x
                  env: {X: "{{ inputs.x }}", S: "{{ secrets.mine }}"}
          - {name: detached, subjob: {name: b, detached: true, tasks: [{run: x}]}}
        output: "{{ tasks.out }}"
    """)
    sub, detached = plan.tasks
    assert sub.call is not None
    assert sub.call.params == {"x": "{{ inputs.a }}"}
    inner = sub.call.plan
    assert inner is not None
    assert (inner.workflow, inner.name, inner.description) == ("w.sub", "inner", "of it")
    assert inner.params == {"x": Param(required=True)}
    assert inner.secrets == {"mine": "file:/etc/key", "own": "env:OWN"}
    assert inner.output == "{{ tasks['sub'].result }}"
    assert plan.output == "{{ tasks['sub'].result }}"
    assert detached.call is not None
    assert detached.call.detached


def test_a_schedule_is_cron() -> None:
    plan = good('schedule: {cron: "*/5 * * * *"}\ntasks: [{run: x}]')
    assert plan.schedules == [Schedule(cron="*/5 * * * *")]
    plan = good('schedule: {cron: "CRON_TZ=Asia/Tokyo 0 30 3 * * *"}\ntasks: [{run: x}]')
    assert plan.schedules == [Schedule(cron="0 30 3 * * *", timezone="Asia/Tokyo")]


def test_it_may_be_json() -> None:
    job = {"name": "j", "tasks": [{"name": "a", "run": 'echo "x"\n\t\u00e9'}]}
    for text in (json.dumps(job), json.dumps(job, indent="\t")):
        assert good(text).tasks[0].script == 'echo "x"\n\té'


@pytest.mark.parametrize(
    ("body", "what", "hint"),
    [
        ("name: a", "the task has nothing to run", "give it run, or cmd"),
        ("run: x, comand: y", "unknown key 'comand' in a task of Tork's", "did you mean cmd?"),
        ("run: x, cmd: [y]", "both run and cmd", "keep one"),
        ("run: x, each: {list: '[1]', task: {run: y}}", "'run' has no meaning in a task with each",
         "belongs to the tasks inside"),
        ("each: {list: '[1]', task: {run: y}}, parallel: {tasks: [{run: x}]}",
         "has both parallel and each", ""),
        ("run: x, timeout: 5", "'5' is not a time of Tork's", "write 90s"),
        ("run: x, timeout: 0s", "more than 0", ""),
        ("run: x, priority: 10", "priority must be a whole number from 0 to 9", ""),
        ("run: x, retry: {}", "retry has no limit", ""),
        ("run: x, retry: {limit: 1, delay: 1}", "unknown key 'delay' in retry", ""),
        ("run: x, retry: {limit: 1, scalingFactor: 0}", "scalingFactor must be a number", ""),
        ("run: x, queue: '{{ job.id }}'", "a queue cannot be an expression", ""),
        ("run: x, if: 'job.id == 1'", "if must be one expression in braces", "job.id == 1"),
        ("run: x, limits: {cpus: 1}", "limits need a container", "image"),
        ("run: x, networks: [a]", "networks need a container", "image"),
        ("run: x, mounts: [{type: volume, target: /x}]", "mounts need a container", ""),
        ("run: x, image: a, mounts: [{type: nfs, target: /x}]", "type is 'nfs'", ""),
        ("run: 'echo {{ inputs.x }}'", "is never evaluated", ""),
        ("run: x, env: {A: '{{ tasks.b }}'}", "no earlier task has the var 'b'", "var: names"),
        ("run: x, env: {A: '{{ input.b }}'}", "'input'", "inputs"),
        ("run: x, env: {A: '{{ tasks }}'}", "tasks stands for no value by itself", "tasks.VAR"),
        ("run: x, env: {A: '{{ 1 + }}'}", "env A: ", ""),
        ("run: x, env: {A: '{{ secrets.b }}'}", "secret", ""),
        ("run: x, var: 'a{{ inputs.b }}'", "is no name for a result", "item.index"),
        ("run: x, var: 'a{{ item.index }}'", "there is no item here", ""),
        ("each: {list: '[1]', task: {run: y, var: a}}", "each copy would set it",
         "a{{ item.index }}"),
        ("var: a, each: {list: '[1]', task: {run: y}}", "each has no result of its own", ""),
        ("each: {list: '[1]', var: tasks, task: {run: y}}", "'tasks' has a meaning of its own", ""),
        ("each: {task: {run: y}}", "each has no list", ""),
        ("each: {list: '[1]'}", "each has no task", ""),
        ("cmd: ['']", "the program is empty", ""),
        ("entrypoint: ['', -c], run: x", "the program is empty", ""),
        ('entrypoint: ["a\\nb", x], cmd: [y]', "the program must be one line", ""),
        ("parallel: {tasks: []}", "there must be at least one task", ""),
        ("subjob: {name: a}", "tasks must be a list", ""),
        ("subjob: {name: a, tags: [a], tasks: [{run: x}]}", "'tags' has no meaning in subjob", ""),
        ("run: x, pre: {run: y}", "pre must be a list", ""),
        ("run: x, pre: [{run: y, env: 1}]", "env must be a mapping", ""),
        ("run: x, pre: [{run: y, retry: 1}]", "'retry' has no meaning in a step of pre", ""),
        ("run: x, pre: [{name: a}]", "the step has nothing to run", ""),
        ("run: x, files: {a: '1'}, pre: [{run: y, files: {a: '2'}}]", "another file 'a'", ""),
    ],
)  # fmt: skip
def test_faults(body: str, what: str, hint: str) -> None:
    found = told(body)
    assert what in found[0]
    assert hint in found[1]


@pytest.mark.parametrize("key", tork_keys.NOT_DONE)
def test_what_is_not_honoured_is_named_with_another_way(key: str) -> None:
    for text in (f"{key}: x\ntasks: [{{run: x}}]", f"tasks: [{{run: x, {key}: x}}]"):
        (fault,) = bad(text)
        assert fault.what == f"'{key}' of Tork's is not supported"
        assert fault.hint == tork_keys.NOT_DONE[key]
        assert fault.see == "docs/dialects.md#tork"


def test_a_secret_itself_is_refused_and_not_repeated() -> None:
    (fault,) = bad("secrets: {key: 1111-2222}\ntasks: [{run: x}]")
    assert "1111" not in fault.what + fault.hint
    assert fault.hint == "key: env:KEY or key: file:/path, resolved by the agent"


def test_faults_in_rewritten_texts_have_their_place() -> None:
    faults = bad("""\
        tasks:
          - {name: a long name, var: v, run: x}
          - name: b
            run: x
            env:
              A: "é {{ tasks.v + tasks.w }}"
              B: |
                x
                  {{ tasks.v }} {{ tasks.v + inptus.x }}
    """)
    assert [(fault.line, fault.col) for fault in faults] == [(6, 26), (9, 38)]
    assert "tasks['" not in faults[0].what


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("job.id == 'a' and job.id == 'b'", "write &&"),
        ("job.id contains 'a'", "write a.contains(b)"),
        ("job.id startsWith 'a'", "write a.startsWith(b)"),
        ("map([1], {# * 2})", "write list.map(x, x * 2)"),
        ("job.id ?? 'a'", "write has(x.y) ? x.y : something"),
    ],
)
def test_words_of_torks_language_come_with_ours(expression: str, hint: str) -> None:
    assert told(f'run: x, env: {{A: "{{{{ {expression} }}}}"}}')[1] == hint


def test_an_unknown_var_comes_with_the_nearest() -> None:
    (fault,) = bad("""
        tasks: [{var: count, run: x}]
        output: "{{ tasks.cuont }}"
    """)
    assert fault.hint == "did you mean count?"


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("{{ item.value }}", "{{ string(item.value) }}"),
        ("{{ inputs.a }}", "{{ inputs.a }}"),
        ("x{{ item.value }}", "x{{ item.value }}"),
        ("plain", "plain"),
    ],
)
def test_inputs_of_a_subjob_are_texts_whatever_they_are_made_of(said: str, given: str) -> None:
    plan = good(f"""
        inputs: {{a: b}}
        tasks:
          - name: all
            each:
              list: "{{{{ sequence(1, 3) }}}}"
              task:
                name: one
                subjob: {{name: s, inputs: {{k: "{said}"}}, tasks: [{{name: t, run: x}}]}}
    """)
    group = plan.tasks[0].group
    assert group is not None
    assert group.tasks[0].call is not None
    assert group.tasks[0].call.params == {"k": given}
