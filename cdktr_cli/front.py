"""cdktr: the front door. It finds the command, passes on the options that stand before it, and
gets out of the way: commands of this package are called, all other programs replace this one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from cdktr_cli import programs
from cdktr_common import cli
from cdktr_common.errors import NOT_FOUND, OK, USAGE

PROGRAM = "cdktr"

OWN = {
    "start": "start programs on this machine and keep them running",
    "stop": "stop all that runs in this home",
    "init": "write a settings file and a first workflow",
    "config": "`config list`: every setting, its value and where it came from",
    "task": "`task list`, `task run WORKFLOW [--wait]`",
    "help": "`help [COMMAND]`",
}

_MODULES = {
    "start": "cdktr_cli.start",
    "stop": "cdktr_cli.stop",
    "init": "cdktr_cli.init",
    "config": "cdktr_cli.config",
    "trigger": "cdktr_cli.trigger",
    "run": "cdktr_cli.adhoc",
    "ctl": "cdktr_cli.ctl",
    "logs": "cdktr_cli.logs",
    "sql": "cdktr_cli.sql",
}

_ELSEWHERE = {"ui": "tui", "workflow": "task", "status": "ctl ping", "version": "--version"}

_WITH_VALUE = ("--host-port", "--principal", "--home")


def _listed(texts: dict[str, str]) -> str:
    return "\n".join(f"  {name:<10}  {text[0].upper()}{text[1:]}." for name, text in texts.items())


usage = f"""\
cdktr - a workflow engine of small programs

Examples:
  cdktr init
  cdktr start principal --with-agent
  cdktr ui
  cdktr task run hello --wait
  cdktr run -- uname -a
  cdktr logs tail --workflow hello
  cdktr --host-port 10.0.0.5:5561 ctl runs

Usage:
  cdktr [options] COMMAND [ARG...]

Commands:
{_listed(OWN)}

Programs, also called cdktr-NAME:
{_listed(programs.BUILT_IN)}
  Any program cdktr-NAME beside this one or on PATH is `cdktr NAME`.

Options:
{cli.OPTIONS}"""


def main(argv: list[str]) -> int:
    """Run the command that `argv` names."""
    common, rest = split(argv)
    if not rest:
        cli.show_and_exit(usage, common)
        print(usage.strip(), file=sys.stderr)
        return USAGE
    name, *arguments = rest
    if name == "help":
        return _help(arguments)
    if name == "task":
        return _task(common, arguments)
    return call(_ELSEWHERE["ui"] if name == "ui" else name, [*common, *arguments])


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """The options that stand before the command, and the rest. Unknown ones end the program."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        option, joined, _ = argv[at].partition("=")
        if option not in (*_WITH_VALUE, "-h", "--help", "--version", "--protocol"):
            near = cli.near(option, [*_WITH_VALUE, "--help", "--version", "--protocol"])
            cli.fail(PROGRAM, f"unknown option {option}{near}", USAGE)
        if option in _WITH_VALUE and not joined:
            if at + 1 >= len(argv):
                cli.fail(PROGRAM, f"{option} needs a value", USAGE)
            at += 1
        at += 1
    return argv[:at], argv[at:]


def call(name: str, arguments: list[str]) -> int:
    """`cdktr-NAME arguments`, in this process when it belongs to this package."""
    module = _MODULES.get(name)
    if module is not None:
        main: Callable[[list[str]], int] = import_module(module).main
        return main(arguments)
    found = programs.find(name)
    if found is None:
        if name in programs.BUILT_IN:
            cli.fail(PROGRAM, f"cdktr-{name} is not installed beside cdktr or on PATH", NOT_FOUND)
        near = cli.near(name, [*OWN, *programs.all_names()])
        hint = f"; try `cdktr {_ELSEWHERE[name]}`" if name in _ELSEWHERE else near
        cli.fail(PROGRAM, f"no command '{name}'{hint}", USAGE)
    sys.stdout.flush()
    os.execv(found[0], [*found, *arguments])


def _task(common: list[str], arguments: list[str]) -> int:
    """`task list`, `task run WORKFLOW …`: the older words for workflows."""
    action = arguments[0] if arguments else ""
    if action == "list":
        return call("ctl", [*common, "workflows", *arguments[1:]])
    if action == "run":
        return call("trigger", [*common, *workflow_first(arguments[1:])])
    if "-h" in arguments or "--help" in arguments:
        print("Usage:\n  cdktr task list [options of `cdktr-ctl workflows`]")
        print("  cdktr task run WORKFLOW [options of `cdktr-trigger`]")
        return OK
    near = cli.near(action, ["list", "run"]) if action else ""
    cli.fail(PROGRAM, f"task list, or task run WORKFLOW [--wait]{near}", USAGE)


def workflow_first(arguments: list[str]) -> list[str]:
    """`W --wait` as cdktr-trigger takes it: `--workflow W --wait`."""
    with_value = (
        "--payload",
        "--param",
        "-p",
        "--params",
        "--key",
        "-k",
        "--timeout",
        "--retry-for",
        *_WITH_VALUE,
    )
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 2 if arguments[at] in with_value else 1
    return [*arguments[:at], *(["--workflow"] if at < len(arguments) else []), *arguments[at:]]


def _help(arguments: list[str]) -> int:
    if not arguments or arguments[0] == "help":
        print(usage.strip())
        return OK
    return main([*arguments, "--help"])


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main, tidy=False)
