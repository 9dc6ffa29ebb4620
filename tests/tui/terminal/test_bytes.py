"""What the program sends to a terminal, in bytes, and how it leaves it."""

from __future__ import annotations

import os
import re
import signal
import statistics
import sys
from pathlib import Path

import pytest

from cdktr_tui.terminal import signals
from tests.tui.terminal.pty_recorder import Recorder

FIRST, FIRST_ANSI = 12_000, 9_000
"""Bytes of everything up to the first usable frame, 80x24."""
ROW = 300
"""Bytes of one row that changed."""
CLOCK = 60
"""Bytes of the clock in the header, should a minute begin just then."""
RESTORED = b"\x1b[?1049l"


def play(scene: str, *words: object, rate: float | None = None, size: tuple[int, int] = (80, 24),
         **env: str) -> Recorder:  # fmt: skip
    argv = [sys.executable, "-m", "tests.tui.terminal.play", scene, *map(str, words)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "CDKTR_TAP") if name in os.environ}
    kept |= {"PYTHONPATH": str(Path(__file__).parents[3]), "LANG": "C.UTF-8"}
    kept |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
    return Recorder(argv, kept | env, *size, rate=rate)


@pytest.mark.parametrize(("theme", "most"), [("cdktr-dark", FIRST), ("cdktr-ansi", FIRST_ANSI)])
def test_the_first_frame_is_small_and_then_nothing_is_sent_while_nothing_happens(
    theme: str, most: int
) -> None:
    with play("rows", 200, PLAY_THEME=theme) as terminal:
        terminal.shows("etl-00009")
        terminal.quiet(0.6)
        assert len(terminal.sent) <= most
        assert len(terminal.during(2.0)) <= CLOCK


def test_a_row_that_changed_costs_a_few_bytes() -> None:
    with play("rows", 200) as terminal:
        terminal.shows("etl-00009")
        terminal.quiet(0.6)
        before = len(terminal.sent)
        terminal.signal(signal.SIGUSR1)
        terminal.shows("paused")
        terminal.quiet(0.3)
        assert len(terminal.sent) - before <= ROW


@pytest.mark.parametrize(("size", "most"), [((80, 24), ROW), ((140, 40), 2 * ROW)])
def test_a_run_that_has_ended_is_silent_and_a_task_that_changed_costs_a_few_bytes(
    size: tuple[int, int], most: int
) -> None:
    with play("run", 40, size=size) as terminal:
        terminal.shows("step-003")
        terminal.quiet(0.6)
        assert len(terminal.during(2.0)) <= CLOCK
        before = len(terminal.sent)
        terminal.signal(signal.SIGUSR1)
        terminal.shows("skipped")
        terminal.quiet(0.3)
        assert len(terminal.sent) - before <= most


def test_without_colours_none_is_sent() -> None:
    with play("rows", 20, NO_COLOR="1", PLAY_THEME="cdktr-ansi") as terminal:
        terminal.shows("etl-00009")
        terminal.keys("j")
        terminal.shows("> etl-00001")
        codes = {code for sgr in re.findall(rb"\x1b\[([0-9;]*)m", bytes(terminal.sent))
                 for code in sgr.split(b";")}  # fmt: skip
        assert codes <= {b"", b"0", b"1", b"2", b"4", b"7", b"22", b"24", b"27"}


def test_a_list_of_ten_thousand_rows_is_there_as_soon_as_a_short_one() -> None:
    with play("rows", 10_000) as terminal:
        terminal.shows("etl-00009")
        took = terminal.key_to_paint("G", lambda: "etl-09999" in terminal.text)
        assert took < 1.0


@pytest.mark.parametrize("number", [*signals.ENDING, None])
def test_however_it_ends_the_terminal_is_as_it_was(number: int | None) -> None:
    with play("rows", 20) as terminal:
        before = terminal.modes()
        terminal.shows("etl-00009")
        assert terminal.modes() != before
        if number is None:
            terminal.keys("q")
        else:
            terminal.signal(number)
        assert terminal.wait() == (128 + number if number else 0)
        assert terminal.modes() == before
        left = bytes(terminal.sent[terminal.sent.rindex(RESTORED) :])
        assert b"\x1b[?25h" in left and terminal.sent.count(b"\x1b[?1003l") > 0


def test_what_is_typed_to_a_pager_ends_no_more_than_the_pager() -> None:
    pager = "sh -c 'trap exit INT; echo the pager; kill -INT $PPID; kill -QUIT $PPID; read x' sh"
    with play("rows", 20, PAGER=pager) as terminal:
        terminal.shows("etl-00009")
        terminal.keys("E")
        terminal.shows("the pager")
        terminal.keys("\n")
        terminal.shows("etl-00009")
        terminal.keys("j")
        terminal.shows("> etl-00001")
        terminal.keys("q")
        assert terminal.wait() == 0


def test_it_ends_when_its_terminal_is_gone() -> None:
    with play("rows", 20) as terminal:
        terminal.shows("etl-00009")
        terminal.hang_up()
        assert terminal.wait() in (128 + signal.SIGHUP, -signal.SIGHUP)


def test_a_terminal_that_takes_nothing_keeps_nobody_from_ending_it() -> None:
    with play("flood", 5000) as terminal:
        terminal.shows("copying")
        terminal.signal(signal.SIGSTOP)
        terminal.signal(signal.SIGCONT)
        terminal.signal(signal.SIGTERM)
        assert terminal.ends(within=10.0) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("rate", "median_s"), [(10_000, 1.0), pytest.param(3_000, 4.0, marks=pytest.mark.long)]
)
def test_over_a_slow_line_a_key_is_seen_while_output_pours(rate: int, median_s: float) -> None:
    """A whole screen of other text takes about as long as the line needs for its 2 kB. Without the
    governor, keys wait behind all frames that were drawn before: 8 s and more."""
    with play("flood", 20_000, rate=rate) as terminal:
        terminal.shows("copying", within=60)
        took = []
        for _ in range(3):
            took.append(terminal.key_to_paint("?", lambda: "Keys" in terminal.text))
            took.append(terminal.key_to_paint("q", lambda: "Keys" not in terminal.text))
        assert statistics.median(took) < median_s


def test_a_fault_of_ours_leaves_the_terminal_as_it_was_and_says_so_in_a_line() -> None:
    with play("fault") as terminal:
        before = terminal.modes()
        assert terminal.wait() == 125
        assert terminal.modes() == before
        said = bytes(terminal.sent[terminal.sent.rindex(RESTORED) :]).decode()
        assert "stopped by a fault of its own: RuntimeError: a fault" in " ".join(said.split())
        assert "Traceback" not in said and "play" not in said


def test_a_mouse_that_moves_costs_nothing() -> None:
    with play("rows", 200) as terminal:
        terminal.shows("etl-00009")
        terminal.quiet(0.6)
        for row in range(1, 24):
            terminal.keys(f"\x1b[<35;10;{row}M")
        assert terminal.during(0.5) == b""
