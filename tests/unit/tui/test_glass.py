"""What is sent to a terminal, held against an emulated one: it shows what was put, and no more is
sent than has to be."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

from cdktr_tui.terminal.glass import Glass

COLS, ROWS = 24, 4
STYLES = (
    None,
    Style(color="red"),
    Style(color="#112233", bold=True),
    Style(bgcolor="#445566"),
    Style(color="red", bgcolor="#445566", underline=True),
    Style(reverse=True),
    Style(dim=True, italic=True),
    Style(color="default", bgcolor="default"),
    Style(color="#112233", bgcolor="#445566", strike=True, bold=True, reverse=True),
)
TEXTS = st.text(st.sampled_from(" abc·✓漢é"), max_size=30)
PIECES = st.tuples(
    st.integers(0, ROWS - 1),
    st.integers(0, COLS - 1),
    st.lists(st.tuples(TEXTS, st.sampled_from(STYLES)), max_size=4),
)


class Emulated:
    """A terminal that is sent frames."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLS, ROWS)
        self._stream = pyte.Stream(self.screen)

    def send(self, text: str) -> None:
        self._stream.feed(text)

    def cells(self) -> list[list[tuple[object, ...]]]:
        return [[look(self.screen.buffer[y][x]) for x in range(COLS)] for y in range(ROWS)]


def look(cell: object) -> tuple[object, ...]:
    """What is seen of a cell: not the ink of a blank."""
    seen = cell._asdict()  # type: ignore[attr-defined]
    if seen["data"] == " ":
        ink = seen["fg"] if seen["reverse"] else None
        return (" ", ink, seen["bg"], seen["underscore"], seen["strikethrough"], seen["reverse"])
    return tuple(seen.values())


@given(st.lists(st.lists(PIECES, max_size=5), min_size=1, max_size=5))
def test_a_terminal_that_got_all_frames_shows_what_one_shows_that_got_the_last_state_at_once(
    frames: list[list[tuple[int, int, list[tuple[str, Style | None]]]]],
) -> None:
    by_steps, at_once = Glass(COLS, ROWS), Glass(COLS, ROWS)
    one, other = Emulated(), Emulated()
    for frame in frames:
        for y, x, texts in frame:
            for glass in (by_steps, at_once):
                glass.put(y, x, [Segment(text, style) for text, style in texts])
        one.send(by_steps.frame())
    other.send(at_once.frame())
    assert one.cells() == other.cells()


@given(st.lists(PIECES, max_size=8))
def test_what_is_put_stands_where_it_was_put(
    pieces: list[tuple[int, int, list[tuple[str, Style | None]]]],
) -> None:
    glass, terminal = Glass(COLS, ROWS), Emulated()
    rows = [" " * COLS] * ROWS
    for y, x, texts in pieces:
        text = "".join(text for text, _ in texts).replace("漢", "x")[: COLS - x]
        rows[y] = rows[y][:x] + text + rows[y][x + len(text) :]
        glass.put(y, x, [Segment(text.replace("漢", "x"), style) for text, style in texts])
    terminal.send(glass.frame())
    assert terminal.screen.display == rows


def test_the_same_again_is_nothing() -> None:
    glass = Glass(COLS, ROWS)
    for _ in range(2):
        glass.put(1, 2, [Segment("running", STYLES[1]), Segment(" 漢字", None)])
        last = glass.frame()
    assert last == ""


def test_a_digit_that_changed_costs_a_digit_and_the_way_there() -> None:
    glass = Glass(80, 24)
    glass.put(7, 0, [Segment("etl-orders  ", None), Segment("2m41s", STYLES[2])])
    glass.frame()
    glass.put(7, 0, [Segment("etl-orders  ", None), Segment("2m42s", STYLES[2])])
    assert glass.frame() == "\x1b[8;16H\x1b[1;38;2;17;34;51m2\x1b[m"


def test_an_ink_that_is_not_seen_is_not_said() -> None:
    glass = Glass(COLS, ROWS)
    glass.put(0, 0, [Segment("a", STYLES[1]), Segment("  ", STYLES[2]), Segment("b", STYLES[1])])
    assert glass.frame() == "\x1b[m\x1b[2J\x1b[1H\x1b[31ma  b\x1b[m"


def test_fewer_colours_are_said_to_a_terminal_that_has_fewer() -> None:
    glass = Glass(COLS, ROWS, ColorSystem.STANDARD)
    glass.put(0, 0, [Segment("a", Style(color=Color.parse("#ff0000")))])
    assert "\x1b[31ma" in glass.frame()


def test_the_rest_of_a_row_is_erased_where_that_is_shorter() -> None:
    glass = Glass(COLS, ROWS)
    glass.put(0, 0, [Segment("0123456789", None)])
    glass.frame()
    glass.put(0, 0, [Segment("01" + " " * 22, None)])
    assert glass.frame() == "\x1b[1;3H\x1b[K"
