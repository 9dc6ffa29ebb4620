"""What an expression speaks of: the names in its source, with their places.

Must stay true: a name that a loop of the language binds (`x` in `list.map(x, x + 1)`) is no
reference. Pure; knows neither values nor the library that evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cdktr_principal.expressions import syntax
from cdktr_principal.expressions.syntax import Node


class Reference(NamedTuple):
    """The longest path that is known without evaluating: `tasks.a.outputs["x"]` is `("tasks", "a",
    "outputs", "x")`. `offset` counts characters of the source, from 0."""

    path: tuple[str, ...]
    offset: int


def paths(node: Node, *, loops: bool = True) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """All paths in a part of an expression, in order, also those from variables of loops. Without
    `loops`, those in loops are left out."""
    found = syntax.path(node)
    if found is not None:
        yield node, found
    elif loops or not node.is_macro:
        for index, part in enumerate(node.parts):
            if index != 1 or not node.is_macro:
                yield from paths(part, loops=loops)


def free(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """The paths in a part of an expression whose root is no variable of a loop."""
    found = syntax.path(node)
    if found is not None:
        if found[0] not in bound:
            yield node, found
    elif node.is_macro:
        yield from free(node.parts[0], bound)
        for part in node.parts[2:]:
            yield from free(part, bound | {node.parts[1].text})
    else:
        for part in node.parts:
            yield from free(part, bound)


def references(tree: Node) -> tuple[Reference, ...]:
    """All references, in order of their places."""
    return tuple(Reference(path, node.start) for node, path in free(tree))


def renamed(source: str, rename: Callable[[tuple[str, ...]], str | None]) -> str:
    """The source with each reference replaced by what `rename` says of its path; None: as it
    stands. Raises `Invalid`."""
    made, done = [], 0
    for node, path in free(syntax.parse(source)):
        name = rename(path)
        if name is not None:
            made += [source[done : node.start], name]
            done = node.end
    return "".join((*made, source[done:]))
