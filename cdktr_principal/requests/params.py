"""What a run is given: each value checked against what its workflow declares.

What a single value may be is in `language.given`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cdktr_common.catalogue.values import Param, Plan
from cdktr_common.errors import ProtocolError
from cdktr_principal.language.fields import nearest
from cdktr_principal.language.given import SHOWN, Wrong, checked
from cdktr_principal.requests.sizes import check_size


def check_params(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """All params of a run, in the order in which they are declared, defaults included. Raises
    ProtocolError: bad_field, which names the param, or too_large."""
    for name in given:
        if name not in plan.params:
            raise _unknown(name, plan.params, f"workflow {plan.workflow}")
    found: dict[str, Any] = {}
    for name, param in plan.params.items():
        value = given.get(name)
        if value is None and param.required:
            about = f" ({param.description[:200]})" if param.description else ""
            raise ProtocolError("bad_field", f"param {name}{about} is required and was not given")
        if value is None:
            found[name] = _default(param)
            continue
        try:
            found[name] = checked(param, value)
        except Wrong as wrong:
            raise ProtocolError("bad_field", f"param {name} {wrong}") from None
    check_size("the params", found)
    return found


def _default(param: Param) -> Any:
    whole = param.type == "number" and isinstance(param.default, int)
    return float(param.default) if whole else param.default


def check_declared(plans: Iterable[Plan], given: Mapping[str, Any]) -> None:
    """A param given with an event is declared by one of the workflows that listen to it. Raises
    ProtocolError."""
    if not given:
        return
    declared = {name: param for plan in plans for name, param in plan.params.items()}
    for name in given:
        if name not in declared:
            raise _unknown(name, declared, "workflows that listen to this event")


def params_of_event(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """The params of a run that an event starts: those that its workflow declares. Raises
    ProtocolError."""
    if not plan.params:
        return {}
    return check_params(plan, {name: given[name] for name in given if name in plan.params})


def _unknown(name: str, known: Mapping[str, Param], whose: str) -> ProtocolError:
    shown = f"'{name[:80]}'"
    if not known:
        return ProtocolError("bad_field", f"{whose}: no params are declared, and {shown} was given")
    hint = nearest(name, known) or f"known are {', '.join(list(known)[:SHOWN])}"
    return ProtocolError("bad_field", f"{whose}: unknown param {shown}: {hint}")
