"""Values to YAML and back: nothing changes, whatever the texts are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdktr_principal.language.emitting import Tagged, emit
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.source import parse


def plain(node: Node | None) -> Any:
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def back(text: str) -> Any:
    faults = Faults("x")
    node = parse(text.encode(), faults)
    assert faults.all() == [], text
    return plain(node)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
LINES = st.text(st.sampled_from(" \n\tab:#-'\"{[|>\\%@`?*&!"), max_size=40)
KEY = (TEXT | LINES).filter(lambda key: key != "<<")  # merge keys are refused
SCALAR = st.one_of(
    TEXT, LINES, st.none(), st.booleans(), st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30),
    st.sampled_from(["true", "null", "~", "1e3", "0x1", "on", "1.", ".5", "-", "?", "...", "---",
                     "=", "<<", "a: b", "a #b", "a:", " a", "a ", "'a", '"', "{{ a }}", "- a"]),
)  # fmt: skip
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(KEY, VALUE, max_size=5))
@example({"a": " x\ny"})
@example({"a": "\nx\n\n\ny\n\n", "b": "x\n"})
@example({"a": [["\tx\ny", []], [[1, "b c"]], {}]})
@example({"a": "x\n y \n", "b": ["x\ny", {"c": "x\ny\n\n"}]})
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    if value:
        assert back(emit(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "hello world"}, "a: hello world\n"),
        ({"a": ["x", "y-1", 2]}, "a: [x, y-1, 2]\n"),
        ({"a": ["x y", "z"]}, "a:\n  - x y\n  - z\n"),
        ({"a": {"b": {}, "c": []}}, "a:\n  b: {}\n  c: []\n"),
        ({"a": "x\ny\n"}, "a: |\n  x\n  y\n"),
        ({"a": "x y: z\n"}, "a: |\n  x y: z\n"),
        ({"a": "\n"}, 'a: "\\n"\n'),
        ({"a": "x\ny"}, "a: |-\n  x\n  y\n"),
        ({"a": "true"}, 'a: "true"\n'),
        ({"a": 'say "x"'}, 'a: say "x"\n'),
        ({"a": "{{ x }}"}, 'a: "{{ x }}"\n'),
        ({"a": '{{ x["y"] }}'}, "a: '{{ x[\"y\"] }}'\n"),
        ({"a": [{"b": 1, "c": [{"d": 2}]}]}, "a:\n  - b: 1\n    c:\n      - d: 2\n"),
        ({"a": None, "b": 1.5, "c": False}, "a: null\nb: 1.5\nc: false\n"),
    ],
)
def test_it_reads_well(value: dict[str, Any], text: str) -> None:
    assert emit(value) == text


def test_a_tag_stands_before_its_mapping() -> None:
    assert (
        emit({"config": Tagged("!Subprocess", {"cmd": "ls"})}) == "config: !Subprocess\n  cmd: ls\n"
    )
