"""One evaluation of an expression: its work counted, its loops stepped, its failure explained.

Must stay true: no exception of the library gets out, and none of ours goes through it (it would
write them to stderr), so a failure inside a call from there is kept until the library has
returned. The count depends on source and values alone, never on a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cdktr_principal.expressions import explain, functions, syntax
from cdktr_principal.expressions.explain import Failed
from cdktr_principal.expressions.syntax import Node
from cdktr_principal.expressions.units import Loop, Unit

MAX_COST: Final = 2_000_000
"""What an evaluation may cost, in tenths of a microsecond, roughly: a fifth of a second. A value
that is handed over costs what `size` says, times one more than there are + in the source."""

STEP: Final = 80
"""What a step of a loop costs, and the call of a function, besides what it is about."""

KEPT_VALUE: Final = 8
"""What the body of a loop speaks of besides its item is handed over once, and then costs this
part of it at each step: the library copies or searches it."""

UNKNOWN_PATTERN: Final = 400_000
"""What a regular expression costs that is made by the expression itself."""

MAX_TRIES: Final = 50
"""Parts of a failed expression that are evaluated again to find the one that fails."""

MAX_LEVELS: Final = 100
"""Lists and objects inside one another, in a value. The library is recursive, without a bound."""

Env = dict[str, Any]
FAULTS: Final = (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError)
_NOT_THERE: Final = object()


class Evaluation:
    """The values of the units of one expression. `library` has the class `Context`."""

    def __init__(
        self,
        library: Any,
        source: str,
        unit_of: Callable[[Node], Unit],
        known: Mapping[str, functions.Function],
    ) -> None:
        self._library = library
        self._source = source
        self._unit_of = unit_of
        self._factor = 1 + source.count("+")
        self._functions = {
            functions.INSTEAD.get(name, name): partial(self._call, name, known[name])
            for name in known
        }
        self._cost = 0
        self._failure: Failed | None = None
        self._tries = MAX_TRIES

    def result(self, unit: Unit, env: Env) -> Any:
        """The value of the whole, once. What points from here to what the library holds and back
        is let go, since the garbage collector cannot see into the library."""
        try:
            return self.value(unit, env)
        finally:
            self._functions.clear()
            self._failure = None

    def value(self, unit: Unit, env: Env) -> Any:
        """The value of a unit where names mean what `env` says; raises `Failed`."""
        if unit.path is not None:
            return explain.walk(unit.path, env)
        return self._run(unit, env, self._context(unit, env))

    def _context(self, unit: Unit, env: Env, without: str = "") -> Any:
        given = narrowed([path for path in unit.paths if path[0] != without], env)
        for path in unit.paths:
            if path[0] != without:
                self._charge_path(path, given)
        context = self._library.Context({**given, **dict.fromkeys(unit.loops)}, self._functions)
        if unit.loops:
            context.set_variable_resolver(partial(self._looped, unit, env))
        return context

    def _run(self, unit: Unit, env: Env, context: Any) -> Any:
        for pattern in unit.patterns:
            self._charge_pattern(pattern, env)
        try:
            result = unit.program.execute(context)
        except FAULTS as fault:
            if self._failure is None:
                raise self._explained(unit, env, fault) from None
            raise self._failure from None
        if self._failure is not None:
            raise self._failure
        return result

    def _charge(self, value: Any, more: int = 0) -> None:
        left = MAX_COST - self._cost
        self._cost += more + size(value, left // self._factor + 1) * self._factor
        if self._cost > MAX_COST:
            raise Failed("this is too much work for an expression: too many or too large values")

    def _charge_path(self, path: Sequence[str], env: Env) -> None:
        value = _at(path, env)
        if value is not _NOT_THERE:
            self._charge(value)

    def _charge_pattern(self, node: Node, env: Env) -> None:
        text = node.text if node.kind == "text" else _at(syntax.path(node) or (), env)
        known = isinstance(text, str)
        self._charge(None, functions.pattern_cost(str(text)) if known else UNKNOWN_PATTERN)

    def _call(self, name: str, function: functions.Function, *args: Any) -> Any:
        """A function, called by the library."""
        if self._failure is not None:
            return None
        try:
            made = functions.called(name, function, args)
            self._charge(made, STEP)
        except functions.Refused as fault:
            self._failure = Failed(str(fault))
        except Failed as fault:
            self._failure = fault
        else:
            return made
        return None

    def _looped(self, unit: Unit, env: Env, name: str) -> Any:
        """The value of a loop, when the library asks for the name that stands for it."""
        loop = unit.loops.get(name)
        if loop is None or self._failure is not None:
            return None
        try:
            made = self._loop(loop, env)
            self._charge(made)
        except Failed as fault:
            self._failure = fault
        else:
            return made
        return None

    def _loop(self, loop: Loop, env: Env) -> Any:
        items = self.value(loop.over, env)
        if not isinstance(items, list | dict):
            what = f"{explain.shown(self._source, loop.over.node)} is {functions.kind(items)}"
            raise Failed(f"{what}, and {loop.name} needs a list")
        if isinstance(items, dict):
            items = list(items) if loop.over.path else sorted(items, key=str)
        inner = dict(env)
        steps = [self._step(body, inner, loop.variable) for body in loop.bodies]
        if loop.name == "map":
            kept = (
                items if len(steps) == 1 else [i for i in items if self._holds(loop, steps[0], i)]
            )
            return [steps[-1](item) for item in kept]
        if loop.name == "filter":
            return [item for item in items if self._holds(loop, steps[0], item)]
        if loop.name in ("exists_one", "existsOne"):
            return sum(self._holds(loop, steps[0], item) for item in items) == 1
        return self._search(loop, steps[0], items, loop.name == "exists")

    def _step(self, body: Unit, env: Env, variable: str) -> Callable[[Any], Any]:
        """The body of a loop as a function of an item. What does not change is handed over once."""
        own = [path for path in body.paths if path[0] == variable]
        before = self._cost
        context = None if body.path else self._context(body, env, without=variable)
        each = STEP + (self._cost - before) // KEPT_VALUE

        def step(item: Any) -> Any:
            env[variable] = item
            if context is None:
                self._charge(None, STEP)
                return self.value(body, env)
            given = narrowed(own, env)
            if variable in given:
                context.add_variable(variable, given[variable])
            for path in own:
                self._charge_path(path, given)
            self._charge(None, each)
            return self._run(body, env, context)

        return step

    def _holds(self, loop: Loop, step: Callable[[Any], Any], item: Any) -> bool:
        found = step(item)
        if not isinstance(found, bool):
            what = explain.shown(self._source, loop.bodies[0].node)
            raise Failed(f"{what} is {functions.kind(found)}, and {loop.name} needs true or false")
        return found

    def _search(self, loop: Loop, step: Callable[[Any], Any], items: Any, wanted: bool) -> bool:
        """Whether the first item of a kind is there; one that fails counts when none is."""
        failure: Failed | None = None
        for item in items:
            try:
                if self._holds(loop, step, item) is wanted:
                    return wanted
            except Failed as fault:
                if self._cost > MAX_COST:
                    raise
                failure, self._failure = failure or fault, None
        if failure is not None:
            raise failure
        return not wanted

    def _explained(self, unit: Unit, env: Env, fault: Exception) -> Failed:
        """In plain words what went wrong: the smallest part that fails, and why it does."""
        node, values = unit.node, []
        for part in explain.evaluated(node):
            found = self._again(part, env)
            if isinstance(found, Failed):
                return found
            if found is _NOT_THERE:
                break
            values.append(found)
        if node.kind == "choice" and values and isinstance(values[0], bool):
            found = self._again(node.parts[1 if values[0] else 2], env)
            if isinstance(found, Failed):
                return found
        return Failed(explain.described(self._source, node, values, fault))

    def _again(self, part: Node, env: Env) -> Any:
        """The value of a part of what has failed, or why it has failed too, or that it has had its
        share of time."""
        if not self._tries or self._cost > MAX_COST:
            return _NOT_THERE
        self._tries -= 1
        try:
            unit = self._unit_of(part)
        except ValueError:
            return _NOT_THERE  # `-9223372036854775808` without its minus
        try:
            return self.value(unit, env)
        except Failed as inner:
            self._failure = None
            return _NOT_THERE if self._cost > MAX_COST else inner


def narrowed(paths: Sequence[tuple[str, ...]], env: Env) -> Env:
    """Of `env` only what the paths lead to."""
    given: Env = {}
    for path in sorted(paths):
        source, target = env, given
        for depth, name in enumerate(path, 1):
            if name not in source:
                break
            value = source[name]
            if depth == len(path) or not isinstance(value, dict):
                target[name] = value
                break
            known = target.get(name)
            if known is value:
                break  # a shorter path has brought all of it
            source, target = value, target.setdefault(name, {})
    return given


def _at(path: Sequence[str], env: Any) -> Any:
    """What a path leads to, or to the last value on it."""
    for name in path:
        if not isinstance(env, dict):
            return env
        if name not in env:
            return _NOT_THERE
        env = env[name]
    return env


def size(value: Any, enough: int) -> int:
    """What it costs to hand a value over, up to about `enough`; raises `Failed` for one that is too
    deep for that."""
    counted, level, levels = 0, [value], 0
    while level:
        levels += 1
        if levels > MAX_LEVELS:
            raise Failed(f"a value has lists or objects more than {MAX_LEVELS} levels deep")
        deeper: list[Any] = []
        for item in level:
            if item is None or isinstance(item, int):
                counted += 3
                continue
            counted += 16
            if isinstance(item, str):
                counted += len(item) >> 5
            elif isinstance(item, dict):
                deeper += item
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
            if counted > enough or len(deeper) > enough:
                return enough + 1
        level = deeper
    return counted
