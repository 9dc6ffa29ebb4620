"""What a CDKTR file cannot say: each fault in its words, and where it is."""

from __future__ import annotations

import pytest

from cdktr_principal.language.dialects import load_text
from tests.unit.language.reading import bad, good, task_fault, told


@pytest.mark.parametrize(
    ("body", "what", "hint"),
    [
        # What runs.
        ("command: x, script: y", "task 't' has both command and script", "keep one of them"),
        ("command: x, noop: true", "has both command and noop", "keep one"),
        ("command: x, parallel: {b: {noop: true}}", "has both command and parallel", "keep one"),
        ("each: [1], matrix: {a: [1]}, command: x", "has both each and matrix", "keep one"),
        ("each: {list: [1], task: {noop: true}}, command: x", "has both command and each", ""),
        ("each: [1], command: x, script: y", "has both command and script", ""),
        ("each: [1]", "task 't' has each, and nothing that is done each time", "give it task"),
        ("matrix: {a: [1]}, depends: a", "has matrix, and nothing that is done", "give it task"),
        ("description: x", "task 't' has nothing to run", "give it one of command, config"),
        ("run: x", "unknown key 'run' in a task", "use command or script"),
        ("comand: x", "unknown key 'comand' in a task", "did you mean command?"),
        ("needs: a, command: x", "unknown key 'needs'", "use depends"),
        ("noop: false", "noop: false says nothing", "leave it out"),
        ("noop: 1", "noop must be true or false, not '1'", ""),
        ("command: x, shell: []", "shell is empty", ""),
        ("command: x, shell: {a: b}", "shell must be a list, not a mapping", ""),
        ("python: x, shell: bash", "shell means nothing without command or script", ""),
        ("command: x, packages: y", "packages means nothing without python", ""),
        ("python: x, packages: [--index-url=z]", "'--index-url=z' is not a package", ""),
        ('script: "#!/bin/sh", shell: bash', "shell means nothing for a script with a #!", ""),
        ("config: {script_path: x}", "config needs a tag", "write config: !UvPython"),
        ("config: !UvPython {script_path: x, package: y}", "unknown key 'package' in config",
         "did you mean packages?"),
        ("config: !UvPython {script_path: x, is_uv_project: on}",
         "is_uv_project must be true or false, not 'on'", ""),
        ("config: !UvPython {script_path: x, working_directory: /a}, workdir: /b",
         "workdir and working_directory are the same thing", ""),
        ("command: x, limits: {cpus: 1}", "limits means nothing without image", ""),
        ("command: x, mounts: []", "mounts means nothing without image", ""),
        # Groups.
        ("parallel: {b: {noop: true}}, timeout: 5", "timeout means nothing with parallel",
         "give it to the tasks in it"),
        ("each: {list: [1], task: {noop: true}}, env: {A: b}", "env means nothing with each", ""),
        ("parallel: []", "parallel must be a mapping of an id to a task, not a list of tasks", ""),
        ("parallel: {}", "a workflow needs at least one task; parallel has none", ""),
        ("each: {task: {noop: true}}", "each has no list", ""),
        ("each: {list: [1], task: {noop: true}, tasks: {b: {noop: true}}}",
         "each has both task and tasks", ""),
        ("each: {list: [1], var: x, task: {noop: true}}", "unknown key 'var' in each", "use as"),
        ("each: {list: [1], as: run, task: {noop: true}}",
         "as: run would hide what expressions find there", ""),
        ("each: {list: [1], as: a-b, task: {noop: true}}", "'a-b' is not the name of a variable",
         ""),
        ("each: abc, command: x", "each must be a list or one {{ expression }}, not a text", ""),
        ("each: 'x {{ [1] }}', command: x", "each must be a list or one {{ expression }}", ""),
        ("each: {list: {a: 1}}, command: x", "list must be a list or an expression", ""),
        ("each: ~, command: x", "each is empty", ""),
        ("each: [1], command: x, concurrency: -1", "concurrency must be a whole number from 0", ""),
        ("command: x, concurrency: 2", "concurrency means nothing with command", ""),
        ("matrix: {a: b}, command: x", "matrix a must be a list or one {{ expression }}", ""),
        ("matrix: [a], command: x", "matrix must be a mapping of names to lists", ""),
        ("matrix: {a-b: [1]}, command: x", "'a-b' is not a name for a list", ""),
        ("each: {list: [1], task: {noop: true, depends: a}}",
         "depends means nothing here: no task comes before", ""),
        ("parallel: {b: {noop: true, depends: a}}", "unknown dependency 'a'",
         "it is outside of this group: let the group depend on it"),
        ("noop: true, depends: a.b", "unknown dependency 'a.b'", "depend on the whole group a"),
        ("parallel: {b: {noop: true, depends: c}, c: {noop: true, depends: b}}",
         "cycle: b needs c needs b", ""),
        # Calls.
        ("workflow: ''", "workflow is empty", ""),
        ("workflow: x, env: {A: b}", "env means nothing with workflow",
         "it belongs into that workflow"),
        ("workflow: x, params: [1]", "params must be a mapping, not a list", "write name: value"),
        ("command: x, params: {a: 1}", "params means nothing with command",
         "it goes with workflow"),
        ("workflow: {params: {q: 1}, tasks: {b: {noop: true}}}, params: {r: 1}",
         "unknown param 'r'", ""),
        ("workflow: {params: {q: }, tasks: {b: {noop: true}}}",
         "param q is required and not given", ""),
        ("workflow: {events: [e], tasks: {b: {noop: true}}}",
         "events means nothing in a workflow inside a task", "only the task starts it"),
        ("each: {list: [1], task: {noop: true, rule: failure}}", "rule means nothing here", ""),
        # Order.
        ("command: x, rule: failure", "rule means nothing without depends", ""),
        ("command: x, depends: a, rule: sometimes",
         "rule is 'sometimes', not success, failure or always", ""),
        ("command: x, depends: {a: failed}", "rule is 'failed', not success", ""),
        ("command: x, depends: {b: failure}", "unknown dependency 'b'", ""),
        ("command: x, depends: [{rule: failure, if: x}]", "a dependency in full needs its task",
         ""),
        ("command: x, depends: [{task: a, rule: failure, if: 'true'}]",
         "a dependency has both rule and if", ""),
        ("command: x, depends: [{task: a, rules: failure}]", "unknown key 'rules' in a dependency",
         "did you mean rule?"),
        ("command: x, depends: [a, {task: a, rule: failure}]",
         "'a' is a dependency by two rules", ""),
        ("command: x, depends: [[a]]", "an item of depends must be text, not a list", ""),
        ("command: x, depends: [{task: a, if: 'tasks.a.cod == 3'}]",
         "if: tasks.a has no 'cod'", "did you mean code?"),
        ("command: x, if: ", "if is empty", ""),
        ("command: x, if: '{{ }}'", "if is empty", ""),
        ("command: x, if: '{{ params }} == 1'", "if is one expression, not a text", "without"),
        ("command: x, if: '{{ 1 }}{{ 2 }}'", "if is one expression, not a text", ""),
        ("command: x, if: '1 +'", "if: ", ""),
        ("command: x, continue_on_failure: maybe", "continue_on_failure must be true, false or",
         ""),
        ("command: x, continue_on_failure: [0]", "a code of continue_on_failure must be", ""),
        # Retry and stopping.
        ("command: x, retry: -1", "retry must be a whole number from 0", "write a number, or"),
        ("command: x, retry: [3]", "retry must be a number or a mapping, not a list", ""),
        ("command: x, retry: {delay: 5}", "retry has no limit", ""),
        ("command: x, retry: {limit: 1, initialDelay: 5s}", "unknown key 'initialDelay'",
         "use delay"),
        ("command: x, retry: {limit: 1, backoff: 0.5}", "backoff must be a number from 1", ""),
        ("command: x, retry: {limit: 1, backoff: .nan}", "backoff must be a number from 1", ""),
        ("command: x, retry: {limit: 1, jitter: 1e999}", "jitter must be a number from 0 to 1", ""),
        ("command: x, retry: {limit: 1, jitter: true}", "jitter must be a number from 0 to 1", ""),
        ("command: x, retry: {limit: 1e9}", "limit must be a whole number from 0 to 1000", ""),
        ("command: x, retry: {limit: 1, delay: 1m, max_delay: 1s}",
         "max_delay is less than delay", ""),
        ("command: x, retry: {limit: 1, on_exit_codes: [256]}", "a code of on_exit_codes must be",
         ""),
        ("command: x, stop_signal: STOP", "stop_signal is 'STOP', not one of TERM, INT", ""),
        ("command: x, stop_grace: soon", "'soon' is not a time", ""),
        ("command: x, deadline: 5", "unknown key 'deadline' in a task", "a task has timeout"),
        # Steps.
        ("command: x, pre: [[a]]", "a step of pre must be a command or a mapping, not a list", ""),
        ("command: x, pre: {name: a}", "a step has nothing to run", ""),
        ("command: x, pre: {command: a, script: b}", "a step has both command and script", ""),
        ("command: x, pre: {command: a, retry: 3}", "unknown key 'retry' in a step of pre", ""),
        ("command: x, pre: {command: a, image: b}", "a step has an image, and its task has none",
         ""),
        ("command: x, post: {config: !UvPython {script_path: a, working_directory: /b}}",
         "a step has no directory of its own", ""),
        # Data.
        ("command: x, outputs: [a-b]", "'a-b' is not the name of an output", ""),
        ("command: x, output: a", "unknown key 'output' in a task", "outputs names"),
        ("command: x, capture: yes", "capture must be true or false, not 'yes'", ""),
        ("command: x, artifacts: /etc/*", "artifact '/etc/*' must be relative", ""),
        ("command: x, artifacts: [a/../../b]", "must not have .. in it", ""),
        ("command: x, files: [a]", "files must be a mapping, not a list", ""),
        ("command: x, files: {/a: b}", "the name of file '/a' must be relative", ""),
        ("command: x, files: {a/../b: c}", "must not have empty parts, . or .. in it", ""),
        ("command: x, files: {a/b/c/d/e/f: c}", "has 6 levels, at most 5 are allowed", ""),
        ("command: x, files: {.cdktr-x: b}", "belongs to CDKTR in a task's directory", ""),
        ("matrix: {a: [1]}, tasks: {}", "unknown key 'tasks' in a task", "matrix: {lists, tasks}"),
        ("command: x, files: {.script: b}", "'.script' belongs to CDKTR in a task's directory", ""),
        ("command: x, files: {a/b: c, a: k}", "file 'a' is the directory of a/b", ""),
        (r'script: "#!/bin/sh\r\nx"', "the #! line ends with a carriage return", r"write \n"),
        ("command: x, files: {a: [b]}", "the contents of a must be text, not a list", ""),
        ("command: x, secrets: {a: env:B}", "unknown key 'secrets' in a task", "belong to the"),
        ("command: x, env: {CDKTR_OUTPUT: b}", "CDKTR_OUTPUT is set by CDKTR", ""),
        # Where and how many.
        ("command: x, priority: 10", "priority must be a whole number from 0 to 9", ""),
        ("command: x, slots: 0", "slots must be a whole number from 1", ""),
        ("command: x, exclusive: 1", "exclusive must be true or false, not '1'", ""),
        ("command: x, queue: a b", "'a b' is not the name of a queue", ""),
        ("command: x, pools: [a b]", "'a b' is not the name of a pool", ""),
        ("command: x, pools: {a: 0}", "how much of a pool must be a whole number from 1", ""),
        ("image: a, limits: {cpu: 1}", "unknown key 'cpu' in limits", "did you mean cpus?"),
        ("image: a, limits: {memory: lots}", "'lots' is no amount of memory", "write 512m"),
        ("image: a, limits: {cpus: -1}", "'-1' is no amount of cpus", ""),
        ("image: a, mounts: {a: b}", "mounts must be a list, not a mapping", ""),
        ("image: a, mounts: [{type: bind, target: /t}]", "a bind needs a source", ""),
        ("image: a, mounts: [{type: nfs, target: /t}]", "type is 'nfs', not volume, bind or", ""),
        ("image: a, mounts: [{type: tmpfs}]", "a mount needs a target", ""),
        # Expressions where there are none.
        ("command: 'echo {{ params.a }}'",
         "command is taken as it stands: {{ params.a }} is never evaluated", "write env:"),
        ("script: 'echo {{tasks.a.outputs.x}}'", "script is taken as it stands", "and use $VALUE"),
        ("python: 'print({{ event.payload }})'", "python is taken as it stands", ""),
        ("command: x, pre: 'echo {{ run.id }}'", "command is taken as it stands", ""),
        ("command: x, workdir: '/a/{{ run.id }}'", "workdir is taken as it stands", "expressions"),
        ("command: x, dotenv: '{{ run.id }}'", "a path of dotenv is taken as it stands", ""),
        ("command: x, artifacts: '{{ run.id }}'", "artifacts is taken as it stands", ""),
        ("each: [1], command: 'echo {{ item.value }}'", "command is taken as it stands", ""),
    ],
)  # fmt: skip
def test_faults_of_a_task(body: str, what: str, hint: str) -> None:
    fault = task_fault(body)
    assert what in fault.what
    assert hint in fault.hint
    assert fault.line == 2 and fault.col > 1
    assert fault.see.startswith("docs/workflow.md#")


