"""Expressions: whatever the source and the values, an evaluation ends soon, in one of two ways."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Param
from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions import syntax
from cdktr_principal.expressions.programs import Failed, Invalid, Names, Reference, TaskNames
from tests.unit.expressions.sources import EXPRESSIONS, SOURCES
from tests.unit.expressions.values import Values, value

HOSTILE: dict[str, Any] = {
    "params": {
        "n": 3, "f": 1.5, "s": "abc", "b": True, "l": [1, 2, 3], "z": None, "big": list(range(900)),
        "o": {"a": {"b": [1, {"c": 2}]}}, "h": 2**70, "m": 2**63,
    },
    "tasks": {"a": {"result": "[1,2]"}, "b-c": {"code": 0}},
    "event": {"payload": [{}] * 50},
    "item": {"value": 1},
}  # fmt: skip


@settings(max_examples=600, deadline=2000)
@given(SOURCES)
def test_an_evaluation_gives_json_or_fails_with_a_reason(source: str) -> None:
    try:
        program = expressions.compiled(source)
        json.dumps(expressions.evaluate(program, Values(**HOSTILE)), allow_nan=False)
    except Invalid as fault:
        assert fault.what and 0 <= fault.offset <= len(source)
    except Failed as failure:
        assert str(failure) and len(str(failure)) < 500 and "\n" not in str(failure)


@settings(max_examples=300, deadline=2000)
@given(SOURCES)
def test_problems_have_places_and_names_kept_give_the_source(source: str) -> None:
    for problem in expressions.problems(source, Names(tasks={"b-c": TaskNames()}, loop=("item",))):
        assert problem.what and 0 <= problem.offset <= len(source)
    try:
        found = expressions.compiled(source).references
    except Invalid:
        return
    assert expressions.renamed(source, lambda path: None) == source
    for path, offset in found:
        assert source.startswith(path[0], offset)


@settings(max_examples=200, deadline=2000)
@given(EXPRESSIONS)
def test_renaming_there_and_back_gives_the_same_value(source: str) -> None:
    def outcome(text: str) -> str:
        try:
            found = value(text, **HOSTILE, other=HOSTILE["params"])
        except Failed:
            return "failed"
        # A list plus an object is the list with the object's keys, in any order, to the library.
        return repr(sorted(map(repr, found)) if isinstance(found, list) else found)

    try:
        expressions.compiled(source)
    except Invalid:
        return

    def rename(path: tuple[str, ...]) -> str | None:
        plain = all(name.isidentifier() for name in path)
        ours = plain and path[0] in ("params", "inputs")
        return ".".join(("other", *path[1:])) if ours else None

    assert outcome(expressions.renamed(source, rename)) == outcome(source)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(_JSON)
def test_values_pass_through_unharmed(given: Any) -> None:
    assert value("item.value", item={"value": given}) == given
    inside = value("[item.value][0]", item={"value": given})
    assert inside == given or "e" in repr(inside)  # whole numbers beyond 64 bits become decimal


def test_references_are_the_longest_static_paths_without_variables_of_loops() -> None:
    source = "tasks.a.outputs['x'].map(x, x + params.n)[item.index] == inputs.l.size()"
    assert expressions.compiled(source).references == (
        Reference(("tasks", "a", "outputs", "x"), 0),
        Reference(("params", "n"), 32),
        Reference(("item", "index"), 42),
        Reference(("inputs", "l"), 57),
    )
    scope = Values(
        tasks={"a": {"outputs": {"x": [1]}}}, params={"n": 1, "l": []}, item={"index": 0}
    )
    assert expressions.evaluate(expressions.compiled(source), scope) is False
    assert ("params", "l") in scope.asked and ("inputs", "l") not in scope.asked


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("params.l.map(x, params.l.map(y, x * y))", [[1, 2, 3], [2, 4, 6], [3, 6, 9]]),
        ("params.l.map(params, params + 1)", [2, 3, 4]),
        ("params.l.filter(x, params.l.exists(y, y > x)).map(x, {'v': x})", [{"v": 1}, {"v": 2}]),
        ("params.l.map(x, x > 1, x * 10)", [20, 30]),
        ("{'a': 1}.map(k, k)", ["a"]),
        ("[1, 'a'].exists(x, x > 0)", True),
        ("['a', 1].exists(x, x > 0)", True),
        ("['a', 1].all(x, x > 1)", False),
        ("params.l.exists_one(x, x > 1)", False),
        ("false && params.nothing.map(x, x).size() > 0", False),
        ("has(params.q) ? params.q.map(x, x) : []", []),
        ("'loop0' + string(params.l.map(x, x)[0])", "loop01"),
        ("{2: 3, true: 4}", {"2": 3, "true": 4}),
        ("b'abc'", "YWJj"),
        ("duration('90s')", "90s"),
        ("3u", 3),
        ("// nothing\n params . n", 3),
    ],
)
def test_loops_and_kinds(source: str, wanted: Any) -> None:
    got = value(source, **HOSTILE)
    assert got == wanted and type(got) is type(wanted)


@pytest.mark.parametrize(
    "source",
    [
        "params.big.map(x, params.big.filter(y, y == x))",
        "['aa']" + ".map(x, x + x)" * 40,
        "[1]" + ".map(x, [x, x])" * 40,
        "+".join(["params.big"] * 60),
        "sequence(0, 20000).map(x, params.big).size()",
        "params.big.map(x, {'a': [string(x)]}).filter(y, y.a in params.big.map(z, [string(z)]))",
        "sequence(0, 10000).all(x, !'a'.matches('(\\\\pL{50}){3}'))",
        "[1]" + ".map(x, x)" * 300,
        "(" * 900 + ")" * 900,
        "!" * 1999 + "b",
        "-" * 1999 + "1",
        "a" + ".b" * 990,
        "true ? " * 200 + "1" + " : 1" * 200,
        "'" * 2000,
        "'''\\" * 500,
    ],
)
def test_hostile_sources_are_refused_quickly(source: str) -> None:
    began = time.process_time()
    with pytest.raises((Failed, Invalid)):
        value(source, **HOSTILE)
    assert time.process_time() - began < 1.5


def test_values_too_deep_for_the_library_are_refused() -> None:
    deep: Any = 1
    for _ in range(30_000):
        deep = [deep]
    with pytest.raises(Failed, match="levels deep"):
        value("size(event.payload)", event={"payload": deep})
    for source in ("fromJSON(params.s)", "fromJSON(params.s).size()"):
        with pytest.raises(Failed):
            value(source, params={"s": "[" * 500 + "]" * 500})


def test_a_failed_evaluation_leaves_nothing_behind() -> None:
    def fail() -> None:
        with pytest.raises(Failed):
            value("params.l.map(x, x + 'a')", **HOSTILE)

    fail()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        fail()
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_a_failure_of_ours_is_not_written_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed, match="upper takes a text"):
        value("params.l.map(x, upper(x))", **HOSTILE)
    assert capfd.readouterr().err == ""


def test_names_alone_need_no_library_and_nothing_needs_its_command_line() -> None:
    program = (
        "import sys; from cdktr_principal.expressions import programs as e; e.compiled('params.x');"
        "a = e._library.cache_info().currsize; e.compiled('params.x + 1');"
        "print(a, e._library.cache_info().currsize, {'typer', 'rich', 'cel'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "0 1 set()\n", done.stderr


NAMES = Names(
    params={"n": Param(type="integer", default=1), "free": Param(type="integer"),
            "s": Param(default=""), "l": Param(type="list", default=[]), "a-b": Param()},
    tasks={"x": TaskNames(), "g": TaskNames(group=True), "a.b": TaskNames()},
    secrets={"key": "env:KEY"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("params.n + free", [11]),
        ("params.s < 3", [0]),
        ("params.l.map(x, x.y) + params.nn", [30]),
        ("tasks.a.b.state == tasks['a.b'].state", [6]),
        ("tasks.g.results", []),
        ("tasks.x.results", [8]),
        ("tasks", [0]),
        ("params.a-b", [7]),
        ("params.free == 'a'", []),  # it may be null
        ("params.n == null || params.n > 1.5", []),
        ("params.n && true", [0]),
        ("params.l ? 1 : 2", [0]),
        ("params.s.map(x, 1)", [0]),
        ("params.l.map(x)", [9, 13]),
        ("params.l.filter(x, x ? true : false).exists(y, params.n)", [47]),
        ("split(params.s)", [0]),
        ("run.nme + event.pay", [4, 16]),
        ("secrets.key", [0]),
        ("true ? secrets.key : ''", [7]),
        ("1 +", [3]),
    ],
)
def test_what_is_wrong_and_where(source: str, places: list[int]) -> None:
    assert [problem.offset for problem in expressions.problems(source, NAMES)] == places


def test_a_secret_stands_alone_where_it_may() -> None:
    here = Names(secrets={"key": "env:KEY"}, sealed=True)
    assert expressions.problems("secrets.key", here) == []
    assert expressions.problems("secrets.keys", here)[0].hint == "did you mean key?"
    assert "alone" in expressions.problems("upper(secrets.key)", here)[0].what
    with pytest.raises(Failed, match="alone"):
        value("secrets.key")


def test_the_tree_agrees_with_the_library_on_where_a_loop_is() -> None:
    for source in (
        "1 + [1].map(x, x)[0] * 2", "-[1].map(x, x)[0]", "!([1].all(x, true))",
        "true ? [1].map(x, x) : [2]", "{'a': [1].map(x, x)}.a", "[[1].map(x, x)]",
    ):  # fmt: skip
        whole = expressions._library().compile(source).execute({})
        assert value(source) == whole
    assert syntax.parse("a - b - c").parts[0].text == "-"
