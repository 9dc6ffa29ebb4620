"""What an agent is given of a plan: the fields of its messages, with no template left in them.

Must stay true: what was no template is passed on as it is, a secret stays a reference. Pure; which
tasks are ready, and for whom, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from cdktr_common.catalogue.values import (
    Container,
    Payload,
    Plan,
    RunContext,
    Step,
    StepSpec,
    TaskPlan,
)
from cdktr_principal.expressions.programs import Scope
from cdktr_principal.expressions.syntax import clipped
from cdktr_principal.expressions.templates import is_template, keyed, sealed, text

AS_PLANNED: Final = (
    "argv", "command", "workdir", "timeout_s", "on_principal_lost", "shell", "script", "files",
    "dotenv", "stop_signal", "stop_grace_s", "outputs", "capture", "artifacts", "slots",
    "container",
)  # fmt: skip
"""Fields that a task of a plan and a `TaskSpec` both have."""

Texts = dict[str, str]
Sealed = dict[str, list[str]]


def context(
    plan: Plan, scope: Scope, *, workflow: str, event: str | None, payload: Payload
) -> RunContext:
    """What all tasks of a run share; raises `Failed`, which names the key."""
    env, secret = plan.env, Sealed()
    if plan.templates:
        env, secret = texts("env", env, scope, plan.secrets)
    return RunContext(
        workflow=workflow, event=event, payload=payload, env=env, workdir=plan.workdir,
        dotenv=plan.dotenv, sealed=secret,
    )  # fmt: skip


def task_fields(
    task: TaskPlan, secrets: Mapping[str, str], extra_env: Mapping[str, str], scope: Scope
) -> dict[str, Any]:
    """The arguments of `TaskSpec` that come from the plan; `extra_env` is what a task finds set
    unless it says otherwise; raises `Failed`, which names the key."""
    fields: dict[str, Any] = {name: getattr(task, name) for name in AS_PLANNED}
    if not task.templates:
        fields["env"] = {**extra_env, **task.env} if extra_env else task.env
        fields["pre"], fields["post"] = _plain_steps(task.pre), _plain_steps(task.post)
        return fields
    env, secret = texts("env", task.env, scope, secrets)
    set_already = {name: value for name, value in extra_env.items() if name not in secret}
    fields["env"], fields["sealed"] = {**set_already, **env}, secret
    fields["files"], fields["sealed_files"] = texts("files", task.files, scope, secrets)
    fields["argv"] = _argv("", task.argv, scope)
    fields["pre"] = _steps("pre", task.pre, scope, secrets)
    fields["post"] = _steps("post", task.post, scope, secrets)
    fields["container"] = _container(task.container, scope)
    return fields


def texts(
    what: str, given: Mapping[str, str], scope: Scope, secrets: Mapping[str, str]
) -> tuple[Texts, Sealed]:
    """Named texts, rendered: those without a secret, and those with."""
    plain, secret = Texts(), Sealed()
    for name, template in given.items():
        made = keyed(f"{what} {name}", sealed, template, scope, secrets)
        if isinstance(made, str):
            plain[name] = made
        else:
            secret[name] = made
    return plain, secret


def _argv(what: str, argv: list[str] | None, scope: Scope) -> list[str] | None:
    if argv is None:
        return None
    return [keyed(f"{what}{_place(n, word)}", text, word, scope) for n, word in enumerate(argv)]


def _place(n: int, word: str) -> str:
    """Which word, as its author knows it: what stands before it may not have been written."""
    return f"{'args' if n else 'cmd'} '{clipped(word)}'" if is_template(word) else ""


def _container(container: Container | None, scope: Scope) -> Container | None:
    if container is None or not is_template(container.image):
        return container
    return replace(container, image=keyed("image", text, container.image, scope))


def _plain_steps(steps: list[Step]) -> list[StepSpec]:
    return [
        StepSpec(
            name=step.name, argv=step.argv, command=step.command, shell=step.shell,
            script=step.script, env=step.env, timeout_s=step.timeout_s, image=step.image,
        )
        for step in steps
    ]  # fmt: skip


def _steps(
    what: str, steps: list[Step], scope: Scope, secrets: Mapping[str, str]
) -> list[StepSpec]:
    made = []
    for n, (step, plain) in enumerate(zip(steps, _plain_steps(steps), strict=True)):
        key = f"{what}[{n}]"
        env, secret = texts(f"{key} env", step.env, scope, secrets)
        made.append(replace(
            plain, env=env, sealed=secret, argv=_argv(f"{key} ", step.argv, scope),
            name=keyed(f"{key} name", text, step.name, scope),
            image=keyed(f"{key} image", text, step.image, scope),
        ))  # fmt: skip
    return made