@pytest.mark.parametrize("value", [r'"x\0y"', r'"\ud800"', "*nix"])
def test_what_is_no_text_is_told_once(value: str) -> None:
    (fault,) = bad(f"tasks: {{a: {{command: {value}}}}}")
    assert "NUL" in fault.what or "no anchor" in fault.what


@pytest.mark.parametrize(
    "command",
    ["docker ps --format '{{.Names}}'", "echo {{ item.value }}", "echo {{ x }}",
     "${{ github.run }}",
     "echo '{{'", "go {{ .params.x }}", "echo {{ myparams.x }}", "{{ $run.x }}", "{% if run.x %}"],
)  # fmt: skip
def test_other_braces_in_a_command_are_plain_text(command: str) -> None:
    plan = good(f"tasks:\n  t:\n    command: |-\n      {command}\n")
    assert plan.tasks[0].command == command and not plan.tasks[0].templates


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("on: yes", "unknown key 'on' in a workflow", "use events, cron or on_success"),
        ("inputs: {a: b}", "unknown key 'inputs'", "use params"),
        ("timeout: 5", "unknown key 'timeout' in a workflow", "use deadline for the run"),
        ("deadline: 0", "deadline must be more than 0", ""),
        ("timezone: Mars/Olympus", "'Mars/Olympus' is not a time zone", "Europe/Berlin"),
        ("timezone: ../etc/passwd", "is not a time zone", ""),
        ("overlap: maybe", "overlap is 'maybe', not allow, queue, skip or cancel", ""),
        ("overlap: allow\nmax_active_runs: 2", "overlap: allow knows no limit", ""),
        ("overlap: skip\nmax_active_runs: 0", "overlap means nothing without a limit", ""),
        ("max_active_runs: -1", "max_active_runs must be a whole number from 0", ""),
        ("params: [a]", "params must be a mapping, not a list", "write name: value"),
        ("params: {a-b: 1}", "'a-b' is not the name of a param", ""),
        ("params: {a: {type: strnig}}", "type is 'strnig', not string", "did you mean string?"),
        ("params: {a: {default: x, type: integer}}", "the default of a must be of type integer",
         ""),
        ("params: {a: {default: true, type: integer}}", "the default of a must be of type", ""),
        ("params: {a: {required: true, default: 1}}", "param a is required and has a default", ""),
        ("params: {a: {enum: [x], default: y}}", "the default of a is not in its enum", ""),
        ("params: {a: {enum: []}}", "the enum of a must be a list of 1 to 1000 values", ""),
        ("params: {a: {type: integer, enum: [x]}}", "a value of the enum of a must be of type", ""),
        ("params: {a: {pattern: '('}}", "not a pattern: unclosed group", ""),
        ("params: {a: {pattern: 'a+', default: b}}", "the default of a does not match", ""),
        ("params: {a: {type: list, pattern: b}}", "a pattern is for text, and a is list", ""),
        ("params: {a: {defalt: 1}}", "unknown key 'defalt' in param a", "did you mean default?"),
        ("params: {a: '{{ run.id }}'}", "params is taken as it stands", ""),
        ("events: x\nparams: {a: }",
         "param a is required, and nobody can give it to a run by events",
         "a: {default: …}"),
        ("cron: '* * * * *'\nparams: {a: {required: true}}",
         "param a is required, and this schedule does not give it", "params: {a: …}"),
        ("params: {day: 1, Day: 2}", "day and Day would both be $CDKTR_PARAM_DAY", "rename one"),
        ("secrets: {a: hunter2}", "secret a must be a reference, never the secret itself",
         "write env:NAME"),
        ("secrets: {a: [env:B]}", "secret a must be a reference", ""),
        ("secrets: {a: 'env:'}", "secret a must be a reference", ""),
        ("secrets: {a: ~}", "secret a must be a reference", ""),
        ("secrets: {a b: env:C}", "'a b' is not the name of a secret", ""),
        ("defaults: [a]", "defaults must be a mapping, not a list", ""),
        ("defaults: {command: x}", "unknown key 'command' in defaults", "it is of one task"),
        ("defaults: {timout: 5}", "unknown key 'timout' in defaults", "did you mean timeout?"),
        ("defaults: {timeout: x}", "'x' is not a time", ""),
        ("finally: {command: x, depends: a}", "depends means nothing here", ""),
        ("finally: [a]", "task 'finally' must be a mapping, not a list", ""),
        ("finally: {}", "task 'finally' has nothing to run", ""),
        ("output: '{{ tasks.b.code }}'", "output: there is no task 'b'", ""),
        ("output: {a: [{b: '{{ secrets.x }}'}]}", "output.a.b: a secret may stand only in", ""),
        ("env: {A: '{{ tasks.a.code }}'}", "env A: there is no task 'a'", ""),
        ("name: '{{ run.id }}'", "name is taken as it stands", ""),
        ("dialect: [x]", "dialect must be text, not a list", ""),
    ],
)  # fmt: skip
def test_faults_of_a_workflow(text: str, what: str, hint: str) -> None:
    (fault,) = bad(f"{text}\ntasks: {{a: {{command: x}}}}")
    assert what in fault.what
    assert hint in fault.hint


