"""Readers of single values of Tork's job documents, where they differ from ours.

Durations are Go's, limits are Docker's. Each tells what is wrong with its node. Pure.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.values import Schedule
from cdktr_principal.language import fields, policies, timing
from cdktr_principal.language.fields import MAX_TIMEOUT_S, kind, scalar, whole
from cdktr_principal.language.nodes import Faults, Map, Node, Scalar
from cdktr_principal.language.reading import unknown_keys

_GO_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(ns|us|µs|μs|ms|s|m|h)")
_GO_UNITS: Final = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip
_REFERENCE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,199}|file:/?[^\x00-\x1f]{1,4000}")


def duration(node: Node, faults: Faults) -> float | None:
    """A duration as Go writes it: `90s`, `1h30m`, `1.5h`."""
    found = scalar(node, faults, "a time")
    if found is None:
        return None
    parts = _GO_PART.findall(found) if len(found) <= 60 else []
    if not parts or "".join(number + unit for number, unit in parts) != found:
        faults.at(node, f"'{found[:40]}' is not a time of Tork's", "write 90s, 5m or 1h30m")
        return None
    seconds = sum(float(number) * _GO_UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        faults.at(node, "a time must be more than 0 and at most 366d")
        return None
    return seconds


concurrency = whole("concurrency", 0, 99_999)


def queue(node: Node, faults: Faults) -> list[str] | None:
    """A queue is a label that the agent must have; `default` is any agent."""
    found = scalar(node, faults, "queue")
    if found is None or found == "default":
        return [] if found else None
    if "{{" in found:
        faults.at(node, "a queue cannot be an expression", "name it, or use several tasks with if")
        return None
    return fields.labels(node, faults)


def retry(node: Node, faults: Faults) -> dict[str, Any] | None:
    """Arguments of Retry."""
    if not isinstance(node, Map):
        faults.at(node, f"retry must be a mapping, not {kind(node)}", "retry: {limit: 2}")
        return None
    known = ("limit", "initialDelay", "scalingFactor")
    if unknown_keys(node, known, faults, "retry of Tork's"):
        return None
    found: dict[str, Any] = {}
    if "limit" not in node.items:
        faults.at(node, "retry has no limit", "limit: how often it is tried again")
    else:
        found["limit"] = whole("limit", 1, policies.MAX_RETRIES)(node.items["limit"], faults)
    if "initialDelay" in node.items:
        found["delay_s"] = duration(node.items["initialDelay"], faults)
    if "scalingFactor" in node.items:
        factor = node.items["scalingFactor"]
        value = factor.value if isinstance(factor, Scalar) else None
        if isinstance(value, (int, float)) and value is not True and 1 <= value <= 100:
            found["backoff"] = float(value)
        else:
            faults.at(factor, "scalingFactor must be a number from 1 to 100")
    return {key: value for key, value in found.items() if value is not None}


def limits(node: Node, faults: Faults) -> dict[str, str] | None:
    """Arguments of Container. Tork takes `.5` where we want `0.5`."""
    cpus = node.items.get("cpus") if isinstance(node, Map) else None
    if isinstance(node, Map) and isinstance(cpus, Scalar) and cpus.text.startswith("."):
        whole_text = msgspec.structs.replace(cpus, text=f"0{cpus.text}")
        node = msgspec.structs.replace(node, items={**node.items, "cpus": whole_text})
    return policies.limits(node, faults)


def schedule(node: Node, faults: Faults) -> Schedule | None:
    """When a scheduled job runs."""
    if not isinstance(node, Map) or "cron" not in node.items:
        faults.at(
            node, "a schedule of Tork's is a mapping with cron", 'schedule: {cron: "0 3 * * *"}'
        )
        return None
    unknown_keys(node, ("cron",), faults, "schedule")
    return timing.schedule(node.items["cron"], faults)


def inputs(node: Node | None, faults: Faults) -> dict[str, Scalar]:
    """Values by name; in Tork all of them are text."""
    found = _named(node, faults, "inputs", "an input")
    known: dict[str, str] = {}
    for name, value in found.items():
        other = known.setdefault(name.upper(), name)
        if other != name:
            what = f"{other[:40]} and {name[:40]} would both be $CDKTR_PARAM_{name.upper()[:40]}"
            faults.at(value, what, "rename one")
    return found


def _named(node: Node | None, faults: Faults, what: str, one: str) -> dict[str, Scalar]:
    if not isinstance(node, Map):
        if node is not None and not (isinstance(node, Scalar) and node.value is None):
            faults.at(node, f"{what} must be a mapping, not {kind(node)}", "write name: value")
        return {}
    found: dict[str, Scalar] = {}
    for key, value in node.items.items():
        if not fields.VARIABLE.fullmatch(key):
            hint = "letters, digits and _, not beginning with a digit"
            faults.add(*node.marks[key], f"'{key[:40]}' is no name of {one}", hint)
        elif isinstance(value, Scalar):
            found[key] = value
        else:
            faults.at(value, f"{one} must be text, not {kind(value)}", "write it as JSON in quotes")
    return found


def secrets(
    node: Node | None, faults: Faults, outer: dict[str, str] | None = None
) -> dict[str, str]:
    """References by name, never values. A sub-job may hand on those of its job, `outer`."""
    found: dict[str, str] = {}
    for key, value in _named(node, faults, "secrets", "a secret").items():
        handed = re.fullmatch(r"\{\{\s*secrets\.(\w+)\s*\}\}", value.text)
        if outer is not None and handed:
            if handed[1] not in outer:
                faults.at(value, f"the job has no secret '{handed[1][:80]}'")
            found[key] = outer.get(handed[1], "")
        elif _REFERENCE.fullmatch(value.text):
            found[key] = value.text
        else:
            hint = f"{key}: env:{key.upper()} or {key}: file:/path, resolved by the agent"
            faults.at(value, f"the secret '{key[:40]}' is a value, not a reference", hint)
    return found
