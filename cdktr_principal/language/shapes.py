"""JSON Schema of the values of a workflow file: small shapes that keys are made of.

Text may be written as a number or a word like `true`, as in the files. Pure data; what each key
is, is said in `schema`.
"""

from __future__ import annotations

from typing import Any, Final

from cdktr_common import schedules
from cdktr_principal.language import data, fields, listening, policies
from cdktr_principal.language.source import SUBPROCESS, UV_PYTHON

Shape = dict[str, Any]


def ref(name: str) -> Shape:
    """Another shape by its name."""
    return {"$ref": f"#/$defs/{name}"}


def either(*shapes: Shape) -> Shape:
    """Any of these."""
    return {"anyOf": list(shapes)}


def words(*known: str) -> Shape:
    """One of these words."""
    return {"enum": list(known)}


def whole(least: int, most: int) -> Shape:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def listed(of: Shape) -> Shape:
    """A list."""
    return {"type": "array", "items": of}


def some(of: Shape) -> Shape:
    """One, or a list, or nothing."""
    return either(of, listed(of), NOTHING)


def named(of: Shape, names: str = "") -> Shape:
    """A mapping of names."""
    shape: Shape = {"type": "object", "additionalProperties": of}
    return {**shape, "propertyNames": {"pattern": f"^{names}$"}} if names else shape


def keys(of: dict[str, Shape], *needed: str) -> Shape:
    """A mapping of these keys alone."""
    shape: Shape = {"type": "object", "properties": of, "additionalProperties": False}
    return {**shape, "required": list(needed)} if needed else shape


def told(of: Shape, what: str) -> Shape:
    """The same, with what it is for."""
    return {**of, "description": what}


NOTHING: Final[Shape] = {"type": "null"}
FLAG: Final[Shape] = {"type": "boolean"}
ANY: Final[Shape] = {}
TEXT: Final = ref("text")
TEXTS: Final = some(TEXT)
DURATION: Final = ref("duration")
EXPRESSION: Final[Shape] = {"type": "string", "pattern": r"^\s*\{\{"}
ENV: Final = either(named(either(TEXT, NOTHING), fields.VARIABLE.pattern), NOTHING)
LIST: Final = either(listed(ANY), EXPRESSION)
NUMBER: Final[Shape] = {"type": "number"}

RETRY: Final = keys(
    {
        "limit": whole(0, policies.MAX_RETRIES), "delay": DURATION,
        "backoff": {**NUMBER, "minimum": 1, "maximum": 100}, "max_delay": DURATION,
        "jitter": {**NUMBER, "minimum": 0, "maximum": 1}, "on_exit_codes": some(whole(1, 255)),
    },
    "limit",
)  # fmt: skip
CONFIG: Final = either(
    {"title": SUBPROCESS, **keys({"cmd": TEXT, "args": TEXTS}, "cmd")},
    {
        "title": UV_PYTHON,
        **keys(
            {
                "script_path": TEXT, "packages": TEXTS, "is_uv_project": FLAG,
                "working_directory": TEXT, "uv_path": TEXT, "args": TEXTS,
            },
            "script_path",
        ),
    },
)  # fmt: skip
PARAM: Final = keys({
    "type": words(*data.TYPES), "description": either(TEXT, NOTHING), "default": ANY,
    "required": FLAG, "enum": {**listed(ANY), "minItems": 1}, "pattern": TEXT,
})  # fmt: skip
MOUNT: Final = keys(
    {
        "type": words("volume", "bind", "tmpfs"), "source": TEXT, "target": TEXT,
        "opts": named(TEXT),
    },
    "target",
)  # fmt: skip
SCHEDULE: Final = keys({
    "cron": told(TEXT, "A cron line, @daily and such, or @every 90s."),
    "every": told(DURATION, "A length of time between its times, at least 1s."),
    "at": told(TEXT, "A date and time: once."),
    "timezone": told(TEXT, "Whose clock it goes by, like Europe/Berlin."),
    "start": told(TEXT, "A date and time: nothing before it counts."),
    "end": told(TEXT, "A date and time: nothing after it counts."),
    "jitter": told(DURATION, "Each start is later by some part of this, at most 1d."),
    "catchup": told(words("none", "last", "all"), "Which missed times start a run."),
    "catchup_limit": told(whole(1, schedules.MAX_CATCHUP), "Of all, how many of the last."),
    "overlap": told(
        words("allow", "queue", "skip", "cancel"), "What becomes of its run beside another."
    ),
    "params": told(named(ANY), "What its runs are given."),
    "paused": told(FLAG, "It starts nothing."),
})  # fmt: skip
_BATCH: Final = keys({
    "size": told(whole(2, listening.MAX_BATCH), "How many events are enough."),
    "window": told(DURATION, "How long the first of them waits at most."),
}, "window")  # fmt: skip
LISTENER: Final = keys({
    "event": told(TEXT, "A name, or a pattern like file.*"),
    "if": told(TEXT, "An expression about event.name and event.payload."),
    "debounce": told(DURATION, "One run, so long after the last event."),
    "throttle": told(DURATION, "A run at once, then none for so long."),
    "batch": told(either(DURATION, _BATCH), "One run for several events."),
}, "event")  # fmt: skip
RULE: Final = words("success", "failure", "always")
_HOW: Final = either(RULE, keys({"rule": RULE, "if": TEXT}), NOTHING)
DEPENDS: Final = either(
    TEXT, named(_HOW), NOTHING,
    listed(either(TEXT, keys({"task": TEXT, "rule": RULE, "if": TEXT}, "task"),
                  {**named(_HOW), "maxProperties": 1})),
)  # fmt: skip

DEFINITIONS: Final[dict[str, Shape]] = {
    "text": {"type": ["string", "number", "boolean"]},
    "duration": either(
        {"type": "number", "minimum": 0},
        {
            "type": "string",
            "pattern": r"^[0-9]+(\.[0-9]+)?((ms|s|m|h|d)([0-9]+(\.[0-9]+)?(ms|s|m|h|d))*)?$",
        },
    ),
}
