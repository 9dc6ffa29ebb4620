"""Text from outside made fit to be drawn: it cannot steer a terminal, nor shift what is beside it.

Escape sequences are dropped whole, tabs become blanks, and all that a terminal acts on or does not
show (controls, marks of direction, signs without width) becomes `·`, so that nobody hides anything.
What comes out has no character that `is_clean` refuses; it is cut, and the cut is seen. Text of
plain ASCII, nearly all there is, costs a look and no copy.

Knows no terminal, no theme and no colour: `styled` names the colours that a text asked for, and who
draws it decides what the names mean.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST: Final = 4096
"""Cells of a line; what is longer is cut."""

MARKS: Final = 4
"""Marks over and under one letter; more would reach into other lines."""

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with names of styles."""

ATTRIBUTES: Final = {
    1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike",
}  # fmt: skip
"""Styles that `styled` names, beside colours: `fg1`, `bg214`, `fg#ff8800`: the number as of
SGR 38;5, or red, green and blue."""

_CODES: Final = {name: code for code, name in ATTRIBUTES.items()}
_OFF: Final = {
    21: ("bold",), 22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",),
    29: ("strike",),
}  # fmt: skip

_DOT: Final = "·"
_TAB: Final = 8
_SEEN_AT_ONCE: Final = 16
"""So many characters are read for one cell: escape sequences take room and no cells."""

_STRING_ENDS: Final = "\x07\x18\x1a\x1b\x90\x98\x9c-\x9f"
_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)(?:([0-9;:]*)m|[0-?]*[ -/]*[@-~]?)"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^{_STRING_ENDS}]*(?:\x07|\x1b\\|\x9c))?"
    r"|\x1b[ -/]*[0-~]"
)
"""A sequence that controls a terminal; the group is what a change of colour says. A string without
its end is dropped up to where its words begin: a terminal would wait for the end for ever."""

