"""Themes: which colours the names of `draw/line.py` mean.

A theme is Textual's (colours of widgets) and a table from our names to Rich's words (`bold cyan`).
One that brings no table of its own (Textual's, a user's) gets one made from its colours. States
never differ by colour alone: whoever draws them writes a word or a glyph as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

DEFAULT: Final = "cdktr-dark"
COLOURLESS: Final = "cdktr-ansi"
"""The theme for terminals that shall show no colour: nothing in it needs one."""

DARK = Theme(
    name="cdktr-dark",
    primary="#5fafd7", secondary="#af87d7", accent="#d7af5f", success="#87af5f",
    warning="#d7af5f", error="#e06c75", foreground="#d0d0d0", background="#16181c",
    surface="#1e2126", panel="#282c34",
)  # fmt: skip
LIGHT = Theme(
    name="cdktr-light",
    primary="#005f87", secondary="#6f3a9c", accent="#875f00", success="#3f6f1f",
    warning="#8a5a00", error="#af1f2f", foreground="#24282e", background="#fafaf8",
    surface="#f0f0ec", panel="#e2e2dc", dark=False,
)  # fmt: skip
ANSI = Theme(
    name="cdktr-ansi",
    ansi=True,
    primary="ansi_blue", secondary="ansi_magenta", accent="ansi_cyan", success="ansi_green",
    warning="ansi_yellow", error="ansi_red", foreground="ansi_default",
    background="ansi_default", surface="ansi_default", panel="ansi_default", boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_white",
        "screen-selection-background": "ansi_blue",
        "screen-selection-foreground": "ansi_white",
        "border-blurred": "ansi_default",
    },
)  # fmt: skip
# Okabe and Ito's colours. Red and green that look alike are told apart as orange and blue; where
# blue and green, yellow and pink look alike, what is good is turquoise and what is bad is red.
RED_GREEN = Theme(
    name="cdktr-deuteranopia",
    primary="#56b4e9", secondary="#cc79a7", accent="#f0e442", success="#56b4e9",
    warning="#f0e442", error="#e8870e", foreground="#d8d8d8", background="#14161a",
    surface="#1c1f24", panel="#272b33",
)  # fmt: skip
BLUE_YELLOW = Theme(
    name="cdktr-tritanopia",
    primary="#4fc1c9", secondary="#f2a6b8", accent="#ffffff", success="#4fc1c9",
    warning="#f2a6b8", error="#f0483e", foreground="#d8d8d8", background="#14161a",
    surface="#1c1f24", panel="#272b33",
)  # fmt: skip
ALL: Final = (DARK, LIGHT, ANSI, RED_GREEN, BLUE_YELLOW)

OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "cdktr-dark": {"run": "bold #5fd7d7", "wait": "#808890", "dim": "#808890", "skip": "#808890"},
    "cdktr-light": {"run": "bold #00707a", "wait": "#6c7278", "dim": "#6c7278", "skip": "#6c7278"},
    "cdktr-ansi": {"run": "bold cyan", "head": "bold"},
    "cdktr-deuteranopia": {"run": "bold #ffffff", "wait": "#8a9098", "dim": "#8a9098"},
    "cdktr-tritanopia": {"run": "bold #ffffff", "wait": "#8a9098", "dim": "#8a9098"},
}
"""What a theme says otherwise than `styles` would make of its colours."""


def styles(theme: Theme) -> dict[str, str]:
    """Rich's words for each of our names, in this theme. A name that is missing is plain text."""

    def colour(wanted: str | None, otherwise: str) -> str:
        return rich_colour(wanted or otherwise)

    good = colour(theme.success, theme.primary)
    bad = colour(theme.error, theme.primary)
    warn = colour(theme.warning, theme.primary)
    accent = colour(theme.accent, theme.primary)
    primary = rich_colour(theme.primary)
    panel = "" if theme.ansi or not theme.panel else f"on {rich_colour(theme.panel)}"
    made = {
        "ok": good, "run": f"bold {primary}", "wait": "dim", "bad": f"bold {bad}",
        "lost": f"bold {colour(theme.secondary, theme.primary)}", "warn": warn, "skip": "dim",
        "dim": "dim", "bold": "bold", "accent": accent, "title": "bold", "head": f"bold {primary}",
        "key": f"bold {accent}", "cursor": f"bold {panel}" if panel else "reverse",
        "mark": f"bold {accent}", "match": "reverse", "link": "underline", "bar": primary,
        "reverse": "reverse", "stderr": warn, "protected": f"bold reverse {bad}",
    }  # fmt: skip
    return {**made, **OWN.get(theme.name, {})}


def rich_colour(name: str) -> str:
    """A colour of Textual's as Rich calls it: `ansi_bright_red` is `bright_red`."""
    return name.removeprefix("ansi_")