def test_a_secret_that_was_written_down_is_not_repeated() -> None:
    (fault,) = bad("secrets: {password: hunter2}\ntasks: {a: {command: x}}")
    assert "hunter2" not in fault.what + fault.hint


def test_every_fault_of_a_file_is_told_where_it_is() -> None:
    assert told("""\
        params: {day: 2026-01-01}
        secrets: {tok: env:TOKEN}
        tasks:
          extract:
            command: ./extract {{ params.day }}
            outputs: [rows]
          load:
            depends: extract
            config: !Subprocess
              cmd: load
              args: [--rows, "{{ tasks.extract.outputs.row }}", --key, '{{ secrets.tok }}']
            env:
              DAY: it's {{ params.dya }}
              QUOTED: 'it''s {{ params.dya }}'
              ESCAPED: "\\tit's {{ params.dya }}"
              BLOCK: |
                first
                  then {{ params.dya }}
              FOLDED: >
                first
                then {{ params.dya }}
          late: {noop: true, if: tasks.load.code == 0 && task.load.code == 1}
        """) == [
        (5, 24, "command is taken as it stands: {{ params.day }} is never evaluated",
         'write env: {VALUE: "{{ params.day }}"} and use $VALUE'),
        (11, 48, "args: task 'extract' has no output 'row'", "did you mean rows?"),
        (11, 68, "args: a secret may stand only in values of env and in files", ""),
        (13, 27, "env DAY: there is no param 'dya'", "did you mean day?"),
        (14, 32, "env QUOTED: there is no param 'dya'", "did you mean day?"),
        (15, 34, "env ESCAPED: there is no param 'dya'", "did you mean day?"),
        (18, 26, "env BLOCK: there is no param 'dya'", "did you mean day?"),
        (19, 15, "env FOLDED: there is no param 'dya'", "did you mean day?"),
        (22, 32, "if: task 'load' need not be over by then", "add it to depends"),
        (22, 50, "if: there is no 'task' here", "did you mean tasks?"),
    ]  # fmt: skip


