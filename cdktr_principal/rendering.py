"""What an agent is given of a plan: the fields of its messages, with no template left in them.

Must stay true: what was no template is passed on as it is, a secret stays a reference. Pure; which
tasks are ready, and for whom, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdktr_common.catalogue.values import Payload, Plan, RunContext, TaskPlan
from cdktr_principal.expressions import Scope


def context(
    plan: Plan, scope: Scope, *, workflow: str, event: str | None, payload: Payload
) -> RunContext:
    """What all tasks of a run share; raises `Failed`, which names the key."""
    raise NotImplementedError


def task_fields(
    task: TaskPlan, secrets: Mapping[str, str], extra_env: Mapping[str, str], scope: Scope
) -> dict[str, Any]:
    """The arguments of `TaskSpec` that come from the plan; `extra_env` is what a task finds set
    unless it says otherwise; raises `Failed`, which names the key."""
    raise NotImplementedError
