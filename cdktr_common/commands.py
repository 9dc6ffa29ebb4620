"""Programs with commands: each is a file with `usage`, the text that is its parser and its help,
and `main(args)`. Which commands there are and what happens without one is the program's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from keyword import iskeyword
from types import ModuleType

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import USAGE

_WITH_VALUE = ("--host-port", "--principal", "--home", "--color")


class Commands:
    """The commands of `program` are files of `package`; `names` tells of each in a few words."""

    def __init__(self, program: str, package: str, names: Mapping[str, str]) -> None:
        self.program = program
        self.package = package
        self.names = names

    def module(self, name: str) -> ModuleType:
        """The file of a command."""
        return import_module(f"{self.package}.{name}{'_' if iskeyword(name) else ''}")

    def help(self, words: Sequence[str], usage: str) -> str:
        """What `help [COMMAND]` shows; `usage` is the program's own."""
        known = [name for name in words if name in self.names]
        return str(self.module(known[0]).usage if known else usage).strip()

    def read(self, before: Sequence[str], words: Sequence[str]) -> tuple[ModuleType, cli.Args]:
        """The command that `words` begin with, and its arguments, of which some may have stood
        `before` it. Ends the program when there is none, or it was asked for its help."""
        name, *arguments = words
        if name not in self.names:
            near = cli.near(name, list(self.names))
            cli.fail(self.program, f"no command '{name}'{near}", USAGE)
        command = self.module(name)
        said = [name, *before, *arguments]
        cli.show_and_exit(command.usage, said)
        return command, parse(command.usage, said)


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options that stand before the command, and the rest from the command on."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in _WITH_VALUE else 1
    return list(argv[:at]), list(argv[at:])
