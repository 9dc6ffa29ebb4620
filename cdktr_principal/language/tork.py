"""A workflow file to a plan: job documents of Tork's.

`load` takes the tree of a file and tells every fault in it, each with its place. A key of Tork's
that is not honoured is one, and says what to use. `inputs` become params, `run` a script that is
never evaluated, `var` the result of its task. Pure: no file is opened here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from cdktr_common.catalogue.values import Call, Param, Plan
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.names import Names
from cdktr_principal.expressions.programs import Invalid
from cdktr_principal.language import data, fields, tork_fields, tork_keys, tork_leaf
from cdktr_principal.language.draft import check, join, known
from cdktr_principal.language.ids import Ids
from cdktr_principal.language.nodes import Faults, Map, Node, Scalar
from cdktr_principal.language.tork_tasks import Reading, sequence
from cdktr_principal.language.tork_vars import Vars, rewritten

JOB_KEYS: Final = (*tork_keys.JOB, *tork_keys.NOT_DONE)
TASK_KEYS: Final = (*tork_keys.TASK, *tork_keys.NOT_DONE)

SEE: Final = "docs/dialects.md#tork"


def load(root: Map, workflow: str, faults: Faults, strip_image: bool = False) -> Plan:
    """The plan that a tree describes. It is of no use when there were faults. With `strip_image`
    every task is a plain process, whatever image it asks for."""
    with faults.about(SEE):
        tork_keys.strange(root, tork_keys.JOB, faults, "a job of Tork's")
        found: dict[str, Any] = {}
        if "schedule" in root.items:
            schedule = tork_fields.schedule(root.items["schedule"], faults)
            found["schedules"] = [schedule] if schedule is not None else []
        if "tags" in root.items:
            found["tags"] = data.tags(root.items["tags"], faults)
        params = {
            key: Param(default="" if node.value is None else node.text)
            for key, node in tork_fields.inputs(root.items.get("inputs"), faults).items()
        }
        secrets = tork_fields.secrets(root.items.get("secrets"), faults)
        reading = Reading(
            workflow=workflow,
            faults=faults,
            subjob=_subjob,
            strip_image=strip_image,
            defaults=_defaults(root.items.get("defaults"), faults),
            secrets=secrets,
        )
        return _plan(root, reading, params, found)


def _plan(root: Map, reading: Reading, params: dict[str, Param], found: dict[str, Any]) -> Plan:
    """The plan of a job or sub-job."""
    faults = reading.faults
    names = Names(params=params, secrets=reading.secrets)
    with faults.noting() as notes:
        for key, read in (("name", fields.name), ("description", fields.description)):
            if key in root.items:
                found[key] = read(root.items[key], faults)
    check(notes, names, faults)
    drafts = sequence(root.items.get("tasks"), reading, root)
    tasks = join(drafts, [], names, faults)
    output = root.items.get("output")
    if output is not None and fields.scalar(output, faults, "output") is not None:
        assert isinstance(output, Scalar)
        told = rewritten(output, reading.vars, faults, "output")
        with faults.noting() as notes:
            faults.note(told, "output", "template")
        check(notes, known(drafts, names), faults)
        found["output"] = told.text
    given = {key: value for key, value in found.items() if value is not None}
    return Plan(
        workflow=reading.workflow, tasks=tasks, params=params, secrets=reading.secrets, **given
    )


def _defaults(node: Node | None, faults: Faults) -> dict[str, Any]:
    if node is None:
        return {}
    if not isinstance(node, Map):
        faults.at(node, f"defaults must be a mapping, not {fields.kind(node)}")
        return {}
    tork_keys.strange(node, tork_keys.DEFAULTS, faults, "defaults of Tork's")
    return tork_leaf.plain(node, tork_keys.DEFAULTS, faults)


_INPUT: Final = re.compile(r"inputs\.\w+")


def _as_text(text: str) -> str:
    """An input of Tork's is a text, whatever the value is that it is made of."""
    try:
        parts = templates.pieces(text) if templates.is_template(text) else []
    except Invalid:
        return text  # told when it is checked
    source = parts[0].text.strip() if len(parts) == 1 else ""
    # Inputs are texts already.
    return f"{{{{ string({source}) }}}}" if source and not _INPUT.fullmatch(source) else text


def _subjob(node: Map, reading: Reading, task: str) -> Call:
    """A job inside a job knows nothing of the outer one but its inputs and secrets."""
    faults = reading.faults
    tork_keys.strange(node, tork_keys.SUBJOB, faults, "subjob")
    given: dict[str, Any] = {}
    for key, value in tork_fields.inputs(node.items.get("inputs"), faults).items():
        told = rewritten(value, reading.vars, faults, f"inputs.{key}")
        faults.note(told, f"inputs.{key}", "template")
        given[key] = _as_text(told.text)
    inside = replace(
        reading,
        workflow=f"{reading.workflow}.{task}",
        defaults={},
        secrets=tork_fields.secrets(node.items.get("secrets"), faults, reading.secrets),
        ids=Ids(),
        vars=Vars(),
        nested=0,
    )
    detached = node.items.get("detached")
    said = fields.flag("detached")(detached, faults) if detached is not None else False
    return Call(
        plan=_plan(node, inside, {key: Param(required=True) for key in given}, {}),
        params=given,
        detached=bool(said),
    )
