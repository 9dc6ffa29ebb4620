"""Signs and words of states, and the characters that pictures are made of, in three sets.

A state is always told by a sign *and* a word (strips and grids alone have signs only), so colour is
never the only difference. No sign may be a code point that some terminal shows as an emoji, which
takes two cells. Words of a task or run are those of the catalogue, made finer: `of_task` tells
RETRYING, HELD, LOST and so on, which are no states on the wire. Knows no colour and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cdktr_common.catalogue.values import AgentRow, RunMark, RunRow, TaskRow, WorkflowRow
from cdktr_tui.draw.line import Span, Style


class State(NamedTuple):
    """How a state is shown. `word` is short enough for a column of nine cells."""

    sign: str
    ascii: str
    word: str
    style: Style


STATES: Final[Mapping[str, State]] = {
    # Runs, tasks and attempts, as on the wire.
    "PENDING": State("○", ".", "pending", "dim"),
    "RUNNING": State("●", "*", "running", "run bold"),
    "COMPLETED": State("✓", "+", "done", "ok"),
    "FAILED": State("✗", "x", "failed", "bad bold"),
    "CANCELLED": State("⊘", "-", "cancelled", "warn"),
    "SKIPPED": State("›", ">", "skipped", "skip"),
    "CRASHED": State("!", "!", "lost", "lost bold"),
    "RELEASED": State("‹", "<", "released", "dim"),
    # What `of_run` and `of_task` tell besides.
    "QUEUED": State("◌", "~", "queued", "wait"),
    "WAITING": State("◌", "~", "waits", "wait"),
    "READY": State("○", ".", "ready", "wait"),
    "RETRYING": State("↻", "r", "retries", "warn"),
    "HELD": State("‖", "h", "held", "lost bold"),
    "TOLERATED": State("✗", "x", "tolerated", "warn"),
    "REUSED": State("✓", "+", "reused", "dim"),
    # Agents.
    "ready": State("●", "*", "up", "ok"),
    "draining": State("◌", "~", "draining", "warn"),
    "silent": State("!", "!", "silent", "lost bold"),
    "gone": State("✗", "x", "gone", "bad"),
    # Workflows.
    "idle": State("○", ".", "idle", "dim"),
    "paused": State("‖", "=", "paused", "warn"),
    "broken": State("!", "!", "broken", "bad bold"),
    # Instants of schedules.
    "fired": State("✓", "+", "fired", "ok"),
    "late": State("✓", "+", "late", "warn"),
    "backfill": State("↻", "r", "backfill", "run"),
    "coalesced": State("›", ">", "coalesced", "skip"),
    "skipped": State("›", ">", "skipped", "skip"),
    "suppressed": State("‖", "=", "paused", "warn"),
    "missed": State("✗", "x", "missed", "bad bold"),
    # How it stands with a principal.
    "up": State("●", "*", "up", "ok"),
    "connecting": State("◌", "~", "connects", "warn"),
    "lost": State("○", "o", "lost", "bad bold"),
    "refused": State("✗", "x", "refused", "bad bold"),
}  # fmt: skip

UNKNOWN: Final = State("?", "?", "", "dim")
"""A newer program may have states that this one does not know: the word is then its own."""


_JOINTS: Final = " ╴╸╷┐┑╻┒┓╶─╾┌┬┭┎┰┱╺╼━┍┮┯┏┲┳╵┘┙│┤┥╽┧┪└┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋"
"""Lines by the sides they leave a cell at: north, east, south, west, each none, thin, thick."""


class Glyphs(NamedTuple):
    """A set of characters, each one cell wide. `across` fills a cell from the left and `up` from
    below, in equal steps, from nothing to full. `box` are lines by the sides they leave at (1
    north, 2 east, 4 south, 8 west), `bold` the same, thicker."""

    name: str
    ascii: bool
    across: str
    up: str
    box: str
    bold: str
    corners: str
    done: str
    failed: str
    left: str
    tip: str
    now: str
    node: str
    more: str
    up_sort: str
    down_sort: str
    thumb: str
    track: str
    arrow: str
    gap: str

    def sign(self, state: str) -> str:
        """One cell."""
        known = STATES.get(state, UNKNOWN)
        return known.ascii if self.ascii else known.sign

    def span(self, state: str) -> Span:
        """The sign in its style."""
        return self.sign(state), style(state)

    def joint(self, sides: int, thick: int) -> str:
        """Lines that leave a cell at these sides, thick at some of them."""
        if self.ascii:
            return self.bold[sides | thick] if thick else self.box[sides]
        at = 0
        for side in (1, 2, 4, 8):
            at = 3 * at + (2 if thick & side else 1 if sides & side else 0)
        return _JOINTS[at]

    def said(self, state: str) -> Span:
        """The sign and the word."""
        return f"{self.sign(state)} {word(state)}", style(state)


def word(state: str) -> str:
    """The word people read for a state."""
    known = STATES.get(state)
    return known.word if known else state.lower()


def style(state: str) -> Style:
    """The style of a state's sign and word."""
    return STATES.get(state, UNKNOWN).style


