"""Which commands need no shell: what `/bin/sh -c` would only split into words and execute.

A task must not be able to tell. So a command counts as plain only when every character of it is
one that the shell leaves alone, or stands in quotes that are understood here whole; anything else
is for the shell: expansions, globs, redirections, several commands, assignments, builtins, words
of its grammar, text that is not ASCII. Whether there is such a program the caller has to see: if
not, the shell says so in its own words. When a signal ends the program, a shell that waits for it
speaks of that and exits with a code; `complaint` says the same for the shell that was not there.
One thing does show: the program leads its session as the shell would have, so `setsid` stays with
the shell. Knows dash, which `/bin/sh` has to be. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

MOST: Final = 4096
"""Longer commands are given to the shell: they are not worth remembering."""

_NAME_OF_PROGRAM: Final = r"[A-Za-z0-9_./][A-Za-z0-9_./:,@%+^-]*"
_PLAIN: Final = re.compile(_NAME_OF_PROGRAM + r"(?:[ \t]+[A-Za-z0-9_./:,=@%+^-]+)*")
_FIRST: Final = re.compile(_NAME_OF_PROGRAM + r"(?=[ \t]|$)")
_BARE: Final = re.compile(r"[A-Za-z0-9_./:,=@%+^-]+")
_SINGLE: Final = re.compile(r"'([\t\n -&(-~]*)'")
_DOUBLE: Final = re.compile(r'"([\t\n !#%-\[\]-_a-~]*)"')
_SPACE: Final = re.compile(r"[ \t]+")

_BUILTIN: Final = frozenset((
    ".", ":", "[", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "chdir",
    "command", "compgen", "complete", "compopt", "continue", "coproc", "declare", "dirs",
    "disown", "do", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec", "exit",
    "export", "false", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help",
    "history", "if", "in", "inlib", "jobs", "kill", "let", "local", "logout", "mapfile", "popd",
    "printf", "pushd", "pwd", "read", "readarray", "readonly", "return", "select", "set",
    "setvar", "shift", "shopt", "source", "suspend", "test", "then", "time", "times", "trap",
    "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
))  # fmt: skip
"""Of dash, and of other shells, in which a file may have been tried before."""

_RESERVED: Final = frozenset((b"IFS", b"OPTIND", b"PPID"))
"""The shell sets these anew when they come by the environment, and passes them on so."""

_NAME: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(1024)
def words(command: str) -> tuple[str, ...] | None:
    """The words that the shell would execute the program with; None: this is for the shell."""
    if len(command) > MOST or "setsid" in command:
        return None
    text = command.strip(" \t\n")
    if _PLAIN.fullmatch(text):
        found = text.split()
        return None if found[0] in _BUILTIN else tuple(found)
    first = _FIRST.match(text)
    if first is None or first[0] in _BUILTIN:
        return None
    rest = _quoted(text, first.end())
    return None if rest is None else (first[0], *rest)


def _quoted(text: str, at: int) -> list[str] | None:
    """The words from there on; parts with and without quotes may make up one."""
    found: list[str] = []
    while at < len(text):
        space = _SPACE.match(text, at)
        if space is not None:
            found.append("")
            at = space.end()
            continue
        part = _BARE.match(text, at) or _SINGLE.match(text, at) or _DOUBLE.match(text, at)
        if part is None:
            return None
        found[-1] += part[1] if part.re is not _BARE else part[0]
        at = part.end()
    return found


def odd(names: Iterable[bytes]) -> bool:
    """Would the shell pass on these variables otherwise than it has got them? It drops those that
    are no names to it."""
    return any(name in _RESERVED or not _NAME.fullmatch(name) for name in names)


SILENT: Final = (2, 13)
"""Signals of which the shell says nothing: INT and PIPE."""


def complaint(number: int, name: str, core: bool) -> bytes:
    """What the shell says on stderr when this signal has ended its program. It exits with 128 and
    the number."""
    if number in SILENT:
        return b""
    return name[:32].encode() + (b" (core dumped)" if core else b"") + b"\n"
