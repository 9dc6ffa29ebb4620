"""YAML text to a tree of nodes that know their line and column.

A workflow file is written by people and may be hostile, so: every limit is stated here and counted
while parsing; what does not fit is a fault with a place, never an exception; scalars mean what
YAML 1.2's core schema says (`on`, `yes`, `22:22`, `0777` are text); only the tags of workflow
files exist. Built on PyYAML's pure Python parser, which gives events and never recurses: the C
loader crashes on deep nesting. Pure; knows nothing of workflows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, Never

import yaml

from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar, Value

MAX_BYTES: Final = 2 << 20
"""Bytes a file may have, and characters its scalars may have once aliases are written out."""

MAX_DEPTH: Final = 20
"""Levels of mappings and lists inside each other, aliases written out."""

MAX_NODES: Final = 200_000
"""Scalars, lists and mappings, aliases written out."""


def parse(data: bytes, faults: Faults) -> Node | None:
    """The tree in `data`; None when there is none. A tree may come with faults: it then lacks
    what was wrong."""
    text = _decode(data, faults)
    if text is None:
        return None
    parser = _Parser(text)
    try:
        return _Composer(parser, faults).document()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as fault:
        _explain(fault, text, faults)
    except (ValueError, OverflowError):
        # PyYAML lets chr() and int() of absurd escapes and directives through.
        mark = parser.get_mark()
        faults.add(mark.line + 1, mark.column + 1, "an escape or number that nothing has")
    return None


Event = Any
"""An event of PyYAML: its classes do not declare what they hold."""


class _Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """Text to events, in pure Python."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


class _Stop(Exception):
    """A fault after which going on would be work without bound or sense. It has been told."""


# Bytes to text.

# U+0085, U+2028 and U+2029 are line ends to PyYAML, and plain characters to YAML 1.2 and editors:
# refused, so that neither text nor line numbers silently differ.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def _decode(data: bytes, faults: Faults) -> str | None:
    if len(data) > MAX_BYTES:
        # Of a larger file no more than this was read.
        faults.add(1, 1, f"the file has more than {MAX_BYTES:,} bytes")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.add(1, 1, "the file is UTF-16", "save it as UTF-8")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = data[: fault.start]
        col = len(before) - before.rfind(b"\n")
        what = f"byte 0x{data[fault.start]:02x} is not UTF-8"
        faults.add(before.count(b"\n") + 1, col, what, "save the file as UTF-8")
        return None
    strange = _UNPRINTABLE.search(text)
    if strange:
        before_it = text[: strange.start()].splitlines() or [""]
        at_start = strange.start() > 0 and text[strange.start() - 1] in "\n\r"
        line, col = (
            (len(before_it) + 1, 1) if at_start else (len(before_it), len(before_it[-1]) + 1)
        )
        what = f"the control character U+{ord(strange.group()):04X}"
        hint = 'write it as an escape in double quotes: "\\x1b"'
        faults.add(line, col, what, hint if strange.group() != "\0" else "no text can hold it")
        return None
    return text


# Scalars: the core schema of YAML 1.2, decimal only. Octal, hexadecimal, infinities and numbers
# of more than 18 digits stay text: nothing here means them, and text is the harmless reading.

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, Value]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def meaning(text: str) -> Value:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789" and len(text) < 64:
        if _INT.fullmatch(text):
            return int(text)
        if not text.lstrip("+-").isdigit() and _FLOAT.fullmatch(text):
            number = float(text)
            return number if math.isfinite(number) else text
    return text


