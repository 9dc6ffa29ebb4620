"""Which file a word means, and whether a command needs a shell.

A command that needs none is executed without one, which must not show: the variables are as the
shell would pass them on, the program is one that surely starts, and the words of the shell stand by
for when it does not. Knows no attempts and starts nothing.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final, NamedTuple

from cdktr_agent import direct

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126

_DEFAULT_PATH: Final = os.defpath.encode()

Env = dict[bytes, bytes]


class CannotStart(Exception):
    """The program of a task cannot be started; the task has failed with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Program(NamedTuple):
    """A program about to be started: all that can be known before a slot is free. `shell`: the
    words that start it when it cannot be without a shell."""

    path: bytes
    argv: list[str]
    env: Env
    shell: list[str] | None = None


class Programs:
    """What is found is remembered until `forget`. `away`: we do not stand where tasks start that
    name no directory."""

    def __init__(self) -> None:
        self._dash = os.path.basename(os.path.realpath("/bin/sh")) == "dash"
        self._found: dict[tuple[bytes, str], bytes] = {}
        self._here: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """Look again: directories change."""
        self._found.clear()
        self._here.clear()

    def of(self, argv: list[str], env: Env) -> Program:
        """The program of these words. Raises CannotStart."""
        return Program(self._find(argv[0], env.get(b"PATH", _DEFAULT_PATH)), argv, env)

    def of_command(self, command: str, argv: list[str], env: Env, odd: bool, away: bool) -> Program:
        """The program of a command for `/bin/sh`, of which `argv` are the words. `odd`: the shell
        would not pass on all variables as they are. Raises CannotStart."""
        words = direct.words(command) if self._dash and not odd else None
        path = env.get(b"PATH", b"%")  # the shell has a default of its own, and a use for %
        if words is not None and b"%" not in path:
            with suppress(CannotStart, OSError):
                found = self._find(words[0], path)
                if "/" in words[0] or found.startswith(b"/"):
                    here = self._where(env.get(b"PWD", b""), away)
                    env = env if env.get(b"PWD") == here else {**env, b"PWD": here}
                    return Program(found, list(words), env, argv)
        return self.of(argv, env)

    def _where(self, told: bytes, away: bool) -> bytes:
        """Where we stand in the words of the shell: as PWD says when that is true."""
        known = None if away else self._here.get(told)
        if known is None:
            known = _where(told)
            if not away:
                self._here[told] = known
        return known

    def _find(self, name: str, path: bytes) -> bytes:
        """The file that `name` means for a task with that PATH, seen from where we stand."""
        if "/" in name:
            return os.fsencode(name)
        known = self._found.get((path, name))
        if known is not None:
            return known
        end = b"/" + os.fsencode(name)
        denied = False
        for directory in path.split(b":"):
            candidate = (directory or b".") + end
            if os.path.isfile(candidate):
                if os.access(candidate, os.X_OK):
                    if directory.startswith(b"/"):  # else it depends on where we stand
                        self._found[(path, name)] = candidate
                    return candidate
                denied = True
        if denied:
            raise CannotStart(NOT_EXECUTABLE, f"cannot start {name}: not executable")
        raise CannotStart(NOT_FOUND, f"cannot start {name}: no such program in PATH")


def _where(told: bytes) -> bytes:
    if told.startswith(b"/"):
        with suppress(OSError, ValueError):
            if os.path.samestat(os.stat(told), os.stat(".")):
                return told
    return os.getcwdb()


def interpreter_fault(path: bytes) -> str:
    """What is wrong with the interpreter that the first line of a script names; empty: nothing, or
    it is no script."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(fd, "rb") as file:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        line = file.read(256).partition(b"\n")[0] if regular else b""
    name = line[2:].strip(b" \t").partition(b" ")[0].partition(b"\t")[0]
    if not line.startswith(b"#!") or not name or os.access(name, os.X_OK):
        return ""
    what = "is not executable" if os.path.exists(name) else "is not there"
    shown = os.fsdecode(name.removesuffix(b"\r"))
    ends = ": the line ends with a carriage return (\\r)" if name.endswith(b"\r") else ""
    return f"the interpreter of its #! line, {shown}, {what}{ends}"
