"""Invented expressions: well formed ones, and what nearly is."""

from __future__ import annotations

from hypothesis import strategies as st

ATOMS = (
    "params", "params.n", "params.f", "params.s", "params.b", "params.l", "params.z", "params.big",
    "params.o.a", "params['n']", "inputs.n", "tasks.a.result", "tasks['b-c'].code", "event.payload",
    "job.id", "item.value", "secrets.x", "nobody", "x", "y", "1", "-1", "0", "2.5", "1e308", "3u",
    "9223372036854775807", "-9223372036854775808", "'a'", "'\\n'", "r'\\d'", "b'x'", "''", "true",
    "null", "[]", "{}", "int", "timestamp('2020-01-01T00:00:00Z')", "duration('1h')", "params.q",
    "optional.none()", "type(1)", "'(\\\\w{9}){9}'",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", "+", "+")
FUNCTIONS = (
    "size", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "type", "dyn",
    "has", "sequence", "fromJSON", "toJSON", "split", "join", "len", "lower", "upper", "trim",
    "replace", "randomInt", "now", "matches", "contains", "startsWith", "getHours", "value", "foo",
)  # fmt: skip
MACROS = ("map", "filter", "all", "exists", "exists_one", "existsOne")


def _larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sign, function = st.sampled_from(SIGNS), st.sampled_from(FUNCTIONS)
    items = st.lists(part, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(part, sign, part).map(" ".join),
        part.map("({})".format),
        part.map("[{0}, {0}]".format),
        part.map("!{}".format),
        st.tuples(function, items).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(part, function, items).map(lambda p: f"{p[0]}.{p[1]}({p[2]})"),
        st.tuples(part, st.sampled_from(MACROS), st.sampled_from("xy"), part).map(
            lambda p: f"{p[0]}.{p[1]}({p[2]}, {p[3]})"
        ),
        st.tuples(part, part).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(part, part).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        st.tuples(part, part, part).map(lambda p: f"{p[0]} ? {p[1]} : {p[2]}"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(ATOMS), _larger, max_leaves=12)
_SOUP = st.lists(
    st.sampled_from((*ATOMS, *SIGNS, *FUNCTIONS, *MACROS, *"()[]{},.:?!\"'\\`#$@;=&|\n\0é")),
    max_size=20,
).map("".join)
SOURCES = st.one_of(EXPRESSIONS, _SOUP, st.text(max_size=40))
