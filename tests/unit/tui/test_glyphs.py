"""Every state has a sign, a word and a style, and every sign takes one cell."""

from __future__ import annotations

from typing import get_args

import pytest
from rich.cells import cell_len

from cdktr_common.catalogue import values
from cdktr_tui.draw import glyphs
from cdktr_tui.draw.line import STYLES

EMOJI = "▶✔✖⚠⏸⏹⏺⏭●"[:-1]
"""What some terminals draw as a picture, two cells wide."""


def test_every_state_of_the_catalogue_has_a_sign_and_a_word() -> None:
    for states in (
        values.RunState, values.TaskState, values.AttemptState, values.AgentState, values.TickState,
    ):  # fmt: skip
        assert not [state for state in get_args(states) if state not in glyphs.STATES]


@pytest.mark.parametrize("state", glyphs.STATES)
def test_a_state_is_one_cell_and_a_word_of_nine(state: str) -> None:
    shown = glyphs.STATES[state]
    assert cell_len(shown.sign) == 1 and shown.sign not in EMOJI
    assert len(shown.ascii) == 1 and shown.ascii.isascii()
    assert 0 < len(shown.word) <= 9
    assert set(shown.style.split()) <= set(STYLES)


@pytest.mark.parametrize("name", glyphs.SETS)
def test_every_character_of_a_set_is_one_cell(name: str) -> None:
    chosen = glyphs.SETS[name]
    letters = "".join(text for text in chosen if isinstance(text, str) and text != name)
    assert all(cell_len(letter) == 1 for letter in letters)
    assert len(chosen.box) == len(chosen.bold) == 16 and len(chosen.corners) == 4
    assert not chosen.ascii or letters.isascii()


def test_signs_of_runs_and_tasks_are_told_apart_without_colour() -> None:
    kinds = (
        "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED", "CRASHED", "QUEUED",
        "RETRYING", "HELD",
    )  # fmt: skip
    for chosen in glyphs.SETS.values():
        assert len({chosen.sign(kind) for kind in kinds}) == len(kinds)


def test_a_state_of_a_newer_program_is_shown_by_its_name() -> None:
    assert glyphs.BLOCK.said("THAWING") == ("? thawing", "dim")


def test_a_console_without_a_font_gets_letters() -> None:
    assert glyphs.choose(term="linux").ascii and glyphs.choose(utf8=False).ascii
    assert glyphs.choose("braille", utf8=False).name == "braille"
    assert glyphs.choose(term="xterm-256color") is glyphs.BLOCK


def test_a_task_whose_agent_was_lost_is_told_from_one_that_failed() -> None:
    lost = values.AttemptRow(n=1, state="CRASHED", agent="a", fence=1, assigned_ts=1.0)
    row = values.TaskRow(task="a", state="FAILED", attempts=[lost])
    assert glyphs.of_task(row) == "CRASHED"
    assert glyphs.of_task(values.TaskRow(task="a", state="FAILED")) == "FAILED"
    assert glyphs.of_task(values.TaskRow(task="a", state="PENDING", retry_ts=5.0)) == "RETRYING"


def test_lines_may_be_thick_at_some_sides_of_a_cell() -> None:
    for glyphs_ in glyphs.SETS.values():
        for sides in range(16):
            assert glyphs_.joint(sides, 0) == glyphs_.box[sides]
            assert glyphs_.joint(sides, sides) == glyphs_.bold[sides] or not sides
    assert glyphs.BLOCK.joint(15, 8 | 1) == "╃"
    assert glyphs.ASCII.joint(15, 8).isascii()