def test_names_are_those_of_the_level_and_then_those_outside() -> None:
    good("""
        tasks:
          first: {command: x, outputs: [a]}
          late: {command: x}
          group:
            depends: first
            parallel:
              one: {command: x, outputs: [b], if: tasks.first.outputs.a == 1}
              two: {command: x, depends: one, if: tasks.one.outputs.b == tasks.first.outputs.a}
              each:
                each: {list: [1], as: outer, tasks: {
                  deep: {each: [2], command: x, env: {A: "{{ item.value + outer.value }}"}}}}
          after:
            depends: group
            if: tasks.group.outputs.one.b == 1 && size(tasks.group.results) == 3
            noop: true
        finally: {noop: true, if: tasks.late.code == 1}
        """)
    assert told("""\
        tasks:
          late: {command: x}
          group:
            parallel:
              one: {command: x, if: tasks.late.code == 1}
              two: {command: x, if: tasks.one.code == 1}
              three: {command: x, if: tasks.group.code == 1}
              four: {command: x, if: item.value == 1}
              five: {each: [1], if: item.value == 1, command: x}
          after: {depends: group, if: tasks.one.code == 1 || tasks.group.outputs.six, noop: true}
        """) == [
        (5, 35, "if: task 'late' need not be over by then", "add it to depends"),
        (6, 35, "if: task 'one' need not be over by then", "add it to depends"),
        (7, 37, "if: task 'group' need not be over by then", "add it to depends"),
        (8, 30, "if: there is no 'item' here", "there are params, tasks, run, event"),
        (9, 29, "if: there is no 'item' here", "there are params, tasks, run, event"),
        (10, 37, "if: there is no task 'one'", ""),
        (10, 74, "if: task 'group' has no output 'six'", "add it to its outputs"),
    ]  # fmt: skip


