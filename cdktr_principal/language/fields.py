"""Readers of single values in a workflow file: a node in, a plain value out.

Each tells what is wrong with its node and then returns a harmless value, so that reading goes on
and finds the next fault. The limits of values are stated here. Pure; knows no workflow or task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final, TypeVar

from cdktr_common import durations
from cdktr_principal.language.nodes import Faults, List, Map, Node, Place, Scalar

T = TypeVar("T")
Reader = Callable[[Node, Faults], T]

MAX_ID: Final = 100
MAX_NAME: Final = 200
MAX_DESCRIPTION: Final = 10_000
MAX_COMMAND: Final = 64 << 10
MAX_ENV: Final = 64 << 10
MAX_PATH: Final = 4096
MAX_LIST: Final = 20_000
MAX_TIMEOUT_S: Final = 366 * 86400.0
MIN_LOST_AFTER_S: Final = 0.5
MAX_LOSSES: Final = 1000

MAX_NEAR: Final = 2000
"""Words a mistaken one is compared with: 15 ms of work."""

ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:=/@+-]{0,99}")
LABEL_HINT: Final = "letters, digits and _ . : = / @ + -, at most 100"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

SET_BY_CDKTR: Final = frozenset({
    "CDKTR_RUN_ID", "CDKTR_WORKFLOW", "CDKTR_TASK_ID", "CDKTR_ATTEMPT", "CDKTR_FENCE",
    "CDKTR_IDEMPOTENCY_KEY", "CDKTR_LEASE_S", "CDKTR_EVENT", "CDKTR_PAYLOAD",
    "CDKTR_PAYLOAD_FILE", "CDKTR_AGENT", "CDKTR_OUTPUT", "TORK_OUTPUT", "CDKTR_PROGRESS",
    "TORK_PROGRESS", "CDKTR_TASK_DIR",
})  # fmt: skip
"""Variables every task finds set; a file cannot say otherwise."""


def kind(node: Node) -> str:
    """What a node is, for people."""
    if isinstance(node, List):
        return "a list"
    if isinstance(node, Map):
        return "a mapping"
    return "nothing" if isinstance(node, Scalar) and node.value is None else "a value"


def is_one_line(text: str) -> bool:
    """Has it neither line ends nor control characters? What names are made of."""
    return not _CONTROL.search(text)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word most like `word`, or nothing."""
    matches = get_close_matches(word[:MAX_ID], islice(known, MAX_NEAR), 1, 0.6)
    return f"did you mean {matches[0]}?" if matches else ""


def scalar(node: Node, faults: Faults, what: str) -> str | None:
    """The text of a value, as written: 1.10 stays 1.10, true stays true. None after a fault."""
    if not isinstance(node, Scalar):
        hint = 'quote an expression: "{{ … }}"' if isinstance(node, Map) and not node.items else ""
        faults.at(node, f"{what} must be text, not {kind(node)}", hint)
    elif node.tag:
        faults.at(node, f"{node.tag} belongs to config alone", f"config: {node.tag}")
    elif node.value is None:
        faults.at(node, f"{what} is empty" + (f" ({node.text} is null)" if node.text else ""))
    else:
        return node.text
    return None


def text(
    what: str, limit: int, *, one_line: bool = False, place: Place = "plain", chars: bool = False
) -> Reader[str | None]:
    """A reader of text of 1 to `limit` bytes, with `chars` characters, as names are counted;
    `place` is what it may hold."""
    unit = "characters" if chars else "bytes"

    def read(node: Node, faults: Faults) -> str | None:
        found = scalar(node, faults, what)
        if found is None:
            return None
        if not found.strip():
            faults.at(node, f"{what} is empty")
        elif (size := len(found) if chars else len(found.encode())) > limit:
            faults.at(node, f"{what} has {size} {unit}, at most {limit} are allowed")
        elif one_line and not is_one_line(found):
            faults.at(node, f"{what} must be one line without control characters")
        elif isinstance(node, Scalar):
            faults.note(node, what, place)
            return found
        return None

    return read


name = text("name", MAX_NAME, one_line=True, chars=True)
task_name = text("name", MAX_NAME, one_line=True, chars=True, place="template")
command = text("command", MAX_COMMAND)


def description(node: Node, faults: Faults) -> str:
    """Any text; nothing is a description too."""
    if isinstance(node, Scalar) and node.value is None:
        return ""
    return (text("description", MAX_DESCRIPTION)(node, faults) or "").strip()


def scalars(node: Node, faults: Faults, what: str) -> list[Scalar]:
    """The values of a list; a single value is a list of one, nothing is an empty one."""
    if isinstance(node, Scalar):
        if node.value is None and not node.text:
            return []
        return [node] if scalar(node, faults, what) is not None else []
    if not isinstance(node, List):
        faults.at(node, f"{what} must be a list, not {kind(node)}", "write [first, second]")
        return []
    if len(node.items) > MAX_LIST:
        faults.at(node, f"{what} has {len(node.items)} items, at most {MAX_LIST} are allowed")
        return []
    each = f"an item of {what}"
    return [
        item
        for item in node.items
        if scalar(item, faults, each) is not None and isinstance(item, Scalar)
    ]


