"""Doing what keys and commands say: from verbs and subjects to requests, questions and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cdktr_tui.actions import Subject

if TYPE_CHECKING:
    from cdktr_tui.app import CdktrApp


class Acting:
    """One for the program. It acts on the session and the view that are shown."""

    def __init__(self, app: CdktrApp) -> None:
        self._app = app

    def denied(self) -> str:
        """Why nothing may be changed here; empty: it may."""
        place = self._app.session.place
        return "read-only" if self._app.options.read_only or place.read_only else ""

    def do(self, verb: str, subjects: Sequence[Subject]) -> None:
        """Do it, or ask first."""

    def line(self, text: str) -> None:
        """A command as typed after `:`."""
        self._app.go(text.split()[0])