def test_a_rule_may_speak_of_its_dependency_and_what_came_before_it() -> None:
    good("""
        tasks:
          a: {command: x}
          b: {command: x, depends: a}
          c: {command: x}
          d: {command: x, depends: [c, {task: b, if: tasks.b.code == tasks.a.code}]}
        """)
    assert told("""\
        tasks:
          b: {command: x}
          c: {command: x}
          d: {command: x, depends: [c, {task: b, if: tasks.c.code == 1}]}
        """) == [(4, 52, "if: task 'c' need not be over by then", "add it to depends")]


def test_ids_that_copies_would_share_are_refused() -> None:
    assert told("""\
        tasks:
          g.a: {noop: true}
          g: {parallel: {a: {noop: true}}}
        """) == [(3, 18, "two tasks would be called 'g.a'", "rename one")]
    good("tasks: {g.a: {noop: true}, g: {each: {list: [1], tasks: {a: {noop: true}}}}}")


def test_a_task_of_the_end_is_written_beside_the_others() -> None:
    assert told("tasks: {a: {noop: true}, finally: {noop: true}}") == [
        (1, 26, "'finally' is a task of the end of the run", "write finally beside tasks")
    ]
    assert (
        "unknown dependency 'finally'"
        in told("tasks: {a: {noop: true, depends: finally}}\nfinally: {noop: true}")[0][2]
    )