BLOCK: Final = Glyphs(
    name="block", ascii=False, across=" ▏▎▍▌▋▊▉█", up=" ▁▂▃▄▅▆▇█",
    box=" ╵╶└╷│┌├╴┘─┴┐┤┬┼", bold=" ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋", corners="╭╮╰╯",
    done="▇", failed="▒", left="░", tip="▸", now="┊", node="●", more="…",
    up_sort="▴", down_sort="▾", thumb="█", track="│", arrow="→", gap="·",
)  # fmt: skip
"""What nearly every terminal and font has."""

BRAILLE: Final = BLOCK._replace(
    name="braille", across=" ⡀⡄⡆⡇⣇⣧⣷⣿", up=" ⣀⣤⣶⣿", done="⣶", failed="⡢", left="⠤",
)  # fmt: skip
"""Finer to look at where the font has it."""

ASCII: Final = Glyphs(
    name="ascii", ascii=True, across=" -=#", up=" .:-=+*#",
    box=" |-+||++-+-+++++", bold=" #=#####=#=#####", corners="++++",
    done="=", failed="x", left="-", tip=">", now=":", node="*", more=".",
    up_sort="^", down_sort="v", thumb="#", track="|", arrow=">", gap=".",
)  # fmt: skip
"""For consoles without a font to speak of, and for files."""

SETS: Final = {one.name: one for one in (BLOCK, BRAILLE, ASCII)}


def choose(wanted: str = "", *, utf8: bool = True, term: str = "") -> Glyphs:
    """The set of that name; without one, what the terminal is sure to show."""
    if wanted in SETS:
        return SETS[wanted]
    return BLOCK if utf8 and term not in ("linux", "dumb") else ASCII


def of_run(row: RunRow | RunMark) -> str:
    """The finer state of a run."""
    if isinstance(row, RunRow) and row.state in ("PENDING", "RUNNING") and row.queued:
        return "QUEUED"
    return row.state


def of_task(row: TaskRow) -> str:
    """The finer state of a task. One that waits for nothing but an agent is READY only as far as
    the caller knows what it depends on: here it is PENDING."""
    if row.state == "PENDING":
        if row.held:
            return "HELD"
        return "RETRYING" if row.retry_ts is not None else "PENDING"
    if row.state == "FAILED":
        if row.tolerated:
            return "TOLERATED"
        return "CRASHED" if row.attempts and row.attempts[-1].state == "CRASHED" else "FAILED"
    return "REUSED" if row.reused and row.state == "COMPLETED" else row.state


def of_agent(row: AgentRow) -> str:
    """The state of an agent; `drain` that it does not know of yet counts already."""
    return "draining" if row.drain and row.state == "ready" else row.state


def of_workflow(row: WorkflowRow) -> str:
    """The state of a workflow: what most needs to be known of it."""
    if row.broken:
        return "broken"
    if row.paused:
        return "paused"
    if row.running:
        return "RUNNING"
    if row.queued:
        return "QUEUED"
    return row.last[-1].state if row.last else "idle"
