"""What a request may carry: checks that a definition or payload from the wire must pass.

Every limit is stated here and in PROTOCOL.md. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from cdktr_common.catalogue.values import Payload, Plan, TaskPlan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.dag import plan_problems
from cdktr_principal.language.fields import (
    ID,
    LABEL,
    MAX_LOSSES,
    MAX_TIMEOUT_S,
    MIN_LOST_AFTER_S,
    SET_BY_CDKTR,
    VARIABLE,
)
from cdktr_principal.params import check_params as check_params
from cdktr_principal.params import params_of_event as params_of_event
from cdktr_principal.sizes import check_size

PLAN_TASKS: Final = 20_000
COMMAND_BYTES: Final = 64 << 10

_WORKFLOW: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,199}")


def check_payload(payload: Payload) -> None:
    """Raises ProtocolError too_large."""
    check_size("the payload", payload)


def check_plan(plan: Plan) -> None:
    """A plan that came by wire must be as good as one from a file. Raises ProtocolError."""
    if not _WORKFLOW.fullmatch(plan.workflow):
        raise ProtocolError("bad_field", f"'{plan.workflow[:80]}' is no workflow id")
    if not plan.tasks:
        raise ProtocolError("invalid", "the plan has no tasks")
    if len(plan.tasks) > PLAN_TASKS:
        raise ProtocolError("too_large", f"{len(plan.tasks):,} tasks; at most {PLAN_TASKS:,}")
    for task in plan.tasks:
        _check_task(task)
    problems = plan_problems(plan)
    if problems:
        raise ProtocolError("invalid", "; ".join(str(problem) for problem in problems[:5]))


def _check_task(task: TaskPlan) -> None:
    if not ID.fullmatch(task.id):
        raise ProtocolError("bad_field", f"'{task.id[:80]}' is no task id")
    kinds = [task.command, task.script, task.group, task.call, task.noop or None]
    if task.argv is not None and task.script is None:
        kinds.append(True)
    if sum(kind is not None for kind in kinds) != 1:
        raise ProtocolError(
            "invalid", f"task {task.id}: give one of argv, command, script, group, call, noop"
        )
    if task.argv is not None and (not task.argv or not task.argv[0]):
        raise ProtocolError("invalid", f"task {task.id}: argv is empty")
    words = [task.command] if task.command is not None else task.argv or []
    if sum(len(word) for word in words) > COMMAND_BYTES:
        raise ProtocolError("too_large", f"task {task.id}: the command is too long")
    if any("\0" in word for word in (*words, *task.env, *task.env.values())):
        raise ProtocolError("invalid", f"task {task.id}: a NUL byte in command or env")
    for name in task.env:
        if name in SET_BY_CDKTR or not VARIABLE.fullmatch(name):
            raise ProtocolError("invalid", f"task {task.id}: '{name[:40]}' is no name for env")
    if task.timeout_s is not None and not 0 < task.timeout_s <= MAX_TIMEOUT_S:
        raise ProtocolError("bad_field", f"task {task.id}: a time-out is over 0 s, up to 366 days")
    if any(not LABEL.fullmatch(label) for label in task.labels):
        raise ProtocolError(
            "invalid", f"task {task.id}: a label is 1 to 100 letters, digits, _.:=/@+-"
        )
    if task.workdir is not None and (not task.workdir or "\0" in task.workdir):
        raise ProtocolError("invalid", f"task {task.id}: no such working directory can be")
    if not 1 <= task.max_losses <= MAX_LOSSES:
        raise ProtocolError(
            "bad_field", f"task {task.id}: max_losses is 1 to {MAX_LOSSES}, not {task.max_losses}"
        )
    lease_s = task.lost_after_s
    if lease_s is not None and not MIN_LOST_AFTER_S <= lease_s <= MAX_TIMEOUT_S:
        raise ProtocolError(
            "bad_field", f"task {task.id}: lost_after_s is {MIN_LOST_AFTER_S:g} s to 366 days"
        )


def digest(subject: Plan | str, payload: Payload, params: Mapping[str, Any] | None = None) -> str:
    """A short name of what a trigger asked for, to tell the same from another. `params` as they
    were given."""
    content = encode([subject, payload, params] if params else [subject, payload])
    return hashlib.blake2b(content, digest_size=8).hexdigest()
