"""Readers of how a task is run: retries, tolerance, stopping, where it is put, in which container.

As in `fields`: a node in, a plain value out, and a fault for what it cannot be. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cdktr_common.catalogue.values import Retry
from cdktr_principal.language import fields
from cdktr_principal.language.fields import Reader, flag, kind, number, scalar, scalars, text, whole
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import Key, read, unknown_keys, words

MAX_RETRIES: Final = 1000
MAX_SLOTS: Final = 1000
MAX_POOLS: Final = 20
MAX_POOL: Final = 1000
MAX_MOUNTS: Final = 50
SIGNALS: Final = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")

_RETRY: Final = {
    "limit": Key("limit", whole("limit", 0, MAX_RETRIES), "retry"),
    "delay": Key("delay_s", fields.length("delay", 0.0, "0 or more", zero=True), "retry"),
    "backoff": Key("backoff", number("backoff", 1, 100), "retry"),
    "max_delay": Key("max_delay_s", fields.length("max_delay", 0.0, "more than 0"), "retry"),
    "jitter": Key("jitter", number("jitter", 0, 1), "retry"),
    "on_exit_codes": Key(
        "on_exit_codes", lambda node, faults: codes(node, faults, "on_exit_codes"), "retry"
    ),
}


def codes(node: Node, faults: Faults, what: str) -> list[int]:
    """Exit codes, each once."""
    read_code = whole(f"a code of {what}", 1, 255)
    found = [read_code(item, faults) for item in scalars(node, faults, what)]
    return list(dict.fromkeys(code for code in found if code is not None))


def retry(node: Node, faults: Faults) -> Retry | None:
    """`retry: 3`, or a mapping that says more."""
    if isinstance(node, Scalar):
        limit = whole("retry", 0, MAX_RETRIES, "write a number, or {limit: 3, delay: 10s}")
        return Retry(limit=limit(node, faults) or 0)
    if not isinstance(node, Map):
        faults.at(node, f"retry must be a number or a mapping, not {kind(node)}")
        return None
    unknown_keys(node, _RETRY, faults, "retry", {"initialDelay": "use delay", "max": "use limit"})
    found = read(node, _RETRY, faults)
    if "limit" not in node.items:
        faults.at(node, "retry has no limit", "limit: how often to try again at most")
    if "max_delay_s" in found and found["max_delay_s"] < found.get("delay_s", 0.0):
        faults.at(node.items["max_delay"], "max_delay is less than delay")
    return Retry(**found)


def tolerated(node: Node, faults: Faults) -> bool | list[int] | None:
    """`continue_on_failure`: true, or a list of exit codes."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    if isinstance(node, List) or (isinstance(node, Scalar) and isinstance(node.value, int)):
        return codes(node, faults, "continue_on_failure")
    faults.at(node, "continue_on_failure must be true, false or a list of exit codes")
    return None


def stop_signal(node: Node, faults: Faults) -> str | None:
    """A signal by its name, with or without SIG."""
    found = scalar(node, faults, "stop_signal")
    if found is None:
        return None
    name = found.upper().removeprefix("SIG")
    if name in SIGNALS:
        return name
    faults.at(node, f"stop_signal is '{found[:40]}', not one of {', '.join(SIGNALS)}")
    return None


def queue(node: Node, faults: Faults) -> str | None:
    """A queue is a label that agents have."""
    found = scalar(node, faults, "queue")
    if found is None or fields.LABEL.fullmatch(found):
        return found
    faults.at(node, f"'{found[:40]}' is not the name of a queue", fields.LABEL_HINT)
    return None


