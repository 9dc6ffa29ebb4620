"""A user's crontab to plans, one for each of its entries.

Variables, nicknames like `@daily`, `%` for standard input and the comments above an entry are
kept; what cannot be is told: as a note of its entry, or, when nothing would be left of the entry,
as a fault at its line. Pure: no file is opened here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cdktr_common import cronline, schedules
from cdktr_common.catalogue.values import Plan, Schedule, TaskPlan
from cdktr_principal.language.fields import SET_BY_CDKTR, VARIABLE
from cdktr_principal.language.ids import Ids
from cdktr_principal.language.nodes import Faults

NICKNAMES: Final = {**cronline.WORDS, "@every_minute": "* * * * *"}

_VARIABLE: Final = re.compile(r"""\s*(?:"([^"=]+)"|'([^'=]+)'|([^\s"'=]+))\s*=(.*)""")
_ENTRY: Final = re.compile(r"\s*(-?)(@\S+|\S+(?:\s+\S+){4})\s+(\S.*)")
_HEADING: Final = re.compile(r"#\s*m(in\w*)?\s+h(our\w*)?\s+d", re.IGNORECASE)
_FIELD: Final = re.compile(r"(?:[\d*/,~-]|[a-z]{3}\b)+", re.IGNORECASE)
_ELEMENT: Final = re.compile(
    r"\*(?:/[0-9]+)?|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3})(?:/[0-9]+)?)?"
)
_ORDER: Final = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "nov": 11, "dec": 12,
    "sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6,
}  # fmt: skip
_PERCENT: Final = re.compile(r"(?<!\\)%")
_WORD: Final = re.compile(r"""[^\s;&|<>()"']+""")

_MAIL: Final = frozenset({"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"})
_CRONS_OWN: Final = frozenset({*_MAIL, "SHELL", "CRON_TZ", "RANDOM_DELAY", "LOGNAME", "USER"})

_RUNNERS: Final = frozenset({
    "bash", "cd", "chronic", "command", "doas", "env", "exec", "flock", "if", "ionice",
    "nice", "node", "nohup", "perl", "php", "python", "python3", "ruby", "setsid", "sh", "source",
    "sudo", "test", "then", "time", "timeout", "uv", "[", "[[", "!", ".", "{",
})  # fmt: skip
"""Words that run others and say nothing of what is done."""


class Entry(NamedTuple):
    """A workflow made of one line. `notes` are sentences for people about what is different."""

    line: int
    plan: Plan
    notes: list[str]