_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""A character in two escapes, as JSON writes those beyond 16 bits."""

_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
"""What escapes in double quotes can say and neither a process nor UTF-8 can take."""


# Events to nodes.

SUBPROCESS: Final = "!Subprocess"
UV_PYTHON: Final = "!UvPython"
_TAGS: Final = (SUBPROCESS, UV_PYTHON)


class _Composer:
    """Builds the tree. Counts as if aliases were written out, but shares their nodes."""

    def __init__(self, parser: _Parser, faults: Faults) -> None:
        self._next: Callable[[], Event] = parser.get_event
        self._faults = faults
        self._anchors: dict[str, Node | None] = {}  # None: still open
        self._nodes = 0
        self._length = 0

    def document(self) -> Node | None:
        """The only document of the stream."""
        self._next()  # stream start
        event = self._next()
        if not isinstance(event, yaml.DocumentStartEvent):
            return None
        if event.tags:
            self._fault(event, "%TAG directives are not supported")
        root = self._node(self._next(), MAX_DEPTH)
        self._next()  # document end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._fault(event, "a second document begins here", "one file holds one workflow")
        return root

    def _fault(self, event: Event, what: str, hint: str = "") -> None:
        mark = event.start_mark
        self._faults.add(mark.line + 1, mark.column + 1, what, hint)

    def _stop(self, event: Event, what: str) -> Never:
        self._fault(event, what)
        raise _Stop

    def _node(self, event: Event, levels: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, levels)
        mark = event.start_mark
        line, col = mark.line + 1, mark.column + 1
        tag = self._tag(event) if event.tag is not None else ""
        anchor: str | None = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, line, col, tag)
        elif not levels:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.SequenceStartEvent):
            node = List(line, col, tag, items=[])
            self._fill_list(node, levels)
        else:
            node = Map(line, col, tag, items={}, marks={})
            self._fill_map(node, levels)
        if anchor is not None:
            self._anchors[anchor] = node
        self._count(event, 1, node.length if isinstance(node, Scalar) else 0)
        return node

    def _scalar(self, event: Event, line: int, col: int, tag: str) -> Scalar:
        text: str = event.value
        if event.style == '"':
            text = _PAIR.sub(lambda pair: _joined(pair.group()), text)
        value = meaning(text) if event.implicit[0] else text
        if _IMPOSSIBLE.search(text):
            self._faults.spoil(line, col, "text with a NUL or half a surrogate pair in it")
            text = value = ""
        start, end = event.start_mark, event.end_mark
        raw = ""
        if event.style or start.line != end.line:
            raw = start.buffer[start.pointer : end.pointer]
        return Scalar(line, col, tag, length=len(text), text=text, value=value, raw=raw)

    def _count(self, event: Event, nodes: int, length: int) -> None:
        self._nodes += nodes
        self._length += length
        if self._nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES} values, aliases written out")
        if self._length > MAX_BYTES:
            self._stop(event, f"more than {MAX_BYTES} characters, aliases written out")

    def _tag(self, event: Event) -> str:
        tag: str = event.tag
        if tag in _TAGS:
            return tag
        shown = tag.replace("tag:yaml.org,2002:", "!!")[:80]
        self._fault(event, f"unknown tag {shown}", f"there are {SUBPROCESS} and {UV_PYTHON}")
        return ""

    def _alias(self, event: Event, levels: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            inside = event.anchor in self._anchors
            why = "stands inside what it repeats" if inside else "has no anchor before it"
            hint = "" if inside else "quote text that begins with '*'"
            line, col = event.start_mark.line + 1, event.start_mark.column + 1
            self._faults.spoil(line, col, f"the alias *{event.anchor[:80]} {why}", hint)
            return Scalar(line, col, text="", value=None)
        if node.height > levels:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels, aliases written out")
        self._count(event, node.size, node.length)
        return node

    def _fill_list(self, node: List, levels: int) -> None:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item = self._node(event, levels - 1)
            node.items.append(item)
            _grow(node, item)
        node.height += 1

    def _fill_map(self, node: Map, levels: int) -> None:
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, levels - 1)
            value = self._node(self._next(), levels - 1)
            _grow(node, key)
            _grow(node, value)
            self._entry(node, key, value)
        node.height += 1

    def _entry(self, node: Map, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._faults.at(key, "a key must be text, not a list or mapping")
        elif key.text == "<<" and key.value == "<<":
            self._faults.at(key, "merge keys (<<) are not supported", "write the keys out")
        elif key.text in node.items:
            first = node.marks[key.text][0]
            self._faults.at(
                key, f"duplicate key '{key.text[:80]}'", f"the first is on line {first}"
            )
        else:
            node.items[key.text] = value
            node.marks[key.text] = (key.line, key.col)


def _joined(pair: str) -> str:
    return pair.encode("utf-16", "surrogatepass").decode("utf-16")


def _grow(node: Node, child: Node) -> None:
    node.size += child.size
    node.length += child.length
    node.height = max(node.height, child.height)


# What the parser could not read, in words that help.

_HINTS: Final = (
    ("mapping values are not allowed", "quote text that contains ': '"),
    ("expected alphabetic or numeric character", "quote text that begins with '*' or '&'"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("could not find expected ':'", "is a ':' missing, or the line not indented like the others?"),
    ("but found '<block mapping start>'", "is this line indented like the ones before it?"),
    ("expected <block end>", "is this line indented like the ones before it?"),
    ("cannot start any token", "quote text that begins with this character"),
    ("found unknown escape character", "use single quotes for text with backslashes"),
)


def _explain(fault: yaml.MarkedYAMLError, text: str, faults: Faults) -> None:
    mark = fault.problem_mark or fault.context_mark
    problem = str(fault.problem or fault.context or "not YAML")
    line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    source = lines[line - 1] if line <= len(lines) else ""
    indent = source[: len(source) - len(source.lstrip())]
    if "\t" in indent:
        faults.add(
            line, indent.index("\t") + 1, "a tab in the indentation", "YAML takes spaces only"
        )
        return
    hint = next((hint for part, hint in _HINTS if part in problem), "")
    if fault.context and fault.context_mark and fault.context_mark.line != line - 1:
        problem += f" ({fault.context} from line {fault.context_mark.line + 1})"
    faults.add(line, col, problem, hint)