def pools(node: Node, faults: Faults) -> dict[str, int]:
    """Names of pools, or a mapping of a name to how much is taken of it."""
    found: dict[str, int] = {}
    amount = whole("how much of a pool", 1, MAX_POOL)
    if isinstance(node, Map):
        for name, value in node.items.items():
            found[name] = amount(value, faults) or 1
        marks = node.marks
    else:
        listed = scalars(node, faults, "pools")
        found = {item.text: 1 for item in listed}
        marks = {item.text: (item.line, item.col) for item in listed}
    for name in found:
        if not fields.LABEL.fullmatch(name):
            faults.add(*marks[name], f"'{name[:40]}' is not the name of a pool", fields.LABEL_HINT)
    if len(found) > MAX_POOLS:
        faults.at(node, f"{len(found)} pools, and at most {MAX_POOLS} are allowed")
    return found


# Containers.

_CPUS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")
_MEMORY = re.compile(r"[1-9][0-9]{0,14}(?:[kmgt]i?)?b?", re.IGNORECASE)


def _matching(what: str, pattern: re.Pattern[str], hint: str) -> Reader[str | None]:
    def read_text(node: Node, faults: Faults) -> str | None:
        found = scalar(node, faults, what)
        if found is None or pattern.fullmatch(found):
            return found
        faults.at(node, f"'{found[:40]}' is no amount of {what}", hint)
        return None

    return read_text


_LIMITS: Final = {
    "cpus": Key("cpus", _matching("cpus", _CPUS, "write 2 or 0.5"), "image"),
    "memory": Key("memory", _matching("memory", _MEMORY, "write 512m or 2g"), "image"),
}


def limits(node: Node, faults: Faults) -> dict[str, str] | None:
    """What a container may use."""
    if not isinstance(node, Map):
        faults.at(node, f"limits must be a mapping, not {kind(node)}", "limits: {cpus: 1}")
        return None
    unknown_keys(node, _LIMITS, faults, "limits")
    return read(node, _LIMITS, faults)


def networks(node: Node, faults: Faults) -> list[str]:
    """Names of networks."""
    return words("networks", "plain")(node, faults)


def entrypoint(node: Node, faults: Faults) -> list[str]:
    """The program of a container and its first arguments."""
    return words("entrypoint", place="plain")(node, faults)


_PATH = text("a path of mounts", fields.MAX_PATH, one_line=True)
_MOUNT: Final = {
    "type": Key("type", fields.choice("type", "volume", "bind", "tmpfs"), "image"),
    "source": Key("source", _PATH, "image"),
    "target": Key("target", _PATH, "image"),
    "opts": Key("opts", lambda node, faults: _options(node, faults), "image"),
}


def _options(node: Node, faults: Faults) -> dict[str, str] | None:
    if not isinstance(node, Map):
        faults.at(node, f"opts must be a mapping, not {kind(node)}")
        return None
    found = {key: scalar(value, faults, key[:40]) for key, value in node.items.items()}
    return {key: value for key, value in found.items() if value is not None}


def mounts(node: Node, faults: Faults) -> list[dict[str, Any]] | None:
    """What a container sees of other file systems: mappings with type, source and target."""
    if not isinstance(node, List):
        faults.at(node, f"mounts must be a list, not {kind(node)}", "mounts: [{type, target}]")
        return None
    if len(node.items) > MAX_MOUNTS:
        faults.at(node, f"{len(node.items)} mounts, and at most {MAX_MOUNTS} are allowed")
        return None
    found = []
    for item in node.items:
        if not isinstance(item, Map):
            faults.at(item, f"a mount must be a mapping, not {kind(item)}")
            continue
        unknown_keys(item, _MOUNT, faults, "a mount")
        mount = read(item, _MOUNT, faults)
        if "target" not in item.items:
            faults.at(item, "a mount needs a target", "target: a path in the container")
        if mount.get("type") == "bind" and "source" not in item.items:
            faults.at(item, "a bind needs a source", "source: a path of the agent's machine")
        found.append(mount)
    return found


priority: Callable[[Node, Faults], int | None] = whole("priority", 0, 9)
slots: Callable[[Node, Faults], int | None] = whole("slots", 1, MAX_SLOTS)
exclusive: Callable[[Node, Faults], bool | None] = flag("exclusive")
stop_grace = fields.length("stop_grace", 0.0, "0 or more", zero=True)
