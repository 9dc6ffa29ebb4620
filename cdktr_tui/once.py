"""One frame, drawn without a terminal: for scripts, for continuous integration, and for those who
read the screen by ear. It is the same program; only where the frame goes to is another.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from cdktr_common import cli
from cdktr_common.errors import FAILED, OK, USAGE
from cdktr_tui.app import CdktrApp
from cdktr_tui.terminal.program import screen_ansi, screen_text

WAIT_S: Final = 10.0
"""For the data; after that what there is is shown, and why there is no more."""


def show(app: CdktrApp, size: tuple[int, int], plain: bool) -> int:
    """Print the frame; 1 when the principal did not answer in time."""
    frames: list[str] = []

    async def wait() -> None:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and not app.settled():
            await asyncio.sleep(0.02)
        frames.append(screen_text(app) if plain else screen_ansi(app))
        app.exit(OK if app.settled() else FAILED)

    app.when_ready = wait
    app.run(headless=True, size=size, mouse=False)
    if app.refused:
        cli.fail("cdktr-tui", f"--command: {app.refused}", USAGE)
    print(frames[0] if frames else "", end="" if frames and frames[0].endswith("\n") else "\n")
    return app.return_code or OK
