"""From lines to strips: exact widths, few changes of colour, and what differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.theme import BUILTIN_THEMES

from cdktr_tui import themes
from cdktr_tui.draw.line import STYLES, Line
from cdktr_tui.terminal.glass import cells_of, ground
from cdktr_tui.widgets.paint import changed, palette, strip

DARK = palette(themes.DARK)
TEXTS = st.text("ab 漢é✓", max_size=12)
LINES = st.lists(st.tuples(TEXTS, st.sampled_from(["", *STYLES])), max_size=6).map(tuple)


@given(LINES, st.integers(1, 60), st.sampled_from(["", "cursor", "dim"]), st.integers(0, 20))
def test_a_strip_is_as_wide_as_it_was_asked_to_be(
    line: Line, width: int, over: str, start: int
) -> None:
    made = strip(line, width, DARK, over, start)
    assert len(cells_of(made)) == width == made.cell_length


@given(LINES, LINES, st.integers(1, 40))
def test_outside_of_what_changed_two_strips_are_alike(one: Line, other: Line, width: int) -> None:
    old, new = strip(one, width, DARK), strip(other, width, DARK)
    span = changed(old, new)
    before, after = cells_of(old), cells_of(new)
    first, last = span or (0, 0)
    assert before[:first] == after[:first]
    assert before[last:] == after[last:]


def test_a_blank_is_no_reason_for_another_colour() -> None:
    made = strip((("ok", "ok"), ("   ", "dim"), ("still", "ok")), 20, DARK)
    assert [text for text, _, _ in made] == ["ok   still" + " " * 10]


def test_a_reversed_row_has_one_colour() -> None:
    made = strip((("ok", "ok"), ("bad", "bad")), 8, palette(themes.ANSI), "cursor")
    assert [text for text, _, _ in made] == ["okbad   "]


@pytest.mark.parametrize("theme", [*themes.ALL, *BUILTIN_THEMES.values()], ids=lambda one: one.name)
def test_every_theme_says_what_each_name_means(theme: themes.Theme) -> None:
    colours = palette(theme)
    plain = {"stdout"}
    assert {name for name in STYLES if colours.style(name) == colours.text} <= plain
    assert colours.style("ok") != colours.style("bad") != colours.style("warn")


@pytest.mark.parametrize(
    "theme", [one for one in themes.ALL if not one.ansi], ids=lambda one: one.name
)
def test_the_cursor_is_laid_under_the_colours_of_its_row(theme: themes.Theme) -> None:
    colours = palette(theme)
    line = (("a", ""), ("✓", "ok"), ("✗", "bad"), ("●", "run"), ("b", "dim"))
    (before, under) = (strip(line, 9, colours), strip(line, 9, colours, "cursor"))
    inks = [[style.color for _, style, _ in made if style] for made in (before, under)]
    assert inks[0] == inks[1] and len(set(inks[1])) == 5
    assert {ground(style) for _, style, _ in under if style} == {ground(colours.style("cursor"))}


@pytest.mark.parametrize("theme", themes.ALL, ids=lambda one: one.name)
def test_the_cursor_is_seen_on_blanks(theme: themes.Theme) -> None:
    colours = palette(theme)
    assert ground(colours.style("cursor")) != ground(colours.text)


def test_colours_of_output_and_of_settings_are_colours_and_nonsense_is_none() -> None:
    assert DARK.style("fg1").color.number == 1  # type: ignore[union-attr]
    assert DARK.style("bg214").bgcolor.number == 214  # type: ignore[union-attr]
    assert DARK.style("fg#ff8800").color.triplet.hex == "#ff8800"  # type: ignore[union-attr]
    assert DARK.style("#ff8800").color == DARK.style("fg#ff8800").color
    assert DARK.style("no-such-thing [bold] on") == DARK.text
    assert DARK.style("bold italic strike").italic
