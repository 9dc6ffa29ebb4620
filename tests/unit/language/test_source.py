"""Hostile and unlucky YAML: each text is refused at once, with its line, and harms nothing.

Work is bounded by counting what the parser hands out, not by a clock.
"""

from __future__ import annotations

import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cdktr_principal.language import source
from cdktr_principal.language.nodes import MAX_FAULTS, Faults, List, Map, Node, Scalar


def parse(text: str | bytes) -> tuple[Node | None, list[tuple[int, int, str]]]:
    faults = Faults("f.yaml")
    root = source.parse(text.encode() if isinstance(text, str) else text, faults)
    return root, [(fault.line, fault.col, fault.what) for fault in faults.all()]


def plain(node: Node | None) -> object:
    """A tree as plain objects."""
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None


def texts(node: Node | None) -> object:
    """A tree as plain objects, all scalars as written."""
    if isinstance(node, Map):
        return {key: texts(value) for key, value in node.items.items()}
    if isinstance(node, List):
        return [texts(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)
DEEP_BY_ALIAS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40))
LONG_BY_ALIAS = "a: &a '" + "x" * 60_000 + "'\nb: [" + "*a," * 5000 + "]"

HOSTILE: dict[str, tuple[str | bytes, int, str]] = {
    "100k lists in one line": ("[" * 100_000, 1, "nested deeper than 20"),
    "100k lists in lines": ("[\n" * 100_000, 21, "nested deeper than 20"),
    "100k mappings": ("{a: " * 100_000, 1, "nested deeper than 20"),
    "100k dashes": ("- " * 100_000, 1, "nested deeper than 20"),
    "100k question marks": ("? " * 100_000, 1, "nested deeper than 20"),
    "a bomb of aliases": (BOMB, 6, "more than 200000 values"),
    "deep by aliases": (DEEP_BY_ALIAS, 20, "nested deeper than 20"),
    "long by aliases": (LONG_BY_ALIAS, 2, "more than 2097152 characters"),
    "an alias inside itself": ("a:\n  b: &x\n    c: [*x]\n", 3, "stands inside what it repeats"),
    "many values": ("a: [" + "1," * 250_000 + "]", 1, "more than 200000 values"),
    "5 MB": ("a: " + "x" * 5_000_000, 1, "more than 2,097,152 bytes"),
    "python object": ("a: 1\nb: !!python/object/apply:os.system [x]", 2, "unknown tag !!python"),
    "python name": ("a: !!python/name:os.system", 1, "unknown tag"),
    "any other tag": ("a: !Include /etc/passwd", 1, "unknown tag !Include"),
    "a tag by its address": ("a: !<tag:yaml.org,2002:int> 1", 1, "unknown tag !!int"),
    "a tag directive": ("%TAG ! tag:yaml.org,2002:python/\n---\na: 1", 1, "%TAG"),
    "merge key": ("a: &a {x: 1}\nb:\n  <<: *a\n", 3, "merge keys"),
    "duplicate key": ("a: 1\nb: 2\na: 3", 3, "duplicate key 'a'"),
    "duplicate key further down": ("a:\n  b: 1\n  c: 1\n  b: 2", 4, "duplicate key 'b'"),
    "a tab before a key": ("a:\n\tb: 1", 2, "a tab in the indentation"),
    "a tab behind spaces": ("a:\n  b: 1\n \tc: 1", 3, "a tab in the indentation"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "a second document"),
    "not UTF-8": (b"a: 1\nb: \xff\xfe", 2, "byte 0xff is not UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), 1, "UTF-16"),
    "a NUL": ("a: 1\nb: \0", 2, "control character U+0000"),
    "an ESC": ("a: 1\n\x1b[2J", 2, "control character U+001B"),
    "a line end of another world": ("a: 1\nb: x\u2028y", 2, "control character U+2028"),
    "an escaped NUL": ('a: "\\0"', 1, "NUL"),
    "half a surrogate pair": ('a: "\\ud800"', 1, "surrogate"),
    "no such character": ('a: "\\UFFFFFFFF"', 1, "nothing has"),
    "a version of 5000 digits": ("%YAML 9." + "9" * 5000 + "\n---\na: 1", 1, "nothing has"),
    "a key that is a list": ("? [a]\n: 1", 1, "a key must be text"),
    "an open quote": ("a: 1\nb: 'x\n", 3, "end of stream"),
    "a cron line without quotes": ("cron: * * * * *", 1, "expected alphabetic"),
    "an unknown alias": ("a: *nobody", 1, "has no anchor"),
    "a colon inside": ("a: b: c", 1, "mapping values are not allowed"),
    "half a list": ("a: [1, 2\nb: 3\n", 2, "expected ',' or ']'"),
    "a million line ends in quotes": ('"' + "\\\n" * 900_000, 900_001, "end of stream"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused_at_its_line(case: str) -> None:
    text, line, what = HOSTILE[case]
    _, faults = parse(text)
    assert faults
    assert faults[0][0] == line
    assert what in faults[0][2]


@pytest.mark.parametrize("text", ["[" * 100_000, "[\n" * 100_000, BOMB, "a: [" + "1," * 900_000])
def test_work_stops_at_the_limit(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_out = 0
    real = yaml.parser.Parser.get_event

    def count(parser: yaml.parser.Parser) -> object:
        nonlocal handed_out
        handed_out += 1
        return real(parser)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(yaml.parser.Parser, "get_event", count)
    parse(text)
    assert handed_out <= source.MAX_NODES + 10


def test_aliases_share_memory_but_are_counted() -> None:
    text = "a: &a [" + "x," * 1000 + "]\nb: [" + "*a," * 150 + "]"
    tracemalloc.start()
    root, faults = parse(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not faults and root is not None
    assert root.size > 150_000
    assert peak < 20 << 20


def test_many_faults_are_counted_and_only_some_told() -> None:
    _, faults = parse("a: 1\n" * 1000)
    assert len(faults) == MAX_FAULTS + 1
    assert faults[-1][2] == f"and {999 - MAX_FAULTS} more faults"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("yes", "yes"), ("no", "no"), ("y", "y"), ("22:22", "22:22"),
        ("0777", "0777"), ("0o17", "0o17"), ("0x1f", "0x1f"), ("1_000", "1_000"),
        ("2026-01-31", "2026-01-31"), ("true", True), ("False", False), ("null", None),
        ("~", None), ("''", ""), ("'1'", "1"), ("12", 12), ("-3", -3), ("+4", 4), ("1.5", 1.5),
        ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), (".inf", ".inf"), ("9" * 30, "9" * 30),
        ("1.2.3", "1.2.3"), ("=", "="), ("- ", [None]),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    root, faults = parse(text)
    assert not faults
    assert plain(root) == value
    assert type(plain(root)) is type(value)


def test_on_is_a_key_and_yes_is_text() -> None:
    assert plain(parse("on: yes\nno: 1\ntrue: 2")[0]) == {"on": "yes", "no": 1, "true": 2}


def test_scalars_keep_what_was_written() -> None:
    root, _ = parse("version: 1.10")
    assert isinstance(root, Map)
    version = root.items["version"]
    assert isinstance(version, Scalar)
    assert (version.value, version.text) == (1.1, "1.10")


def test_two_halves_of_a_pair_are_a_character() -> None:
    root, faults = parse(r'{a: "x\ud83d\ude42y", b: "\ude42\ud83d", c: \ud83d\ude42}')
    assert faults == [(1, 26, "text with a NUL or half a surrogate pair in it")]
    assert texts(root) == {"a": "x\U0001f642y", "b": "", "c": r"\ud83d\ude42"}
    node = root.items["a"] if isinstance(root, Map) else None
    assert isinstance(node, Scalar) and node.place(2) == (1, 19)


def test_no_escape_is_proposed_for_what_no_text_can_hold() -> None:
    faults = Faults("f.yaml")
    source.parse(b"a: x\0", faults)
    assert faults.all()[0].hint == "no text can hold it"


def test_a_byte_order_mark_is_no_harm_and_moves_no_column() -> None:
    root, faults = parse(b"\xef\xbb\xbfa: 1\nb: 2")
    assert not faults
    assert isinstance(root, Map) and root.marks == {"a": (1, 1), "b": (2, 1)}


def test_every_node_knows_its_place() -> None:
    root, _ = parse("a: 1\nb:\n  - x\n  - {c: y}\n")
    assert isinstance(root, Map) and root.marks == {"a": (1, 1), "b": (2, 1)}
    listed = root.items["b"]
    assert isinstance(listed, List)
    assert [(item.line, item.col) for item in listed.items] == [(3, 5), (4, 5)]


def test_anchors_and_aliases_may_be_used() -> None:
    root, faults = parse("a: &e {x: 1}\nb: *e\nc: &e 2\nd: *e")
    assert not faults
    assert plain(root) == {"a": {"x": 1}, "b": {"x": 1}, "c": 2, "d": 2}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n", "\ufeff"])
def test_nothing_is_no_tree_and_no_fault(text: str) -> None:
    assert parse(text) == (None, [])


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    parse(data)


_PIECES = st.sampled_from(
    ["a", "b", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "!t ", "'", '"', "|",
     ">", "#", "? ", "\t", "%", "---", "...", "\\", "\\U", "1", "<<", "é", "\ufeff", "\u2028"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_mix_of_yaml_makes_it_raise(text: str) -> None:
    root, faults = parse(text)
    for line, col, _ in faults:
        assert 1 <= line <= len(text.splitlines()) + 1
        assert col >= 1
    if not faults and text.count("&x") < 2:
        # What is accepted is what PyYAML's own loader reads. (It refuses an anchor set twice.)
        assert texts(root) == yaml.load(text.removeprefix("\ufeff"), yaml.BaseLoader)
