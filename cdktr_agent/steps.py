"""What runs in an attempt one after another, and what its end is in sum.

First the `pre` steps; after one that fails neither another nor the task itself runs, and its code
is the task's. Then all `post` steps, however it went; one that fails makes a success a failure and
leaves a failure as it was. A part that cannot be started has failed like any other. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from cdktr_common.catalogue.values import StepSpec, TaskSpec

SHELL: Final = ("/bin/sh", "-c")

Kind = Literal["pre", "main", "post"]


class Part(NamedTuple):
    """One program to run. `label` names it in reasons; that of the task itself is empty."""

    kind: Kind
    number: int
    label: str
    what: TaskSpec | StepSpec


class Course:
    """See the module text. `code` and `reason` are what is known of the end so far."""

    def __init__(self, spec: TaskSpec) -> None:
        before = [_part("pre", i, step) for i, step in enumerate(spec.pre)]
        after = [_part("post", i, step) for i, step in enumerate(spec.post)]
        self._parts = [*before, Part("main", 0, "", spec), *after]
        self._at = 0
        self.code = 0
        self.reason = ""

    @property
    def part(self) -> Part:
        """The one that runs or is to be started."""
        return self._parts[self._at]

    @property
    def last(self) -> bool:
        """Does nothing follow it?"""
        return self._at == len(self._parts) - 1

    def over(self, code: int, reason: str) -> Part | None:
        """It has ended so. The next one, None when that was all."""
        part = self.part
        if code and part.kind != "main":
            reason = f"{part.label}: {reason or f'exit code {code}'}"
        if part.kind == "post":
            if code:
                self.fail(code, reason, "; then ")
        else:
            self.code = self.code or code
            self.reason = reason or self.reason
        if self.last:
            return None
        self._at += 1
        if part.kind == "pre" and code:
            while self.part.kind != "post":
                if self.last:
                    return None
                self._at += 1
        return self.part

    def fail(self, code: int, reason: str, behind: str = "; ") -> None:
        """It has failed with this too."""
        self.reason = after(self.code, self.reason, reason, behind)
        self.code = self.code or code


def after(code: int, reason: str, more: str, between: str = "; ") -> str:
    """A further reason behind what is known of the end: its code, when that has none."""
    reason = reason or (f"exit code {code}" if code else "")
    return f"{reason}{between}{more}" if reason else more


def _part(kind: Kind, number: int, step: StepSpec) -> Part:
    name = f" {step.name}" if step.name else f" {number + 1}"
    return Part(kind, number, f"{kind} step{name}", step)


def argv_of(what: TaskSpec | StepSpec, script: str) -> list[str]:
    """The words of its program. `script`: where its script stands, if it has one."""
    if what.script is not None:
        if what.argv:
            return [*what.argv, script]
        if what.script.startswith("#!"):
            return [script]
        return [*_interpreter(what.shell), script]
    if what.argv:
        return what.argv
    return [*_with_command(what.shell), what.command or ""]


def _with_command(shell: Sequence[str]) -> Sequence[str]:
    """A shell that is to take its commands from the next word."""
    if not shell:
        return SHELL
    return shell if len(shell) > 1 and shell[-1].startswith("-") else [*shell, "-c"]


def _interpreter(shell: Sequence[str]) -> Sequence[str]:
    """The same shell, to take them from a file."""
    if not shell:
        return SHELL[:1]
    if len(shell) > 1 and re.fullmatch(r"-[A-Za-z]*c", shell[-1]):
        return [*shell[:-1], shell[-1][:-1]] if len(shell[-1]) > 2 else shell[:-1]
    return shell
