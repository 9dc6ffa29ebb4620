"""Expressions: what they may say, and their values.

Written in the Common Expression Language, evaluated by the library that only this file knows.
Must stay true: whatever the source and the values, an evaluation ends soon, and with a plain JSON
value or with `Failed`. Pure but for the scope it is given.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from cdktr_principal.expressions import explain, functions, names, syntax, units
from cdktr_principal.expressions.evaluation import Evaluation
from cdktr_principal.expressions.explain import Failed as Failed
from cdktr_principal.expressions.names import Names as Names
from cdktr_principal.expressions.names import Problem as Problem
from cdktr_principal.expressions.names import TaskNames as TaskNames
from cdktr_principal.expressions.references import Reference as Reference
from cdktr_principal.expressions.references import references
from cdktr_principal.expressions.references import renamed as renamed
from cdktr_principal.expressions.syntax import Invalid as Invalid

if TYPE_CHECKING:
    import cel

MAX_RESULT: Final = 256 << 10
"""Bytes of JSON that a value may have."""

KEPT: Final = 1024
"""Programs that are kept for the next use of the same source."""

ALIASES: Final = {"inputs": "params", "job": "run"}
"""Roots that have two names."""


class Program(NamedTuple):
    """An expression that may be evaluated."""

    source: str
    references: tuple[Reference, ...]
    tree: syntax.Node
    unit: units.Unit


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


@lru_cache(KEPT)
def compiled(source: str) -> Program:
    """The program of a source; raises `Invalid`."""
    tree = _tree(source)
    try:
        return Program(source, references(tree), tree, units.cut(source, tree, _compile))
    except ValueError as fault:
        raise Invalid(*explain.syntax_error(source, str(fault))) from None


def _tree(source: str) -> syntax.Node:
    """The tree of a source that the library understands."""
    tree = syntax.parse(source)
    if syntax.path(tree) is None:
        try:
            _compile(source)
        except ValueError as fault:
            raise Invalid(*explain.syntax_error(source, str(fault))) from None
    return tree


def evaluate(program: Program, scope: Scope) -> Any:
    """The value of a program, plain JSON; raises `Failed`."""
    asked = [
        Reference((ALIASES.get(root, root), *rest), offset)
        for (root, *rest), offset in program.references
    ]
    if any(reference.path[0] == "secrets" for reference in asked):
        raise Failed("a secret stands alone in its braces, and only in env and files")
    env = scope.variables(asked) if asked else {}
    for alias, root in ALIASES.items():
        if root in env:
            env[alias] = env[root]
    if program.unit.path is not None:
        return _bounded(explain.walk(program.unit.path, env))
    evaluation = Evaluation(
        _library(),
        program.source,
        lambda node: units.cut(program.source, node, _compile),
        functions.known(scope.now, scope.fresh_number),
    )
    try:
        return _bounded(functions.plain(evaluation.result(program.unit, env)))
    except functions.Refused as fault:
        raise Failed(f"the value {fault}") from None


def problems(source: str, names_here: Names) -> list[Problem]:
    """All that is wrong with a source as far as it is known before it is evaluated: its syntax,
    names that there are not, values of types that never go together."""
    try:
        tree = compiled(source).tree
    except Invalid as fault:
        return [Problem(fault.offset, fault.what, fault.hint)]
    return names.problems(source, tree, names_here)


@cache
def _library() -> Any:
    """The library's own module, which is one file. Its package would bring a command line program
    with all that this needs, and take four times as long."""
    package = importlib.util.find_spec("cel")
    places = package.submodule_search_locations if package else None
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", places)
    if spec is None or spec.loader is None:
        raise ImportError("common-expression-language is not installed")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compile(source: str) -> cel.Program:
    program: cel.Program = _library().compile(source)
    return program


def _bounded(value: Any) -> Any:
    """The value; raises `Failed` for one that is too large."""
    if isinstance(value, list | dict) or (isinstance(value, str) and len(value) > MAX_RESULT // 6):
        length = len(functions.as_json(value).encode())
        if length > MAX_RESULT:
            raise Failed(f"the value has {length} bytes, at most {MAX_RESULT} are allowed")
    return value
