"""Hostile texts: whatever draws text from outside is shown all of them, and must not pass them on.

`CASES` are texts by name; `leaks` tells what of them reached a terminal, from the bytes that a
program wrote. `WORD` stands in each case: where it is seen the text was drawn at all.
"""

from __future__ import annotations

import re
from typing import Final

WORD: Final = "w0rd"
TITLE: Final = "hij4cked"

CASES: Final = {
    "a title": f"{WORD}\x1b]0;{TITLE}\x07",
    "a title that has no end": f"{WORD}\x1b]0;{TITLE}",
    "a title that a string end closes": f"{WORD}\x1b]2;{TITLE}\x1b\\",
    "a title by one byte": f"{WORD}\x9d0;{TITLE}\x9c",
    "a link": f"\x1b]8;;http://{TITLE}/\x1b\\{WORD}\x1b]8;;\x1b\\",
    "the clipboard": f"{WORD}\x1b]52;c;aGlqNGNrZWQ=\x07",
    "a change of palette": f"{WORD}\x1b]4;1;rgb:00/00/00\x07",
    "a device control string": f"{WORD}\x1bP$q{TITLE}\x1b\\",
    "a device control string by one byte": f"{WORD}\x90+q{TITLE}\x9c",
    "a private message": f"{WORD}\x1b^{TITLE}\x1b\\",
    "an application command": f"{WORD}\x1b_G{TITLE}\x1b\\",
    "a start of string": f"{WORD}\x1bX{TITLE}\x1b\\",
    "colours": f"\x1b[1;31;44m{WORD}\x1b[0m",
    "colours by one byte": f"\x9b31m{WORD}\x9b0m",
    "a colour without an end": f"{WORD}\x1b[31",
    "the cursor home and all erased": f"{WORD}\x1b[H\x1b[2J",
    "the alternate screen": f"{WORD}\x1b[?1049h\x1b[?1049l",
    "the mouse": f"{WORD}\x1b[?1003h\x1b[?1006h",
    "pasting in brackets": f"{WORD}\x1b[?2004h",
    "a question to the terminal": f"{WORD}\x1b[6n\x1b[c\x1b[>q\x05",
    "a window moved": f"{WORD}\x1b[3;0;0t\x1b[8;5;5t",
    "a reset": f"{WORD}\x1bc\x1b[!p",
    "another set of characters": f"{WORD}\x1b(0\x0e\x1b)0",
    "a scroll region": f"{WORD}\x1b[2;4r\x1bD\x1bM\x1bE",
    "an escape at the end": f"{WORD}\x1b",
    "an escape inside an escape": f"\x1b\x1b[31m[31m{WORD}\x1b\x1b]0;{TITLE}\x07]0;{TITLE}\x07",
    "a carriage return": f"hidden\r{WORD}",
    "a backspace": f"hidden\b\b\b\b\b\b{WORD}",
    "bells": f"\x07{WORD}\x07",
    "form feeds and other moves": f"\x0b{WORD}\x0c\x85\x84\x8d",
    "all controls": "".join(map(chr, (*range(9), *range(11, 32)))) + WORD,
    "all controls of the upper half": "".join(map(chr, range(127, 160))) + WORD,
    "direction turned": f"\u202e{WORD}\u202c \u2066{WORD}\u2069 \u200f\u061c",
    "signs without width": f"\u200b\u200b{WORD}\u2060\ufeff\u00ad",
    "tags": f"{WORD}\U000e0041\U000e0042\U000e007f",
    "separators of lines": f"{WORD}\u2028second\u2029third",
    "marks without end": f"{WORD}e" + "\u0301\u0316\u20dd" * 400,
    "a mark that has no letter": f"\u0338{WORD}",
    "half a character": f"{WORD}\ud83d",
    "markup": f"[bold red]{WORD}[/] [@click=app.quit]x[/] [/nothing] [",
    "wide characters": f"{WORD} 漢字かな한국어 👩‍👩‍👧 ☺\ufe0f",
    "tabs": f"a\tb\t\t{WORD}",
}

HUGE: Final = {
    "a line without end": WORD + "x" * 3_000_000,
    "strings without end": WORD + "\x1b]" * 500_000,
    "sequences without end": WORD + "\x1b[" * 500_000,
    "strings of one byte without end": WORD + "\x9d" * 500_000,
    "colours without end": WORD + "\x1b[31mx" * 200_000,
    "tabs without end": WORD + "\t" * 1_000_000,
    "digits without end": WORD + "\x1b[" + "1" * 1_000_000 + "m",
}
"""Cases that cost time or memory where they are taken as they come."""

_OWN: Final = re.compile("\x1b\\[[0-9;]*m")
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e0fff]"
)


def leaks(written: bytes, own: re.Pattern[str] = _OWN) -> list[str]:
    """What of the corpus is in the bytes that went to a terminal: each escape, control and mark of
    direction that is no part of `own`, the sequences that the program itself has a use for: for
    one that prints lines, colours. `TITLE` as plain text is no leak: as a title it would be."""
    text = own.sub("", written.decode(errors="replace").replace("\r\n", "\n"))
    return _UNSEEN.findall(text) + re.findall("\r", text)