_GONE: Final = re.compile("[\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""They join or choose forms, which each terminal does in its own way and width."""

_BAD: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROL: Final = re.compile(f"[{_BAD}]")
_ALONE: Final = re.compile("[\ud800-\udfff]")
_UNCLEAN: Final = re.compile(f"[{_BAD}\u034f\u200c\u200d\ufe00-\ufe0f\ud800-\udfff]")
_ODD: Final = re.compile(f"(?!\n)(?:{_UNCLEAN.pattern})")
_MAYBE_MARKS: Final = re.compile("[^\x00-\u02ff]+")


def is_clean(text: str) -> bool:
    """Is this a line that can be drawn as it is?"""
    return (text.isascii() and text.isprintable()) or _UNCLEAN.search(text) is None


def line(text: str, most: int = MOST) -> str:
    """The text as one line of at most so many cells. A newline inside it is a control like others,
    the one at its end is no news."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= most else _cut(text, most)
    text = _without_end(text[: most * _SEEN_AT_ONCE])
    return _cut(_piece(_SEQUENCE.sub("", text), 0), most)


def text(text: str, most: int = MOST) -> str:
    """The same for several lines, each by itself."""
    if text.isascii() and text.isprintable():
        return line(text, most)
    return "\n".join(line(one, most) for one in text.split("\n"))


def styled(text: str, most: int = MOST) -> Line:
    """One line, with the colours it asked for as names of styles."""
    if "\x1b" not in text and "\x9b" not in text:
        return ((line(text, most), ""),)
    text = _without_end(text[: most * _SEEN_AT_ONCE])
    spans: list[tuple[str, str]] = []
    at, column, style, ink = 0, 0, "", _Ink()
    for found in (*_SEQUENCE.finditer(text), None):
        part = text[at : found.start() if found else len(text)]
        if part:
            part = _cut(_piece(part, column), most - column)
            column += cells(part)
            if spans and spans[-1][1] == style:
                part = spans.pop()[0] + part
            spans.append((part, style))
        if found is None or column >= most:
            break
        at = found.end()
        if found[1] is not None:
            ink.change(found[1])
            style = ink.style()
    return tuple(spans)


def json(text: str) -> str:
    """JSON that means the same and steers nothing: what is unclean is written as an escape. Strings
    are the only place where it can stand."""
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(_escaped, text)


def sgr(style: str) -> str:
    """The sequence that sets the colours of a style that `styled` has named; empty: none."""
    codes = []
    for name in style.split():
        value = name[2:]
        if name.startswith(("fg", "bg")):
            ground = 38 if name.startswith("fg") else 48
            if value.startswith("#"):
                parts = (str(int(value[at : at + 2], 16)) for at in (1, 3, 5))
                codes.append(f"{ground};2;{';'.join(parts)}")
            else:
                ink = int(value)
                codes.append(f"{ground};5;{ink}" if ink > 7 else str(ground - 8 + ink))
        else:
            codes.append(str(_CODES[name]))
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def cells(text: str) -> int:
    """Room that the text takes at most, in cells; a mark counts as one, so that letters are bounded
    as well."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _without_end(text: str) -> str:
    """A carriage return before the end of a line is how some write a newline."""
    return text.removesuffix("\n").removesuffix("\r")


def _piece(text: str, column: int) -> str:
    """Text without sequences, made clean, of a line whose cells before `column` are taken."""
    if "\t" in text:
        before = " " * (column % _TAB)
        rows = (before + text).replace("\r", "\x00").replace("\n", "\x00")
        text = rows.expandtabs(_TAB)[len(before) :]
    if text.isascii():
        return text if text.isprintable() else _CONTROL.sub(_DOT, text)
    text = _CONTROL.sub(_DOT, _GONE.sub("", text))
    text = _ALONE.sub("\ufffd", text)
    if text and unicodedata.category(text[0])[0] == "M":
        text = _DOT + text
    return _MAYBE_MARKS.sub(_few_marks, text)


def _few_marks(found: re.Match[str]) -> str:
    kept, marks = [], 0
    for letter in found[0]:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= MARKS:
            kept.append(letter)
    return "".join(kept)


def _cut(text: str, most: int) -> str:
    if cells(text) <= most:
        return text
    if text.isascii():
        return text[: most - 1] + "…"
    kept, room = [], most - 1
    for letter in text:
        room -= cells(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"


class _Ink:
    """The colours that hold after some changes (SGR)."""

    def __init__(self) -> None:
        self._fg, self._bg = "", ""
        self._on: set[str] = set()

    def style(self) -> str:
        """Ink that its ground would hide goes without the ground."""
        ground = "" if _alike(self._fg[2:], self._bg[2:]) else self._bg
        return " ".join(filter(None, (self._fg, ground, *sorted(self._on))))

    def change(self, words: str) -> None:
        """What stands between semicolons is one code, its parts between colons; only colours may
        have their parts between semicolons as well."""
        parts = words.split(";")[:32]
        at = 0
        while at < len(parts):
            code, *more = [_number(word) for word in parts[at].split(":")[:8]]
            at += 1
            if code in (38, 48, 58):
                if more:
                    color, _ = _colour(more, colons=True)
                else:
                    color, taken = _colour([_number(part) for part in parts[at : at + 4]])
                    at += taken
                self._paint(code, color)
            elif not more:
                self._set(code)
            elif code == 4 and len(more) == 1:  # a kind of line under the text, 0: none
                self._set(4 if more[0] else 24)

    def _paint(self, code: int, color: str) -> None:
        if code == 38:
            self._fg = color and f"fg{color}"
        elif code == 48:
            self._bg = color and f"bg{color}"

    def _set(self, code: int) -> None:
        if code == 0:
            self._fg, self._bg = "", ""
            self._on.clear()
        elif code in ATTRIBUTES:
            self._on.add(ATTRIBUTES[code])
        elif code in _OFF:
            self._on.difference_update(_OFF[code])
        elif 30 <= code <= 37 or 90 <= code <= 97:
            self._fg = f"fg{code - 30 if code < 90 else code - 82}"
        elif 40 <= code <= 47 or 100 <= code <= 107:
            self._bg = f"bg{code - 40 if code < 100 else code - 92}"
        elif code == 39:
            self._fg = ""
        elif code == 49:
            self._bg = ""


def _number(word: str) -> int:
    return int(word) if 0 < len(word) <= 3 else 0


def _colour(parts: list[int], colons: bool = False) -> tuple[str, int]:
    """The colour that these parts say, and how many of them it takes; of one that nobody knows
    all."""
    kind = parts[0] if parts else -1
    if kind == 5 and len(parts) > 1:
        return str(min(parts[1], 255)), 2
    if kind == 2:
        at = 1 + (colons and len(parts) > 4)  # between colons a colour space may stand first
        values = parts[at : at + 3]
        if len(values) == 3:
            return "#" + "".join(f"{min(value, 255):02x}" for value in values), at + 3
    return "", 99


_FIRST: Final = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip
"""The sixteen that a theme chooses, about as they are."""

_TOLD_APART: Final = 24
"""Of 255, by which one of red, green and blue has to differ."""


def _alike(one: str, other: str) -> bool:
    """Can these two colours not be told apart? Empty: that of the terminal, whatever it is."""
    if not one or not other:
        return False
    pairs = zip(_light(one), _light(other), strict=True)
    return all(abs(a - b) < _TOLD_APART for a, b in pairs)


def _light(color: str) -> tuple[int, int, int]:
    """Its red, green and blue."""
    if color.startswith("#"):
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    number = int(color)
    if number < 16:
        return _FIRST[number]
    if number > 231:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    number -= 16
    red, green, blue = (
        55 + 40 * step if step else 0 for step in (number // 36, number // 6 % 6, number % 6)
    )
    return red, green, blue
