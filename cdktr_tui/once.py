"""One frame, drawn without a terminal: for scripts, for continuous integration, and for those who
read the screen by ear. It is the same program; only where the frame goes to is another.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from cdktr_common import cli
from cdktr_common.errors import FAILED, OK, USAGE
from cdktr_tui.acting.acting import said
from cdktr_tui.app import CdktrApp
from cdktr_tui.terminal.program import screen_ansi, screen_text

WAIT_S: Final = 10.0
"""For the data; after that what there is is shown, and why there is no more."""


def show(app: CdktrApp, size: tuple[int, int], plain: bool) -> int:
    """Print the frame; 1 when what was asked for is not in it, and why."""
    frames: list[str] = []
    faults: list[str] = []

    async def wait() -> None:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and not app.settled():
            await asyncio.sleep(0.02)
        frames.append(screen_text(app) if plain else screen_ansi(app))
        if fault := _fault(app):
            faults.append(fault)
        app.exit()

    app.when_ready = wait
    app.run(headless=True, size=size, mouse=False)
    if app.refused:
        cli.fail("cdktr-tui", f"--command: {app.refused}", USAGE)
    print(frames[0] if frames else "", end="" if frames and frames[0].endswith("\n") else "\n")
    if faults and not app.return_code:
        cli.fail("cdktr-tui", faults[0], FAILED)
    return app.return_code or OK


def _fault(app: CdktrApp) -> str:
    """Why the frame does not show what was asked for; "": it does. All that was said at the foot is
    about the command: no key was pressed."""
    link, view = app.session.model.link, app.view
    if link.state == "refused":
        return link.detail or "the principal is not one of this program"
    if view.fault is not None:
        return said(view.fault)
    if link.state != "up":
        return f"no principal answers at {app.session.place.endpoint}"
    if app.acting.wrong:
        return app.acting.wrong
    if view.foot.asked is not None:
        return "--command: this asks first, and nobody is there to answer"
    return "" if app.settled() else f"not everything came within {WAIT_S:g} s"