@dataclass
class _Reading:
    """Where reading has come to: variables apply to the entries below them, comments to the one
    right below."""

    faults: Faults
    ids: Ids = field(default_factory=Ids)
    variables: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def decoded(data: bytes, faults: Faults) -> str:
    """The text of a crontab; none of it when it is not all UTF-8, since no line may say something
    else than it did."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError as fault:
            what = f"byte 0x{line[fault.start]:02x} is not UTF-8"
            faults.add(number, fault.start + 1, what, "save the file as UTF-8")
    return ""


def entries(text: str, faults: Faults) -> list[Entry]:
    """The workflows that a crontab means. Each has the id of its only task."""
    reading = _Reading(faults)
    for number, line in enumerate(text.split("\n"), 1):
        _line(line.strip(" \t\r"), number, reading)
    if not reading.entries and not faults.all():
        faults.add(1, 1, "the crontab has no entries")
    return reading.entries


def _line(line: str, number: int, reading: _Reading) -> None:
    if not line:
        reading.comments.clear()
    elif line.startswith("#"):
        _comment(line, reading)
    elif "\ufeff" in line:
        what = "a byte order mark (U+FEFF) in the middle of the file"
        reading.faults.add(number, line.index("\ufeff") + 1, what, "remove this character")
    elif match := _VARIABLE.fullmatch(line):
        reading.variables[match[1] or match[2] or match[3]] = _unquoted(match[4].strip())
        reading.comments.clear()
    elif match := _ENTRY.fullmatch(line):
        _entry(match, number, reading)
        reading.comments.clear()
    else:
        hint = "five fields of time, or @daily and such, and a command"
        reading.faults.add(number, 1, f"not a line of a crontab: '{line[:80]}'", hint)


def _comment(line: str, reading: _Reading) -> None:
    """Comments describe the entry below; a heading over the fields or an entry that was switched
    off does not."""
    if _HEADING.match(line):
        reading.comments.clear()
        return
    off = _ENTRY.fullmatch(line.lstrip("#"))
    if off is None or not (off[2][0] == "@" or all(map(_FIELD.fullmatch, off[2].split()))):
        reading.comments.append(line.lstrip("#").strip())


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _entry(match: re.Match[str], number: int, reading: _Reading) -> None:
    faults = reading.faults
    when = " ".join(match[2].split())
    if when == "@reboot":
        hint = "the service manager of the machine starts things at boot: cdktr-trigger there"
        faults.add(number, 1, "@reboot: no workflow starts when a machine does", hint)
        return
    cron = NICKNAMES.get(when, when)
    schedule = Schedule(
        cron=cron,
        timezone=_timezone(reading.variables),
        jitter_s=_delay_s(reading.variables.get("RANDOM_DELAY", "")),
    )
    problem = _cron_problem(cron) or schedules.problem(schedule)
    if problem:
        faults.add(number, match.start(2) + 1, problem)
        return
    command, stdin = _parted(match[3])
    if not command.strip():
        faults.add(number, match.start(3) + 1, "the entry has no command")
        return
    notes = _notes(bool(match[1]), reading.variables)
    name = reading.ids.of(_name(command), "entry")
    task: dict[str, Any] = {"command": _fed(command, stdin) if stdin else command}
    shell = reading.variables.get("SHELL", "")
    if shell not in ("", "/bin/sh"):
        task["shell"] = [shell, "-c"]
    env = _env(reading.variables, notes)
    plan = Plan(
        workflow=name,
        description="\n".join(reading.comments).strip().replace("{{", "{ {"),
        schedules=[schedule],
        env=env,
        templates=any("{{" in value for value in env.values()),
        workdir=reading.variables.get("HOME") or None,
        tasks=[TaskPlan(id=name, **task)],
    )
    reading.entries.append(Entry(number, plan, notes))


def _cron_problem(cron: str) -> str | None:
    if cron.startswith("@"):
        return f"{cron[:40]}: no such nickname is known"
    if "~" in cron:
        return "a time picked at random (~) is not supported: write a fixed one"
    for part in re.split("[ ,]", cron):
        match = _ELEMENT.fullmatch(part.lower())
        if match is None:
            return f"'{part[:40]}' is not for cron, which takes *, */5, 1, 1-5, 1-5/2 and lists"
        if match[2] and _number(match[1]) > _number(match[2]):
            return f"'{part[:40]}' ends before it begins"
    return None


def _timezone(variables: dict[str, str]) -> str:
    zone = variables.get("CRON_TZ", "")
    return "" if zone == "UTC" else zone


def _delay_s(minutes: str) -> float:
    """`RANDOM_DELAY`: up to so many minutes later."""
    seconds = 60.0 * int(minutes) if re.fullmatch(r"[0-9]{1,6}", minutes) else 0.0
    return min(seconds, schedules.MAX_JITTER_S)


def _number(word: str) -> int:
    return _ORDER[word] if word in _ORDER else int(word) if word.isdecimal() else 0


def _notes(silent: bool, variables: dict[str, str]) -> list[str]:
    """What is different from cron, for this entry."""
    notes = []
    if silent:
        notes.append("the - before the time, which keeps cron from logging it, is left out")
    if variables.get("MAILTO"):
        notes.append(f"MAILTO={variables['MAILTO']}: output is not mailed, cdktr-logs shows it")
    return notes


def _env(variables: dict[str, str], notes: list[str]) -> dict[str, str]:
    """The variables that are the command's."""
    found = {}
    for name, value in variables.items():
        if name in _CRONS_OWN:
            continue
        if VARIABLE.fullmatch(name) and name not in SET_BY_CDKTR:
            # In a workflow file braces would be an expression.
            found[name] = (
                f"{{{{ {json.dumps(value, ensure_ascii=False)} }}}}" if "{{" in value else value
            )
        else:
            notes.append(f"the variable '{name[:80]}' is left out: no task can have it")
    return found


def _parted(text: str) -> tuple[str, str | None]:
    """The command, and what it reads: all behind the first %, of which others are line ends."""
    command, *rest = _PERCENT.split(text)
    lines = [line.replace("\\%", "%") for line in (command, *rest)]
    return lines[0].strip(), "\n".join(lines[1:]) if rest else None


def _fed(command: str, stdin: str) -> str:
    """A command with its standard input."""
    end = "END"
    while end in stdin.split("\n"):
        end += "_"
    body = stdin if stdin.endswith("\n") else f"{stdin}\n"
    return f"{{\n{command}\n}} <<'{end}'\n{body}{end}\n"


def _name(command: str) -> str:
    """The program that a command is about: the first word that does something."""
    skip = False
    for word in _WORD.findall(command):
        if skip:
            skip = False
        elif word == "cd":
            skip = True
        elif not (word in _RUNNERS or word[0] in "-$" or "=" in word or word.isdigit()):
            base = word.rstrip("/").rsplit("/", 1)[-1]
            if base not in _RUNNERS:
                return str(base.rsplit(".", 1)[0] or base)
    return ""
