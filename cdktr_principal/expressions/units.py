"""An expression cut at its loops: what the library evaluates in one go, and what is stepped.

The library cannot be interrupted, and copies the list that a loop makes at every step. So a loop,
`list.map(x, x + 1)`, is taken out: a name stands for it, and its list and its body are units of
their own, evaluated item by item and counted. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cdktr_principal.expressions import functions, syntax
from cdktr_principal.expressions.references import paths
from cdktr_principal.expressions.syntax import Node

Compile = Callable[[str], Any]


class Unit(NamedTuple):
    """A part of an expression without a loop in it. `paths` are those it speaks of, each as often
    as it does; `path` is set when it is nothing else than one, and `program` when it is more.
    `patterns` are the regular expressions that it compiles."""

    node: Node
    paths: tuple[tuple[str, ...], ...]
    path: tuple[str, ...] | None
    program: Any
    loops: dict[str, Loop]
    patterns: tuple[Node, ...] = ()


class Loop(NamedTuple):
    """A loop by its name: over what, with which variable, and one or two things to evaluate."""

    name: str
    node: Node
    over: Unit
    variable: str
    bodies: tuple[Unit, ...]


def cut(source: str, node: Node, compile: Compile) -> Unit:
    """The unit of a part of a source."""
    single = syntax.path(node)
    if single is not None:
        return Unit(node, (single,), single, None, {})
    loops: dict[str, Loop] = {}
    stem = "loop"
    while stem in source:
        stem += "_"
    text, done = [], node.start
    for inner in outermost(node):
        name = f"{stem}{len(loops)}"
        loops[name] = _loop(source, inner, compile)
    places = [(inner.start, inner.end) for inner in outermost(node)]
    replaced = [*zip(places, loops, strict=True), *_instead(source, node)]
    for (start, end), name in sorted(replaced):
        text += [source[done:start], name]
        done = end
    text.append(source[done : node.end])
    spoken = tuple(path for _, path in paths(node, loops=False))
    program = compile("".join(text))
    return Unit(node, spoken, None, program, loops, tuple(_patterns(node)))


def outermost(node: Node) -> Iterator[Node]:
    """The loops in a part that are in no other."""
    if node.is_macro:
        yield node
    else:
        for part in node.parts:
            yield from outermost(part)


def _instead(source: str, node: Node) -> Iterator[tuple[tuple[int, int], str]]:
    """Names of functions outside of loops that are to be called by another one."""
    if node.is_macro:
        return
    if node.kind in ("call", "method") and node.text in functions.INSTEAD:
        start = node.start if node.kind == "call" else source.find(node.text, node.parts[0].end)
        yield (start, start + len(node.text)), functions.INSTEAD[node.text]
    for part in node.parts:
        yield from _instead(source, part)


def _patterns(node: Node) -> Iterator[Node]:
    if node.is_macro:
        return
    if node.kind == "method" and node.text == "matches":
        yield from node.parts[1:2]
    for part in node.parts:
        yield from _patterns(part)


def _loop(source: str, node: Node, compile: Compile) -> Loop:
    over, variable, *bodies = node.parts
    made = tuple(cut(source, body, compile) for body in bodies)
    return Loop(node.text, node, cut(source, over, compile), variable.text, made)