def test_an_expression_without_quotes_is_told_from_a_mapping() -> None:
    first, *_ = told("tasks: {a: {command: x, env: {A: {{ params.x }}}}}")
    assert first[3] == 'quote an expression: "{{ … }}"'


def test_what_is_shared_and_wrong_is_told_once() -> None:
    tasks = "".join(f"  t{i}: {{command: x}}\n" for i in range(50))
    faults = told(f"defaults: {{timeout: never, env: {{A: '{{{{ nope }}}}'}}}}\ntasks:\n{tasks}")
    assert [fault[:3] for fault in faults] == [
        (1, 21, "'never' is not a time"), (1, 41, "env A: there is no 'nope' here"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "command: '%'", "command: x, name: '%'", "command: x, description: '%'",
        "command: x, tags: ['%']", "command: x, shell: ['%']", "python: '%'", "script: '%'",
        "python: x, packages: ['%']", "config: !Subprocess {cmd: '%'}",
        "config: !Subprocess {cmd: x, args: ['%']}", "config: !UvPython {script_path: '%'}",
        "config: !UvPython {script_path: x, args: '%'}",
        "config: !UvPython {script_path: x, uv_path: '%'}",
        "config: !UvPython {script_path: x, working_directory: '%'}",
        "config: !UvPython {script_path: x, packages: '%'}", "command: x, env: {A: '%'}",
        "command: x, dotenv: '%'", "command: x, workdir: '%'", "command: x, files: {a: '%'}",
        "command: x, files: {'%': a}", "command: x, timeout: '%'", "command: x, retry: '%'",
        "command: x, pre: '%'", "command: x, pre: {script: '%'}", "command: x, pre: {python: '%'}",
        "command: x, pre: {command: y, name: '%'}", "command: x, pre: {command: y, env: {A: '%'}}",
        "command: x, post: {config: !Subprocess {cmd: '%'}}", "command: x, outputs: '%'",
        "command: x, artifacts: '%'", "command: x, labels: '%'", "command: x, queue: '%'",
        "command: x, pools: '%'", "command: x, pools: {'%': 1}", "image: '%'",
        "image: x, entrypoint: '%'", "image: x, networks: '%'", "image: x, limits: {cpus: '%'}",
        "image: x, mounts: [{type: tmpfs, target: '%'}]", "command: x, depends: '%'",
        "command: x, stop_signal: '%'", "command: x, priority: '%'", "workflow: '%'",
        "workflow: x, params: {a: '%'}", "workflow: x, params: {a: [{b: '%'}]}",
        "workflow: {name: '%', tasks: {b: {noop: true}}}", "each: '%', command: x",
        "each: ['%'], command: x", "each: {list: [1], as: '%', task: {noop: true}}",
        "matrix: {a: '%'}, command: x", "matrix: {a: [1, '%']}, command: x",
    ],
)  # fmt: skip
def test_an_expression_is_evaluated_or_refused_and_never_left_standing(body: str) -> None:
    more = "params: {x: 1}\n"
    text = body.replace("%", "{{ params.x }}")
    plan, faults = load_text(f"{more}tasks: {{t: {{{text}}}}}".encode(), "w", "w.yaml")
    assert faults or (plan is not None and plan.tasks[0].templates)


@pytest.mark.parametrize(
    "text",
    [
        "name: '%'", "description: '%'", "tags: '%'", "events: '%'", "cron: '%'", "start_time: '%'",
        "timezone: '%'", "params: {a: '%'}", "params: {a: {default: [{b: '%'}]}}",
        "params: {a: {enum: ['%']}}", "params: {a: {description: '%'}}", "secrets: {a: '%'}",
        "secrets: {a: 'file:%'}", "env: {'%': x}", "dotenv: '%'", "workdir: '%'", "placement: '%'",
        "events: {event: '%'}", "events: {event: a, if: '%'}", "cron: {every: '%'}",
        "cron: {cron: '%'}", "cron: {at: '%'}", "cron: {every: 5m, timezone: '%'}",
        "deadline: '%'", "overlap: '%'", "defaults: {labels: '%'}", "defaults: {workdir: '%'}",
        "finally: {command: '%'}",
    ],
)  # fmt: skip
def test_nor_is_one_of_a_workflow(text: str) -> None:
    assert bad(text.replace("%", "{{ run.id }}") + "\ntasks: {a: {command: x}}")
