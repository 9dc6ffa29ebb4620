"""When a workflow starts by itself: `cron`, `schedule`, `start_time` and `timezone` to schedules.

Whatever is written, a word, a line, a mapping or a list of these, the outcome is a `Schedule` each,
with its own time zone and with times in one spelling. What a line may be says `cdktr_common`; when
it fires nobody here knows. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cdktr_common import cronline
from cdktr_common import schedules as common
from cdktr_common.catalogue.values import Param, Schedule
from cdktr_common.durations import strict
from cdktr_principal.language import fields
from cdktr_principal.language.fields import choice, flag, kind, length, nearest, scalar, whole
from cdktr_principal.language.given import Wrong, checked
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import PAGE, Key, Keys, read, unknown_keys, value

SEE: Final = f"{PAGE}#cron-and-schedule"


class Entry(NamedTuple):
    """A schedule as written: where, the arguments of Schedule that it says, and its params."""

    node: Node
    said: dict[str, Any]
    params: Map | None = None


# A line.


def line(node: Node, faults: Faults) -> dict[str, Any] | None:
    """A cron line, `@daily` and such, or `@every 90s`; before it there may be `CRON_TZ=ZONE`."""
    found = scalar(node, faults, "cron")
    if found is None:
        return None
    zone, text = common.zoned(found)
    if zone is not None and (told := common.timezone_problem(zone)):
        faults.at(node, told, "a name like Europe/Berlin, or UTC")
    try:
        meant = common.line(text)
    except ValueError as fault:
        faults.at(node, str(fault), _meant(text))
        return None
    said = {"cron": meant.cron} if meant.cron else {"every_s": meant.every_s}
    return said if zone is None else {**said, "timezone": zone}


def _meant(text: str) -> str:
    """What somebody may have had in mind who wrote a line that is none."""
    if text.startswith("@"):
        word = text.lower().split()[0]
        return "" if word == "@every" else nearest(word, (*cronline.WORDS, "@every"))
    if strict(text) is not None:
        return f"write {{every: {text}}} or @every {text}"
    try:
        return f"write {{at: {common.moment_text(common.moment(text))}}}"
    except ValueError:
        return ""


def schedule(node: Node, faults: Faults) -> Schedule | None:
    """A schedule that is one line, as other dialects have it."""
    with faults.about(SEE):
        said = line(node, faults)
    return Schedule(**_settled(said)) if said is not None else None


def _settled(said: Mapping[str, Any]) -> dict[str, Any]:
    """UTC is what there is without a word."""
    zone = said.get("timezone", "")
    return {**said, "timezone": "" if zone == "UTC" else zone}


# A mapping.


def moment(what: str) -> fields.Reader[str | None]:
    """A reader of a date and time."""

    def read_moment(node: Node, faults: Faults) -> str | None:
        text = scalar(node, faults, what)
        if text is None:
            return None
        try:
            return common.moment_text(common.moment(text))
        except ValueError as fault:
            faults.at(node, f"{what}: {fault}", common.MOMENT_HINT)
            return None

    return read_moment


def timezone(node: Node, faults: Faults) -> str | None:
    """The name of a time zone."""
    found = scalar(node, faults, "timezone")
    told = common.timezone_problem(found) if found is not None else None
    if told:
        faults.at(node, told, "a name like Europe/Berlin, or UTC")
        return None
    return found


_ANCHOR: Final = SEE.partition("#")[2]
ENTRY: Final[Keys] = {
    "cron": Key("line", line, _ANCHOR),
    "every": Key(
        "every_s", length("every", common.MIN_EVERY_S, f"at least {common.MIN_EVERY_S:g}s"), _ANCHOR
    ),
    "at": Key("at", moment("at"), _ANCHOR),
    "timezone": Key("timezone", timezone, _ANCHOR),
    "start": Key("start", moment("start"), _ANCHOR),
    "end": Key("end", moment("end"), _ANCHOR),
    "jitter": Key(
        "jitter_s",
        length("jitter", 0.0, "0 or more", zero=True, most=(common.MAX_JITTER_S, "1d")),
        _ANCHOR,
    ),
    "catchup": Key("catchup", choice("catchup", "none", "last", "all"), _ANCHOR),
    "catchup_limit": Key("catchup_limit", whole("catchup_limit", 1, common.MAX_CATCHUP), _ANCHOR),
    "overlap": Key("overlap", choice("overlap", "allow", "queue", "skip", "cancel"), _ANCHOR),
    "paused": Key("paused", flag("paused"), _ANCHOR),
}
"""What a schedule may say that is a mapping; `params` too, which only the workflow can judge."""

KEYS: Final = (*ENTRY, "params")
_WHEN: Final = ("cron", "every", "at")
_INSTEAD: Final = {
    "tz": "use timezone", "start_time": "use start", "end_time": "use end", "until": "use end",
    "interval": "use every", "schedule": "use cron", "enabled": "use paused", "name": "it has none",
    "timeout": "use deadline of the workflow",
}  # fmt: skip


def entries(node: Node, faults: Faults) -> list[Entry]:
    """All that `cron` or `schedule` says."""
    listed = node.items if isinstance(node, List) else [node]
    if len(listed) > common.MAX_SCHEDULES:
        many = f"{len(listed)} schedules, and at most {common.MAX_SCHEDULES} are allowed"
        faults.at(node, many)
        return []
    found = [_entry(item, faults) for item in listed]
    return [entry for entry in found if entry is not None]


def _entry(node: Node, faults: Faults) -> Entry | None:
    if isinstance(node, List):
        faults.at(node, "a schedule is a cron line or a mapping, not a list")
        return None
    if not isinstance(node, Map):
        said = line(node, faults)
        return None if said is None else Entry(node, said)
    before = len(faults.all())
    unknown_keys(node, KEYS, faults, "a schedule", _INSTEAD)
    said = read(node, ENTRY, faults)
    when = [key for key in _WHEN if key in node.items]
    if len(when) > 1:
        faults.add(*node.marks[when[1]], f"a schedule with both {when[0]} and {when[1]}",
                   "write two schedules")  # fmt: skip
    elif not when:
        faults.at(node, "a schedule needs one of cron, every and at")
    written = said.pop("line", {})
    zone = written.pop("timezone", said.get("timezone", ""))
    if zone != said.get("timezone", zone):
        faults.at(node.items["timezone"], f"the line says {zone[:60]}", "keep one of them")
    _fit(node, said, faults)
    params = node.items.get("params")
    if params is not None and not isinstance(params, Map):
        faults.at(params, f"params must be a mapping, not {kind(params)}", "write name: value")
    if len(faults.all()) > before:
        return None
    said |= {**written, **({"timezone": zone} if zone else {})}
    return Entry(node, said, params if isinstance(params, Map) else None)


def _fit(node: Map, said: dict[str, Any], faults: Faults) -> None:
    """What keys of one schedule are to each other."""
    if "catchup_limit" in said and said.get("catchup") != "all":
        faults.add(*node.marks["catchup_limit"], "catchup_limit means nothing without catchup: all")
    for key in ("start", "end"):
        if key in said and "at" in said:
            faults.add(*node.marks[key], f"{key} means nothing with at", "at comes once")


# All of them.

_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


class StartTime(NamedTuple):
    """A `start_time`, and what it is: a cron line for a time of day, or a moment."""

    node: Node
    line: str
    moment: str


def start_time(node: Node, faults: Faults) -> StartTime | None:
    """A time of day, or a date and time."""
    text = scalar(node, faults, "start_time")
    if text is None:
        return None
    if clock := _TIME_OF_DAY.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return StartTime(node, f"{f'{second} ' if second else ''}{minute} {hour} * * *", "")
    try:
        return StartTime(node, "", common.moment_text(common.moment(text)))
    except ValueError:
        what = f"'{text[:40]}' is neither HH:MM, HH:MM:SS nor a date and time"
        faults.at(node, what, common.MOMENT_HINT)
        return None


def lowered(root: Map, found: dict[str, Any], faults: Faults) -> list[Schedule]:
    """The schedules of a workflow. Takes `cron`, `start_time` and `timezone` out of what was found,
    and looks at its params."""
    listed: list[Entry] = found.pop("cron", [])
    begin: StartTime | None = found.pop("start_time", None)
    zone: str = found.pop("timezone", "")
    with faults.about(SEE):
        if "cron" in root.items and "schedule" in root.items:
            what = "cron and schedule are the same thing"
            faults.add(*root.marks["schedule"], what, "keep one of them, with a list")
        if begin is not None:
            listed = _begun(root, listed, begin, faults)
        if zone and root.items.keys().isdisjoint(("cron", "schedule", "start_time")):
            what = "timezone means nothing without cron or schedule"
            faults.add(*root.marks["timezone"], what)
        schedules: list[Schedule] = []
        seen: dict[object, Node] = {}
        for entry in listed:
            made = Schedule(
                **_settled({"timezone": zone, **entry.said}),
                params=_params(entry, found.get("params", {}), faults),
            )
            told = common.problem(made)
            first = entry.node if told else seen.setdefault(common.same_instants(made), entry.node)
            if first is not entry.node:
                told = f"the same times as the schedule of line {first.line}"
            if told:
                faults.at(entry.node, told)
            schedules.append(made)
    return schedules


def _begun(root: Map, listed: list[Entry], begin: StartTime, faults: Faults) -> list[Entry]:
    """The schedules from `start_time` on, which by itself is one."""
    if not listed:
        if not root.items.keys().isdisjoint(("cron", "schedule")):
            return []  # what is there has a fault
        said = {"cron": begin.line} if begin.line else {"at": begin.moment}
        return [Entry(begin.node, said)]
    if begin.line:
        hint = f"say it in the line ({begin.line}), or give the date from which on it counts"
        faults.at(begin.node, "start_time is a time of day, and cron says when", hint)
        return listed
    return [
        entry if "at" in entry.said else entry._replace(said={"start": begin.moment, **entry.said})
        for entry in listed
    ]


def _params(entry: Entry, declared: Mapping[str, Param], faults: Faults) -> dict[str, Any]:
    """What a run is given by this schedule."""
    found: dict[str, Any] = {}
    items = entry.params.items if entry.params is not None else {}
    for name, node in items.items():
        param = declared.get(name)
        if param is None:
            hint = nearest(name, declared) or "declare it: params: {…} of the workflow"
            faults.at(node, f"the workflow has no param '{name[:80]}'", hint)
            continue
        given = value(node, faults, f"params {name}", "plain")
        try:
            if given is None:
                raise Wrong("is empty")
            if param.type == "string" and isinstance(node, Scalar):
                given = node.text  # 1.10 stays 1.10
            found[name] = checked(param, given)
        except Wrong as wrong:
            faults.at(node, f"param {name} {wrong}")
    for name, param in declared.items():
        if param.required and name not in items:
            what = f"param {name} is required, and this schedule does not give it"
            faults.at(entry.node, what, f"{{cron: …, params: {{{name}: …}}}}, or a default")
    return found
