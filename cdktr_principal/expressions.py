"""Expressions: what they may say, and their values.

Written in the Common Expression Language, evaluated by the library that only this file knows.
Must stay true: whatever the source and the values, an evaluation ends soon, and with a plain JSON
value or with `Failed`. Pure but for the scope it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cdktr_principal.names import Names as Names
from cdktr_principal.names import Problem as Problem
from cdktr_principal.names import TaskNames as TaskNames
from cdktr_principal.references import Reference as Reference
from cdktr_principal.references import renamed as renamed


class Invalid(Exception):
    """A source that is none; `offset` counts its characters from 0."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.what = what
        self.offset = offset


class Failed(Exception):
    """An expression that has no value; the text is the reason, for people."""


class Program(NamedTuple):
    """An expression that may be evaluated."""

    source: str
    references: tuple[Reference, ...]


class Scope(Protocol):
    """Where values come from. The roots are `params`, `tasks`, `run`, `event` and the variables of
    loops: `inputs` and `job` are never asked for, they are `params` and `run`."""

    def variables(self, references: Sequence[Reference]) -> dict[str, Any]:
        """A plain JSON value for each root that the references name; what there is not is left
        out, at any depth. It may hold more than is asked for."""

    def now(self) -> float:
        """UTC epoch seconds."""

    def fresh_number(self, below: int) -> int:
        """A random number from 0 to `below`, exclusive."""


def compiled(source: str) -> Program:
    """The program of a source; raises `Invalid`."""
    raise NotImplementedError


def evaluate(program: Program, scope: Scope) -> Any:
    """The value of a program, plain JSON; raises `Failed`."""
    raise NotImplementedError


def problems(source: str, names: Names) -> list[Problem]:
    """All that is wrong with a source as far as it is known before it is evaluated: its syntax,
    names that there are not, values of types that never go together."""
    raise NotImplementedError