def labels(node: Node, faults: Faults) -> list[str]:
    """Labels, each once."""
    found = scalars(node, faults, "labels")
    for item in found:
        if not LABEL.fullmatch(item.text):
            what = f"'{item.text[:40]}' is not a label"
            faults.at(item, what, LABEL_HINT)
    return list(dict.fromkeys(item.text for item in found))


def env(node: Node, faults: Faults) -> dict[str, str]:
    """Variables. Values are text as written; nothing is the empty text."""
    if not isinstance(node, Map):
        if not (isinstance(node, Scalar) and node.value is None):
            faults.at(node, f"env must be a mapping, not {kind(node)}", "write NAME: value")
        return {}
    found: dict[str, str] = {}
    for key, value in node.items.items():
        line, col = node.marks[key]
        if not VARIABLE.fullmatch(key):
            hint = "letters, digits and _, not beginning with a digit"
            faults.add(line, col, f"'{key[:40]}' is no name of a variable", hint)
        elif key in SET_BY_CDKTR:
            faults.add(line, col, f"{key} is set by CDKTR for each task")
        elif isinstance(value, Scalar) and value.value is None:
            found[key] = ""
        else:
            found[key] = scalar(value, faults, f"the value of {key}") or ""
            if isinstance(value, Scalar):
                faults.note(value, f"env {key}", "sealed")
    size = sum(len(key) + len(value.encode()) + 2 for key, value in found.items())
    if size > MAX_ENV:
        faults.at(node, f"env has {size} bytes, at most {MAX_ENV} are allowed")
    return found


def workdir(node: Node, faults: Faults) -> str | None:
    """A directory on the agent."""
    found = text("workdir", MAX_PATH, one_line=True)(node, faults)
    if found and found.startswith("~"):
        faults.at(node, "~ is not expanded in workdir", "write the whole path")
    return found


def length(
    what: str,
    least_s: float,
    least: str,
    *,
    zero: bool = False,
    most: tuple[float, str] = (MAX_TIMEOUT_S, "366d"),
) -> Reader[float | None]:
    """A reader of seconds, or a duration with units: at least `least_s`, and 0 only with `zero`."""

    def read(node: Node, faults: Faults) -> float | None:
        found = scalar(node, faults, what)
        if found is None:
            return None
        seconds = durations.strict(found)
        if seconds is None:
            faults.at(node, f"'{found[:40]}' is not a time", "write seconds, or 90s, 5m, 1h30m")
        elif seconds > most[0] or seconds < least_s or not (seconds or zero):
            faults.at(node, f"{what} must be {least} and at most {most[1]}")
        else:
            return seconds
        return None

    return read


timeout = length("timeout", 0.0, "more than 0")
lost_after = length("lost_after", MIN_LOST_AFTER_S, f"at least {MIN_LOST_AFTER_S:g}s")


def whole(what: str, least: int, most: int, hint: str = "") -> Reader[int | None]:
    """A reader of a whole number."""

    def read(node: Node, faults: Faults) -> int | None:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        faults.at(node, f"{what} must be a whole number from {least} to {most}", hint)
        return None

    return read


def number(what: str, least: float, most: float) -> Reader[float | None]:
    """A reader of a number."""

    def read(node: Node, faults: Faults) -> float | None:
        value = node.value if isinstance(node, Scalar) else None
        fine = isinstance(value, (int, float)) and not isinstance(value, bool)
        if fine and least <= float(value or 0) <= most:
            return float(value or 0)
        faults.at(node, f"{what} must be a number from {least:g} to {most:g}")
        return None

    return read


def flag(what: str) -> Reader[bool | None]:
    """A reader of true or false."""

    def read(node: Node, faults: Faults) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        shown = f", not '{node.text[:20]}'" if isinstance(node, Scalar) and node.text else ""
        faults.at(node, f"{what} must be true or false{shown}")
        return None

    return read


max_losses = whole("max_losses", 1, MAX_LOSSES)


def choice(what: str, *words: str) -> Reader[str | None]:
    """A reader of one word out of several."""

    def read(node: Node, faults: Faults) -> str | None:
        found = scalar(node, faults, what)
        if found is None or found in words:
            return found
        known = " or ".join((", ".join(words[:-1]), words[-1]))
        faults.at(node, f"{what} is '{found[:40]}', not {known}", nearest(found, words))
        return None

    return read


placement = choice("placement", "spread", "together")
on_agent_lost = choice("on_agent_lost", "rerun", "fail", "hold")
on_principal_lost = choice("on_principal_lost", "stop", "finish")
